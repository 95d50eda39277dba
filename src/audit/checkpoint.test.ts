import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'

import * as fc from 'fast-check'

import { openSqliteStore } from '../store/sqlite.ts'
import { genesisHash, type LedgerRow, type Store } from '../store/store.ts'
import { createCheckpoints } from './checkpoint.ts'
import type { LedgerRecord } from './event.ts'
import { createLedger } from './ledger.ts'
import { verifyLedger } from './verify.ts'

const now = () => new Date('2026-11-23T12:00:00.123Z')
const event = { type: 'policy.loaded', decision: 'info' } as const

function createStage(store: Store, ...nodes: string[]) {
  const lines: string[] = []
  const say = (fields: Record<string, unknown>) => void lines.push(JSON.stringify(fields))
  const log = { info: say, warn: say, error: say }
  const writers = nodes.map((node) => {
    const ledger = createLedger({ store, now }, node)
    return { ledger, checkpoint: createCheckpoints({ store, ledger, log }, node) }
  })
  return { writers, lines }
}

async function recordsOf(store: Store, node: string): Promise<LedgerRecord[]> {
  const rows = await store.readLedger(node, 1, 1000)
  return rows.map(({ record }) => JSON.parse(record) as LedgerRecord)
}

test('checkpoint › names the ends of the other chains, and only what is new', async () => {
  const store = openSqliteStore(':memory:')
  const { writers } = createStage(store, 'a', 'b')
  const [a, b] = writers
  assert.ok(a && b)
  await a.checkpoint()
  assert.deepEqual(await store.listChains(), [])
  await a.ledger.append(event)
  await b.checkpoint()
  const [record] = await recordsOf(store, 'b')
  const [chain] = await store.listChains()
  assert.deepEqual([record?.type, record?.heads], ['ledger.checkpoint', [chain]])
  await b.checkpoint()
  assert.equal((await recordsOf(store, 'b')).length, 1)
  await a.ledger.append(event)
  await b.checkpoint()
  assert.equal((await recordsOf(store, 'b'))[1]?.heads?.[0]?.seq, 2)
})

test('checkpoint › about nothing but checkpoints is not written, so idle replicas fall silent', async () => {
  const store = openSqliteStore(':memory:')
  const { writers } = createStage(store, 'a', 'b', 'c')
  for (const { ledger } of writers) await ledger.append(event)
  for (let minute = 0; minute < 20; minute += 1) {
    for (const { checkpoint } of writers) await checkpoint()
  }
  const lengths = (await store.listChains()).map(({ seq }) => seq)
  assert.deepEqual(lengths, [2, 2, 2])
})

test('checkpoint › that cannot be written is logged, and written the next time', async () => {
  const store = openSqliteStore(':memory:')
  const hands = { ...store }
  const { writers, lines } = createStage(hands, 'a')
  const other = createLedger({ store, now }, 'b')
  await other.append(event)
  hands.listChains = () => Promise.reject(new Error('no database'))
  await writers[0]?.checkpoint()
  assert.match(lines.join('\n'), /no database/)
  hands.listChains = () => store.listChains()
  await writers[0]?.checkpoint()
  assert.equal((await recordsOf(store, 'a')).length, 1)
})

/** A store in a file with a hand of an intruder on its tables. */
function tamperable(t: TestContext) {
  const folder = mkdtempSync(join(tmpdir(), 'asd-checkpoint-'))
  const file = join(folder, 'state.db')
  const store = openSqliteStore(file)
  t.after(async () => {
    await store.close()
    rmSync(folder, { recursive: true })
  })
  const tamper = (sql: string) => {
    const database = new DatabaseSync(file)
    database.exec(sql)
    database.close()
  }
  return { store, tamper }
}

test('ledger › with a tail cut off one chain is told of by another, at once in its log', async (t) => {
  const { store, tamper } = tamperable(t)
  const { writers, lines } = createStage(store, 'a', 'b')
  for (let count = 0; count < 3; count += 1) await writers[0]?.ledger.append(event)
  await writers[1]?.checkpoint()
  assert.equal((await verifyLedger(store)).count, 4)
  tamper("DELETE FROM ledger WHERE node = 'a' AND seq = 3")
  await assert.rejects(verifyLedger(store), {
    code: 'audit_chain_broken',
    message: /ledger of a is broken at record 3 \(truncate\): b saw record 3 at .* and it is gone/,
  })
  await writers[1]?.checkpoint()
  assert.match(lines.join('\n'), /audit_chain_broken.*"node":"a","seq":3/)
})

test('ledger › with a whole chain gone, or put in the place of another, is broken', async (t) => {
  const { store, tamper } = tamperable(t)
  const { writers } = createStage(store, 'a', 'b')
  for (const { ledger } of writers) await ledger.append(event)
  await writers[1]?.checkpoint()
  tamper("UPDATE ledger SET node = 'c' WHERE node = 'a'")
  await assert.rejects(verifyLedger(store), { message: /no record of it was written by c/ })
  tamper("DELETE FROM ledger WHERE node = 'c'")
  await assert.rejects(verifyLedger(store), { message: /ledger of a is broken at record 1/ })
})

type Cut = { node: string; keep: number }

/** Chains in memory, cut as an intruder would. */
function cutStore(chains: ReadonlyMap<string, LedgerRow[]>, { node, keep }: Cut) {
  const rowsOf = (name: string) => {
    const rows = chains.get(name) ?? []
    return name === node ? rows.slice(0, keep) : rows
  }
  return {
    readLedger: async (name: string, fromSeq: number, limit: number) =>
      rowsOf(name)
        .filter(({ seq }) => seq >= fromSeq)
        .slice(0, limit),
    listChains: async () =>
      [...chains.keys()].flatMap((name) => {
        const end = rowsOf(name).at(-1)
        return end ? [{ node: name, seq: end.seq, hash: end.hash }] : []
      }),
  }
}

test('ledger › property: a cut is found exactly when another chain saw what is gone', async () => {
  const nodes = ['a', 'b', 'c']
  const step = fc.record({ node: fc.constantFrom(...nodes), isCheckpoint: fc.boolean() })
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 40 }),
      fc.constantFrom(...nodes),
      fc.nat(),
      async (steps, node, some) => {
        const store = openSqliteStore(':memory:')
        const { writers } = createStage(store, ...nodes)
        for (const { node: name, isCheckpoint } of steps) {
          const writer = writers[nodes.indexOf(name)]
          await (isCheckpoint ? writer?.checkpoint() : writer?.ledger.append(event))
        }
        const chains = new Map<string, LedgerRow[]>()
        for (const name of nodes) chains.set(name, await store.readLedger(name, 1, 1000))
        await verifyLedger(store)
        const length = chains.get(node)?.length ?? 0
        const keep = length === 0 ? 0 : some % length
        let sightedUpTo = 0
        for (const name of nodes.filter((each) => each !== node)) {
          for (const { heads } of await recordsOf(store, name)) {
            for (const head of heads ?? []) {
              if (head.node === node) sightedUpTo = Math.max(sightedUpTo, head.seq)
            }
          }
        }
        const verifying = verifyLedger(cutStore(chains, { node, keep }))
        if (sightedUpTo <= keep) await verifying
        else await assert.rejects(verifying, { code: 'audit_chain_broken' })
        await store.close()
      },
    ),
    { numRuns: 100 },
  )
})

test('ledger › property: a chain written anew from some record on is found when it was seen', async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 5 }), async (keep) => {
      const store = openSqliteStore(':memory:')
      const { writers } = createStage(store, 'a', 'b')
      for (let count = 0; count < 6; count += 1) await writers[0]?.ledger.append(event)
      await writers[1]?.checkpoint()
      const forged = openSqliteStore(':memory:')
      const rows = await store.readLedger('a', 1, keep)
      if (keep > 0) await forged.appendLedger('a', () => rows)
      const again = createLedger({ store: forged, now }, 'a')
      for (let count = keep; count < 6; count += 1) {
        await again.append({ ...event, detail: 'forged' })
      }
      const seen = await store.readLedger('b', 1, 10)
      await forged.appendLedger('b', ({ hash }) => (hash === genesisHash ? seen : []))
      await assert.rejects(verifyLedger(forged), { message: /b saw another one there/ })
    }),
    { numRuns: 12 },
  )
})
