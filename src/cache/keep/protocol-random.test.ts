import assert from 'node:assert/strict'
import { it } from 'node:test'

import { copyWorld, openRun, type Participant } from './explore.fixture.ts'
import { clearKeys } from './keys.ts'
import {
  assertKept,
  assertSettles,
  collecting,
  createHouse,
  findUnreadable,
  type Save,
  saving,
} from './protocol.fixture.ts'

const runs = 600
const saves: readonly Save[] = [
  { key: 'b', packs: ['p'] },
  { key: 'c', packs: ['p', 'q'] },
]
const clearing: Participant = (store) => clearKeys({ store, decodeKey: (name) => name }, 'old')

// Mulberry32: the same seed gives the same runs.
function createRandom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

it('two saves, a clear and two collections, killed and late, lose nothing', async (t) => {
  const house = createHouse({ old: 'pq' }, 'pqr')
  let [steps, killed, forgiven] = [0, 0, 0]
  for (let seed = 1; seed <= runs; seed++) {
    const random = createRandom(seed)
    const others = [clearing, collecting('m-'), collecting('n-')]
    const dangers = {
      kills: seed % 3,
      jumps: seed % 4,
      jumpMs: 3_700_000,
      pageSize: 1 + (seed % 2),
    }
    const run = await openRun(copyWorld(house), [...saves.map(saving), ...others], dangers)
    for (let choices = run.choices(); choices.length > 0; choices = run.choices()) {
      // Kills and jumps are rare, so that runs go far.
      const calm = choices.filter(({ kind }) => kind === 'step')
      const from = random() < 0.04 ? choices : calm
      const choice = from[Math.floor(random() * from.length)] ?? assert.fail()
      await run.take(choice)
      steps++
    }
    const ended = run.ended()
    killed += ended.filter(({ state }) => state === 'killed').length
    assertKept(run.world, saves, ended)
    const unreadable = findUnreadable(run.world)
    if (unreadable.length > 0) {
      assert.ok(
        ended.slice(0, 2).some(({ state }) => state === 'killed'),
        `seed ${seed}`,
      )
      forgiven++
    }
    await assertSettles(run.world)
  }
  t.diagnostic(
    `${runs} runs, ${steps} steps, ${killed} killed, ${forgiven} left a key that the next collection removes`,
  )
})
