import assert from 'node:assert/strict'
import type { LookupAddress } from 'node:dns'
import { it } from 'node:test'

import { createLookup } from './lookup.ts'

const both: LookupAddress[] = [
  { address: '127.0.0.2', family: 4 },
  { address: '::2', family: 6 },
]

// What a lookup gives to node:net.
function ask(lookup: ReturnType<typeof createLookup>, all: boolean): Promise<unknown> {
  return new Promise((resolve) => {
    lookup('a.test', { all }, (error, ...found) => resolve(error?.message ?? found))
  })
}

it('a name is looked up once for many connections', async () => {
  let count = 0
  const lookup = createLookup((hostname, { all }, callback) => {
    assert.deepEqual([hostname, all], ['a.test', true])
    count++
    setImmediate(callback, null, both)
  })
  const answers = await Promise.all([ask(lookup, true), ask(lookup, false), ask(lookup, true)])
  assert.deepEqual(answers, [[both], ['127.0.0.2', 4], [both]])
  await ask(lookup, true)
  assert.equal(count, 1)
})

it('a lookup that failed is tried again', async () => {
  let count = 0
  const lookup = createLookup((_name, _options, callback) => {
    setImmediate(callback, ++count === 1 ? new Error('ENOTFOUND') : null, both)
  })
  assert.deepEqual(await Promise.all([ask(lookup, true), ask(lookup, true)]), [
    'ENOTFOUND',
    'ENOTFOUND',
  ])
  assert.deepEqual(await ask(lookup, true), [both])
})

it('addresses are forgotten in time', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let count = 0
  const lookup = createLookup((_name, _options, callback) => {
    count++
    setImmediate(callback, null, both)
  })
  await ask(lookup, true)
  t.mock.timers.tick(9_999)
  await ask(lookup, true)
  assert.equal(count, 1)
  t.mock.timers.tick(1)
  await ask(lookup, true)
  assert.equal(count, 2)
})
