// An answer is asked for again when it is old or went wrong, and not before.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { keepRecent } from './recently.ts'

test('an answer is kept for its seconds and no longer', async () => {
  const world = { time: 0, asked: 0 }
  const ask = keepRecent(
    { now: () => new Date(world.time) },
    () => Promise.resolve((world.asked += 1)),
    15,
  )
  assert.deepEqual([await ask(), await ask()], [1, 1])
  world.time = 14_999
  assert.equal(await ask(), 1)
  world.time = 15_000
  assert.equal(await ask(), 2)
})

test('what went wrong is asked for again at once', async () => {
  const world = { asked: 0 }
  const fail = () => Promise.reject(new Error(`${(world.asked += 1)}`))
  const ask = keepRecent({ now: () => new Date(0) }, fail, 15)
  await assert.rejects(ask(), /1/)
  await assert.rejects(ask(), /2/)
})
