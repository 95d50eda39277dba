import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'

import { openSqliteStore } from '../store/sqlite.ts'
import { genesisHash, type Store } from '../store/store.ts'
import type { LedgerRecord } from './event.ts'
import { createLedger } from './ledger.ts'
import { verifyLedger } from './verify.ts'

const now = () => new Date('2026-11-23T12:00:00.123Z')
const event = { type: 'service.started', decision: 'info', detail: 'a' } as const

async function fill(store: Store, count: number): Promise<void> {
  const ledger = createLedger({ store, now }, 'node-1')
  for (let index = 0; index < count; index += 1)
    await ledger.append({ ...event, rule: `r${index}` })
}

/** A ledger of five records in a file, and an intruder's hand on its table. */
async function tampered(
  t: TestContext,
  sql: string,
  ...values: (string | number)[]
): Promise<{ store: Store }> {
  const folder = mkdtempSync(join(tmpdir(), 'asd-ledger-'))
  const file = join(folder, 'state.db')
  const store = openSqliteStore(file)
  t.after(async () => {
    await store.close()
    rmSync(folder, { recursive: true })
  })
  await fill(store, 5)
  const database = new DatabaseSync(file)
  const { changes } = database.prepare(sql).run(...values)
  assert.ok(Number(changes) > 0)
  database.close()
  return { store }
}

test('ledger › writes who, where and when, and gives the record back as it is stored', async () => {
  const store = openSqliteStore(':memory:')
  const ledger = createLedger({ store, now }, 'node-1')
  const record = await ledger.append(event)
  assert.deepEqual(
    { ...record, hash: '' },
    {
      v: 1,
      ...event,
      node: 'node-1',
      seq: 1,
      ts: '2026-11-23T12:00:00.123Z',
      prev: genesisHash,
      hash: '',
    },
  )
  const [row] = await store.readLedger('node-1', 1, 10)
  assert.deepEqual(JSON.parse(row?.record ?? '') as LedgerRecord, record)
  assert.deepEqual([row?.seq, row?.hash], [1, record.hash])
})

test('ledger › of many nodes at once has one chain for each', async () => {
  const store = openSqliteStore(':memory:')
  const ledgers = ['a', 'b'].map((node) => createLedger({ store, now }, node))
  const writing = Array.from({ length: 25 }, () => ledgers.map((ledger) => ledger.append(event)))
  await Promise.all(writing.flat())
  const chains = await store.listChains()
  const verified = await verifyLedger(store)
  assert.deepEqual([verified.count, verified.chains], [50, chains])
  assert.deepEqual(
    chains.map(({ node, seq }) => [node, seq]),
    [
      ['a', 25],
      ['b', 25],
    ],
  )
})

test('ledger › of one node written by two processes refuses the one whose end has moved', async () => {
  const store = openSqliteStore(':memory:')
  const first = createLedger({ store, now }, 'a')
  await first.append(event)
  await first.check()
  const second = createLedger({ store, now }, 'a')
  await second.append(event)
  const refused = { code: 'audit_unavailable', message: /chain of a ends at record 2.*same `node`/ }
  await assert.rejects(first.append(event), refused)
  await assert.rejects(first.check(), refused)
  await second.append(event)
  assert.equal((await verifyLedger(store)).count, 3)
})

test('ledger › goes on after a failure, whether its record was written or not', async () => {
  const inner = openSqliteStore(':memory:')
  let fails: 'before' | 'after' | undefined
  const store: Pick<Store, 'appendLedger'> = {
    appendLedger: async (node, seal) => {
      if (fails === 'before') {
        seal({ seq: 1, hash: (await inner.listChains())[0]?.hash ?? '' })
        throw new Error('cut')
      }
      await inner.appendLedger(node, seal)
      if (fails === 'after') throw new Error('cut')
    },
  }
  const ledger = createLedger({ store, now }, 'a')
  await ledger.append(event)
  for (fails of ['before', 'after', undefined] as const) {
    if (fails === undefined) await ledger.append(event)
    else await assert.rejects(ledger.append(event), { code: 'audit_unavailable' })
  }
  assert.equal((await verifyLedger(inner)).count, 3)
})

test('ledger › is verified over the seams of its pages', async () => {
  const store = openSqliteStore(':memory:')
  for (const count of [999, 1, 1, 999, 1]) {
    await fill(store, count)
    const { count: counted, chains } = await verifyLedger(store)
    assert.equal((await store.readLedger('node-1', counted, 10)).length, 1)
    assert.equal((await store.readLedger('node-1', counted, 1))[0]?.hash, chains[0]?.hash)
  }
  assert.equal((await verifyLedger(store)).count, 2001)
})

test('ledger › is empty before its first record', async () => {
  const store = openSqliteStore(':memory:')
  assert.deepEqual(await verifyLedger(store), { count: 0, chains: [], verifiers: [] })
})

const edits: { name: string; sql: string; values?: (string | number)[]; seq: number }[] = [
  {
    name: 'an edited value',
    sql: `UPDATE ledger SET record = replace(record, '"r2"', '"rX"') WHERE seq = 3`,
    seq: 3,
  },
  { name: 'a dropped record', sql: 'DELETE FROM ledger WHERE seq = 2', seq: 2 },
  { name: 'a dropped first record', sql: 'DELETE FROM ledger WHERE seq = 1', seq: 1 },
  { name: 'a run cut from the middle', sql: 'DELETE FROM ledger WHERE seq IN (2, 3, 4)', seq: 2 },
  {
    name: 'a record put twice',
    sql: 'INSERT INTO ledger SELECT node, 6, hash, record FROM ledger WHERE seq = 5',
    seq: 6,
  },
  {
    name: 'a record between two',
    sql: 'INSERT INTO ledger SELECT node, 2.5, hash, record FROM ledger WHERE seq = 2',
    seq: 3,
  },
  {
    name: 'a record that is no JSON',
    sql: 'UPDATE ledger SET record = ? WHERE seq = 4',
    values: ['{"seq":4'],
    seq: 4,
  },
  {
    name: 'a record that is null',
    sql: 'UPDATE ledger SET record = ? WHERE seq = 4',
    values: ['null'],
    seq: 4,
  },
  {
    name: 'an emptied record',
    sql: "UPDATE ledger SET record = '' WHERE seq = 1",
    seq: 1,
  },
  {
    name: 'a hash column the next record would continue',
    sql: `UPDATE ledger SET hash = '${'f'.repeat(64)}' WHERE seq = 5`,
    seq: 5,
  },
  {
    name: 'a doubled key, of which another reader sees the other value',
    sql: `UPDATE ledger SET record = replace(record, '"node":', '"decision":"deny","node":') WHERE seq = 3`,
    seq: 3,
  },
  {
    name: 'all records moved up by one',
    sql: 'UPDATE ledger SET seq = seq + 100',
    seq: 1,
  },
]

for (const { name, sql, values = [], seq } of edits) {
  test(`ledger › tells of ${name}, at record ${seq}`, async (t) => {
    const { store } = await tampered(t, sql, ...values)
    await assert.rejects(verifyLedger(store), (error: { details: { seq: number } }) => {
      assert.equal(error.details.seq, seq)
      return true
    })
    await assert.rejects(verifyLedger(store), { code: 'audit_chain_broken', exitCode: 6 })
  })
}

test('ledger › with swapped records tells of the first', async (t) => {
  const { store } = await tampered(
    t,
    `UPDATE ledger SET record = (SELECT record FROM ledger AS other WHERE other.seq = 6 - ledger.seq),
       hash = (SELECT hash FROM ledger AS other WHERE other.seq = 6 - ledger.seq) WHERE seq IN (2, 4)`,
  )
  await assert.rejects(verifyLedger(store), { message: /record 2/ })
})

test('ledger › that cannot be written is audit_unavailable, worth a retry, with its cause', async () => {
  const why = new Error('disk full')
  const store = { appendLedger: () => Promise.reject(why) }
  await assert.rejects(createLedger({ store, now }, 'n').append(event), {
    code: 'audit_unavailable',
    status: 503,
    exitCode: 5,
    isRetryable: true,
    message: /disk full/,
    cause: why,
  })
})

test('ledger › that was closed is audit_unavailable as well', async () => {
  const store = openSqliteStore(':memory:')
  await store.close()
  await assert.rejects(createLedger({ store, now }, 'n').append(event), {
    code: 'audit_unavailable',
  })
})

test('ledger › writes what is asked in one turn as one batch, each with its own answer', async () => {
  const store = openSqliteStore(':memory:')
  let batches = 0
  const counting = {
    appendLedger: (...asked: Parameters<typeof store.appendLedger>) => {
      batches += 1
      return store.appendLedger(...asked)
    },
  }
  const ledger = createLedger({ store: counting, now: () => new Date(0) }, 'node-1')
  const records = await Promise.all(
    Array.from({ length: 50 }, (_, index) =>
      ledger.append({ type: 'policy.loaded', decision: 'info', detail: `event ${index}` }),
    ),
  )
  assert.equal(batches, 1)
  assert.deepEqual(
    records.map(({ seq, detail }) => `${seq} ${detail}`),
    Array.from({ length: 50 }, (_, index) => `${index + 1} event ${index}`),
  )
  assert.equal((await verifyLedger(store)).count, 50)
})

test('ledger › refuses one event that cannot be sealed and keeps the others of its batch', async () => {
  const store = openSqliteStore(':memory:')
  const ledger = createLedger({ store, now: () => new Date(0) }, 'node-1')
  const outcomes = await Promise.allSettled(
    ['good', '\ud800', 'better'].map((detail) =>
      ledger.append({ type: 'policy.loaded', decision: 'info', detail }),
    ),
  )
  assert.deepEqual(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  )
  assert.equal((await verifyLedger(store)).count, 2)
})
