// No token leaves before its ledger record is on disk (DESIGN §5.7): shown with a ledger that fails,
// one that hangs, and the order of what the store is asked.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { openSqliteStore } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'
import { createRehearsal, createRehearsalSigner, jsonOf, tokenOf } from './rehearsal.fixture.ts'

const signer = await createRehearsalSigner()

/** A store whose ledger a test can hold back; `calls` is the order of what was asked and done. */
function heldStore() {
  const inner = openSqliteStore(':memory:')
  const calls: string[] = []
  const types: string[] = []
  const gate = { wait: async (): Promise<void> => {} }
  const store: Store = {
    ...inner,
    appendLedger: async (node, seal) => {
      calls.push('ledger asked')
      await gate.wait()
      await inner.appendLedger(node, (head) => {
        const rows = seal(head)
        for (const { record } of rows) types.push((JSON.parse(record) as { type: string }).type)
        return rows
      })
      for (const type of types.splice(0)) calls.push(`ledger has ${type}`)
    },
    addRequestToken: async (row) => {
      calls.push('token stored')
      return inner.addRequestToken(row)
    },
  }
  return { store, inner, calls, gate }
}

/** Waits until the ledger was asked, and then long enough for every promise that is not held back. */
async function settle(calls: string[]): Promise<void> {
  const deadline = performance.now() + 5000
  while (calls.at(-1) !== 'ledger asked') {
    assert.ok(performance.now() < deadline, 'the ledger was asked last')
    await nextTurn()
  }
  for (let turn = 0; turn < 50; turn += 1) await nextTurn()
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

test('exchange › answers only after its record is committed', async () => {
  const { store, calls, gate } = heldStore()
  const { ask, tell, exchange } = createRehearsal(signer, { store })
  const token = await tokenOf(ask())
  await tell()
  const { promise: held, resolve: release } = Promise.withResolvers<void>()
  gate.wait = () => held
  const answering = Promise.resolve(exchange(token)).finally(() => calls.push('answered'))
  await settle(calls)
  assert.equal(calls.at(-1), 'ledger asked')
  release()
  assert.equal((await answering).status, 200)
  assert.deepEqual(calls.slice(-2), ['ledger has token.issued', 'answered'])
})

test('exchange › whose ledger hangs for ever answers nothing', async () => {
  const { store, inner, calls, gate } = heldStore()
  const { ask, tell, exchange } = createRehearsal(signer, { store })
  const token = await tokenOf(ask())
  await tell()
  gate.wait = () => new Promise<never>(() => {})
  let isAnswered = false
  void Promise.resolve(exchange(token)).then(() => (isAnswered = true))
  await settle(calls)
  assert.equal(isAnswered, false)
  assert.equal((await inner.readLedger('node-1', 1, 10)).length, 1)
})

test('exchange › whose ledger fails is 503 with no token in it, and works again afterwards', async () => {
  const { store, inner, gate } = heldStore()
  const { ask, tell, exchange, lines } = createRehearsal(signer, { store })
  const token = await tokenOf(ask())
  await tell()
  gate.wait = () => Promise.reject(new Error('disk full'))
  const answer = await exchange(token)
  assert.equal(answer.status, 503)
  const text = await answer.text()
  assert.match(text, /"code":"audit_unavailable"/)
  assert.ok(!/eyJ|value/.test(text))
  assert.ok(lines.some((line) => line.includes('"level":"error"') && line.includes('disk full')))
  assert.equal((await inner.readLedger('node-1', 1, 10)).length, 1)
  gate.wait = async () => {}
  assert.equal((await exchange(token)).status, 200)
})

test('refusal › that cannot be recorded is 503 too: no answer without a record', async () => {
  const { store, gate } = heldStore()
  const { ask, exchange } = createRehearsal(signer, { store })
  const token = await tokenOf(ask({ name: 'gone' }))
  gate.wait = () => Promise.reject(new Error('disk full'))
  const problem = await jsonOf(exchange(token))
  assert.deepEqual([problem['status'], problem['code']], [503, 'audit_unavailable'])
})

test('secret door › stores a token only after its record, and answers after both', async () => {
  const { store, calls } = heldStore()
  const { ask } = createRehearsal(signer, { store })
  await ask()
  assert.deepEqual(calls, ['ledger asked', 'ledger has token.requested', 'token stored'])
})

test('secret door › whose ledger fails or hangs hands out nothing and stores nothing', async () => {
  const { store, inner, calls, gate } = heldStore()
  const { ask, askEnviron } = createRehearsal(signer, { store })
  gate.wait = () => Promise.reject(new Error('disk full'))
  for (const answer of [await ask(), await ask({ name: 'gone' })]) {
    assert.equal(answer.status, 503)
    assert.ok(!(await answer.text()).includes('asd1.'))
  }
  assert.deepEqual(await (await askEnviron()).json(), [])
  gate.wait = () => new Promise<never>(() => {})
  let isAnswered = false
  void ask().then(() => (isAnswered = true))
  await settle(calls)
  assert.equal(isAnswered, false)
  assert.equal(await inner.countRequestTokens('ci-main', 1001), 0)
  assert.deepEqual(await inner.readLedger('node-1', 1, 10), [])
})

for (const method of ['findRequestToken', 'findBuild'] as const) {
  test(`exchange › with a database that fails at ${method} is 503 and no bug`, async () => {
    const { inner } = heldStore()
    const { ask, tell, exchange } = createRehearsal(signer, { store: inner })
    const token = await tokenOf(ask())
    await tell()
    await inner.close()
    const answer = await exchange(token)
    const { code } = await jsonOf(answer)
    assert.equal(answer.status, 503)
    assert.ok(code === 'store_unavailable' || code === 'audit_unavailable')
  })
}

test('exchange › of a defect tells its request id and nothing else', async () => {
  const { inner } = heldStore()
  const canary = 'canary-in-a-bug'
  const store: Store = { ...inner, findRequestToken: () => Promise.reject(new TypeError(canary)) }
  const { exchange, lines } = createRehearsal(signer, { store })
  const answer = await exchange('asd1.x.y')
  assert.equal(answer.status, 500)
  const text = await answer.text()
  assert.ok(!text.includes(canary))
  const [id] = /[0-9a-f-]{36}/.exec(text) ?? []
  assert.ok(id && lines.some((line) => line.includes(id) && line.includes(canary)))
})
