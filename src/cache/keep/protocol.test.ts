import assert from 'node:assert/strict'
import { describe, it, type TestContext } from 'node:test'

import type { CacheStore } from '../store.ts'
import {
  type Dangers,
  exploreAll,
  openRun,
  type Participant,
  type World,
  copyWorld,
} from './explore.fixture.ts'
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

const calm: Dangers = { kills: 0, jumps: 0, jumpMs: 3_700_000, pageSize: 100 }

type Play = {
  house: World
  saves: readonly Save[]
  others: readonly Participant[]
  dangers?: Partial<Dangers>
  wrap?: (participant: Participant, index: number) => Participant
}

// Every interleaving; a visible key that cannot be read is only forgiven a save that was killed after its
// intent had died, and then only until the next collection.
async function explore({ house, saves, others, dangers = {}, wrap = (each) => each }: Play) {
  const rules = { ...calm, ...dangers }
  const participants = () => [...saves.map(saving), ...others].map(wrap)
  let forgiven = 0
  const settled = new Set<string>()
  const explored = await exploreAll(
    () => openRun(copyWorld(house), participants(), rules),
    async (run, isEnd) => {
      const ended = run.ended()
      const unreadable = findUnreadable(run.world)
      if (rules.jumps === 0) assert.deepEqual(unreadable, [])
      if (!isEnd) return
      assertKept(run.world, saves, ended)
      if (unreadable.length > 0) {
        assert.ok(
          ended.some(({ state }, index) => state === 'killed' && index < saves.length),
          unreadable.join(),
        )
        forgiven++
      }
      const print = JSON.stringify([...run.world.blobs])
      if (settled.has(print)) return
      settled.add(print)
      await assertSettles(run.world)
    },
  )
  return { ...explored, forgiven }
}

function tell(
  t: TestContext,
  what: string,
  { states, ends, interleavings, forgiven }: Awaited<ReturnType<typeof explore>>,
) {
  t.diagnostic(
    `${what}: ${interleavings} interleavings in ${states} states, ${ends} ends, ${forgiven} killed saves left a key that the next collection removes`,
  )
}

const reuse: Save = { key: 'b', packs: ['p'] }
const garbage = () => createHouse({}, 'p')
const collector = collecting('mark-')

const clearing: Participant = (store) => clearKeys({ store, decodeKey: (name) => name }, 'old*')

describe('saves beside collections, every interleaving', () => {
  const play = { house: garbage(), saves: [reuse], others: [collector] }

  it('no save loses a pack that a collection removes', async (t) => {
    tell(t, 'save × collect', await explore(play))
  })
  it('also when one of them is killed at any step', async (t) => {
    tell(t, 'save × collect × kill', await explore({ ...play, dangers: { kills: 1 } }))
  })
  it('also when the clock jumps past the life of an intent at any step', async (t) => {
    tell(t, 'save × collect × jump', await explore({ ...play, dangers: { jumps: 1 } }))
  })
  it('also when another key with the same packs is cleared', async (t) => {
    const house = createHouse({ old: 'p' }, 'p')
    const others = [clearing]
    tell(
      t,
      'save × clear × kill',
      await explore({ house, saves: [reuse], others, dangers: { kills: 1 } }),
    )
  })
  it('two saves of one key end with one whole winner', async (t) => {
    const saves = [reuse, { key: 'b', packs: ['p', 'q'] }]
    tell(
      t,
      'save × save × kill',
      await explore({ house: createHouse({}, 'pq'), saves, others: [], dangers: { kills: 1 } }),
    )
  })
})

// Each takes one part of the protocol away by the store that one participant is given.
const broken: Record<
  string,
  { index: number; jumps: number; spoil: (store: CacheStore) => CacheStore }
> = {
  'a save that writes no intent': {
    index: 0,
    jumps: 0,
    spoil: (store) => ({
      ...store,
      writeWhole: async (name, ...rest) =>
        name.startsWith('saves/') || (await store.writeWhole(name, ...rest)),
      find: async (name) =>
        name.startsWith('saves/')
          ? { name, sizeBytes: 0, etag: '', modifiedAtMs: 0 }
          : await store.find(name),
    }),
  },
  'a save that does not read the marks': {
    index: 0,
    jumps: 0,
    spoil: (store) => ({
      ...store,
      list: (prefix) => (prefix === 'collect/' ? noPages() : store.list(prefix)),
    }),
  },
  'a save that does not look whether its intent is there still': {
    index: 0,
    jumps: 1,
    spoil: (store) => {
      let commits = 0
      return {
        ...store,
        writeWhole: async (name, ...rest) => {
          if (name.startsWith('keys/')) commits++
          return await store.writeWhole(name, ...rest)
        },
        find: async (name) =>
          name.startsWith('saves/') && commits > 0
            ? { name, sizeBytes: 0, etag: '', modifiedAtMs: 0 }
            : await store.find(name),
      }
    },
  },
  'a collection that does not list the keys again': {
    index: 1,
    jumps: 0,
    spoil: (store) => {
      let listings = 0
      return {
        ...store,
        list: (prefix) => (prefix === 'keys/' && listings++ > 0 ? noPages() : store.list(prefix)),
      }
    },
  },
  'a collection that does not wait for saves': {
    index: 1,
    jumps: 0,
    spoil: (store) => ({
      ...store,
      list: (prefix) => (prefix === 'saves/' ? noPages() : store.list(prefix)),
    }),
  },
}

async function* noPages(): AsyncGenerator<[]> {
  yield []
}

describe('the explorer finds the loss', () => {
  for (const [what, { index, jumps, spoil }] of Object.entries(broken)) {
    it(what, async () => {
      const wrap = (each: Participant, at: number): Participant =>
        at === index ? (store) => each(spoil(store)) : each
      const exploring = explore({
        house: garbage(),
        saves: [reuse],
        others: [collector],
        dangers: { jumps },
        wrap,
      })
      await assert.rejects(exploring, { code: 'ERR_ASSERTION' })
    })
  }
})
