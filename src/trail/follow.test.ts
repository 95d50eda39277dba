import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import * as fc from 'fast-check'

import { startPostgres, whyNoPostgres, type TestServer } from '../store/postgres.fixture.ts'
import { openPostgresStore } from '../store/postgres.ts'
import { trailTables } from '../store/sql/trail-schema.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'
import type { TrailTables } from '../store/trail-tables.ts'
import { createFollower, follow } from './follow.ts'
import { fillStore } from './many.fixture.ts'
import { openTrail } from './open.ts'
import { project, trailForm } from './project.ts'

type Followed = Store & TrailTables

const skip = whyNoPostgres()
let server: TestServer | undefined
before(async () => {
  if (skip === false) server = await startPostgres()
})
after(() => server?.stop())

const pause = () => Promise.resolve()
const small = { builds: 40, records: 400, seed: 7, repositories: 5 }

async function dump(store: Followed): Promise<string> {
  const all: unknown[] = []
  for (const table of trailTables) {
    const rows = await store.selectTrail(`SELECT * FROM ${table}`)
    const lines = rows.map((row) => JSON.stringify(Object.values(row).map(String)))
    all.push([table, ...lines.toSorted()])
  }
  return JSON.stringify(all, undefined, 1)
}

function check(
  title: string,
  body: (store: Followed, other: () => Promise<Followed>) => Promise<void>,
): void {
  const kinds = [
    {
      name: 'sqlite',
      skip: false as string | false,
      open: async () => openSqliteStore(':memory:'),
    },
    {
      name: 'postgres',
      skip,
      open: async () => {
        assert.ok(server)
        return openPostgresStore(await server.createDatabase())
      },
    },
  ]
  for (const kind of kinds) {
    void test(`trail ${kind.name} › ${title}`, { skip: kind.skip }, async () => {
      const opened: Followed[] = []
      const open = async () => {
        const store: Followed = await kind.open()
        opened.push(store)
        return store
      }
      try {
        await body(await open(), open)
      } finally {
        for (const store of opened) await store.close()
      }
    })
  }
}

check('follows every chain to its end, and again finds nothing new', async (store) => {
  assert.equal(await fillStore(store, small), 400)
  assert.equal(await follow({ store, pause }, 64), 400)
  const once = await dump(store)
  assert.equal(await follow({ store, pause }), 0)
  assert.equal(await dump(store), once)
  for (const { followedTo, head } of await openTrail(store).progress()) {
    assert.equal(followedTo, head)
  }
  const { builds, events } = await openTrail(store).counts()
  assert.deepEqual([builds, events], [40, 400])
})

check('made in one go or record by record, the tables are the same', async (store, other) => {
  const again = await other()
  await fillStore(store, small)
  await fillStore(again, small)
  await follow({ store, pause }, 1)
  await follow({ store: again, pause }, 1000)
  assert.equal(await dump(store), await dump(again))
})

check('counts a record once when several follow at once', async (store, other) => {
  const alone = await other()
  await fillStore(store, small)
  await fillStore(alone, small)
  await Promise.all([1, 2, 3].map((each) => follow({ store, pause }, 30 + each)))
  await follow({ store, pause })
  await follow({ store: alone, pause })
  assert.equal(await dump(store), await dump(alone))
})

check('emptied, or of an older form, is made again', async (store) => {
  await fillStore(store, small)
  await follow({ store, pause })
  const once = await dump(store)
  await store.clearTrail()
  assert.equal(await follow({ store, pause }), 400)
  assert.equal(await dump(store), once)
  assert.equal(await store.openTrail(trailForm + 1), true)
  assert.equal((await openTrail(store).counts()).builds, 0)
  // This release leaves alone what a newer one has made its own.
  assert.equal(await follow({ store, pause }), 0)
  const late = { form: trailForm, node: 'node-1', from: 0, to: 5, parts: [] }
  assert.equal(await store.writeTrail(late), false)
})

check('writes all of a batch or nothing', async (store) => {
  await fillStore(store, small)
  await store.openTrail(trailForm)
  const rows = await store.readLedger('node-1', 1, 10)
  const parts = project('node-1', rows)
  const torn = {
    table: 'trail_use',
    columns: [['no_such', 'text']],
    onConflict: '',
    rows: [['x']],
  } as const
  const batch = { form: trailForm, node: 'node-1', from: 0, to: 10, parts: [...parts, torn] }
  await assert.rejects(store.writeTrail(batch), { code: 'store_unavailable' })
  assert.equal((await openTrail(store).counts()).builds, 0)
  assert.equal(await store.writeTrail({ ...batch, parts }), true)
  assert.equal(await store.writeTrail({ ...batch, parts }), false)
})

void test('trail › property: any sizes and any order of nodes make the same tables', async () => {
  const reference = openSqliteStore(':memory:')
  await fillStore(reference, small)
  await follow({ store: reference, pause })
  const expected = (await dump(reference)).replaceAll(/\s/g, '')
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.constantFrom('node-1', 'node-2'), fc.integer({ min: 1, max: 90 })), {
        maxLength: 30,
      }),
      async (turns) => {
        const store = openSqliteStore(':memory:')
        await fillStore(store, small)
        await store.openTrail(trailForm)
        const ends = new Map<string, number>()
        for (const [node, size] of turns) {
          const from = ends.get(node) ?? 0
          const rows = await store.readLedger(node, from + 1, size)
          const to = rows.at(-1)?.seq
          if (to === undefined) continue
          const parts = project(node, rows)
          assert.ok(await store.writeTrail({ form: trailForm, node, from, to, parts }))
          ends.set(node, to)
        }
        await follow({ store, pause })
        assert.equal((await dump(store)).replaceAll(/\s/g, ''), expected)
        await store.close()
      },
    ),
    { numRuns: 15 },
  )
  await reference.close()
})

void test('trail › starts over when the ledger is that of yesterday', async () => {
  const store = openSqliteStore(':memory:')
  await fillStore(store, small)
  await follow({ store, pause })
  const chains = await store.listChains()
  const shorter = {
    ...store,
    listChains: async () => chains.map((chain) => ({ ...chain, seq: chain.seq - 5 })),
  }
  assert.ok((await follow({ store: shorter, pause })) > 300)
  await store.close()
})

void test('trail › who asks while it follows waits for a round that began after', async () => {
  const store = openSqliteStore(':memory:')
  await fillStore(store, small)
  const catchUp = createFollower({
    store,
    pause: () => new Promise((resolve) => setImmediate(resolve)),
  })
  const [first, second, third] = await Promise.all([catchUp(), catchUp(), catchUp()])
  assert.deepEqual([first, second, third], [400, 0, 0])
  await store.close()
})

void test('trail › passes over what is no record', () => {
  const rows = ['{', 'null', '7', '{"type":3}', '{"type":"x","ts":"never"}'].map(
    (record, index) => ({
      seq: index + 1,
      hash: 'h',
      record,
    }),
  )
  assert.deepEqual(project('a', rows), [])
})
