import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { createLedger } from '../audit/ledger.ts'
import { verifyLedger } from '../audit/verify.ts'
import { compareStores, copyStore, type WholeStore } from './move.ts'
import { startPostgres, whyNoPostgres, type TestServer } from './postgres.fixture.ts'
import { openPostgresStore } from './postgres.ts'
import { openSqliteStore } from './sqlite.ts'

const skip = whyNoPostgres()
let server: TestServer | undefined
before(async () => {
  if (skip === false) server = await startPostgres()
})
after(() => server?.stop())

const at = (seconds: number) => new Date(1_795_000_000_000 + seconds * 1000)

async function fill(store: WholeStore): Promise<void> {
  for (const node of ['node-1', 'node-1.cli']) {
    const ledger = createLedger({ store, now: () => at(0) }, node)
    const events = Array.from({ length: 1203 }, (_, index) =>
      ledger.append({ type: 'policy.loaded', decision: 'info', detail: `é ${index}` }),
    )
    await Promise.all(events)
  }
  for (let index = 0; index < 40; index += 1) {
    const row = { instance: index % 2 === 0 ? 'b-c' : 'bc', payload: '{"a":"é"}' }
    const times = { issuedAt: at(0), expiresAt: at(index) }
    await store.addRequestToken({ ...row, ...times, tokenHash: `${index}`, buildId: index })
    const isFinal = index % 3 === 0
    await store.observeBuild({ ...row, buildId: index, version: 1, isFinal, seenAt: at(1) })
  }
  await store.writeDocument('keys', 0, 'sealed')
  await store.writeDocument('keys', 1, 'sealed again')
}

async function stage(): Promise<{ from: WholeStore; to: WholeStore; close: () => Promise<void> }> {
  assert.ok(server)
  const from = openSqliteStore(':memory:')
  const to = await openPostgresStore(await server.createDatabase())
  await fill(from)
  return {
    from,
    to,
    close: async () => {
      await from.close()
      await to.close()
    },
  }
}

const all = { records: 2406, tokens: 40, builds: 40, documents: 1 }

test('move › brings everything over, and again changes nothing', { skip }, async () => {
  const { from, to, close } = await stage()
  for (let times = 0; times < 2; times += 1) {
    await copyStore(from, to)
    const { chains, ...counts } = await compareStores(from, to)
    assert.deepEqual(counts, all)
    assert.deepEqual((await verifyLedger(to)).count, 2406)
    assert.equal(chains.length, 2)
  }
  await close()
})

test('move › goes on where it was cut', { skip }, async () => {
  const { from, to, close } = await stage()
  let writes = 0
  const cut = async () => {
    writes += 1
    if (writes > 60) throw new Error('cut')
  }
  const failing: WholeStore = {
    ...to,
    addRequestToken: async (row) => cut().then(() => to.addRequestToken(row)),
    observeBuild: async (row) => cut().then(() => to.observeBuild(row)),
    appendLedger: async (node, seal) => cut().then(() => to.appendLedger(node, seal)),
  }
  await assert.rejects(copyStore(from, failing), /cut/)
  await assert.rejects(compareStores(from, to), { code: 'store_target_differs', exitCode: 6 })
  writes = -21
  await assert.rejects(copyStore(from, failing), /cut/)
  await copyStore(from, to)
  assert.deepEqual((await compareStores(from, to)).records, all.records)
  await close()
})

const foreign: { name: string; write: (to: WholeStore) => Promise<unknown> }[] = [
  {
    name: 'a chain of another node',
    write: (to) => to.appendLedger('node-9', () => [{ seq: 1, hash: 'h', record: 'r' }]),
  },
  {
    name: 'another record in the same place',
    write: (to) => to.appendLedger('node-1', () => [{ seq: 1, hash: 'h', record: 'r' }]),
  },
  {
    name: 'a token of its own',
    write: (to) =>
      to.addRequestToken({
        tokenHash: 'x',
        instance: 'b',
        buildId: 1,
        payload: '{}',
        issuedAt: at(0),
        expiresAt: at(1),
      }),
  },
  {
    name: 'another word on a build',
    write: (to) =>
      to.observeBuild({
        instance: 'b-c',
        buildId: 2,
        version: 9,
        isFinal: false,
        payload: '{}',
        seenAt: at(1),
      }),
  },
  { name: 'another document', write: (to) => to.writeDocument('keys', 0, 'other') },
]

for (const { name, write } of foreign) {
  test(`move › refuses a target with ${name}, and leaves it as it is`, { skip }, async () => {
    const { from, to, close } = await stage()
    await write(to)
    const chains = await to.listChains()
    await assert.rejects(copyStore(from, to), { code: 'store_target_differs' })
    assert.deepEqual(await to.listChains(), chains)
    await assert.rejects(compareStores(from, to), { code: 'store_target_differs' })
    await close()
  })
}

test('move › finds one changed letter on the other side', { skip }, async () => {
  const { from, to, close } = await stage()
  await copyStore(from, to)
  const lying: WholeStore = {
    ...to,
    readLedger: async (...asked) => {
      const rows = await to.readLedger(...asked)
      return rows.map((row) =>
        row.seq === 1100 ? { ...row, record: row.record.replace('é 1099', 'e 1099') } : row,
      )
    },
  }
  await assert.rejects(compareStores(from, lying), { message: /record 1100 of node-1/ })
  await close()
})
