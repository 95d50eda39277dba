// One suite for every store: what the rooms above rely on, whichever database is below.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { genesisHash, type BuildRow, type RequestTokenRow, type Store } from './store.ts'

const at = (seconds: number) => new Date(1_795_000_000_000 + seconds * 1000)

const token = (changes: Partial<RequestTokenRow> = {}): RequestTokenRow => ({
  tokenHash: 'a'.repeat(64),
  instance: 'main',
  buildId: 7,
  payload: '{"kind":"grant"}',
  issuedAt: at(0),
  expiresAt: at(3600),
  ...changes,
})

const build = (changes: Partial<BuildRow> = {}): BuildRow => ({
  instance: 'main',
  buildId: 7,
  version: 3,
  isFinal: false,
  payload: '{"status":"running"}',
  seenAt: at(0),
  ...changes,
})

/** Runs the contract against stores made by `open`; each test gets a fresh one. */
export function testStore(name: string, open: () => Promise<Store> | Store): void {
  const check = (title: string, body: (store: Store) => Promise<void>): void => {
    void test(`store ${name} › ${title}`, async () => {
      const store = await open()
      try {
        await body(store)
      } finally {
        await store.close()
      }
    })
  }

  check('gives a token back by its hash only', async (store) => {
    assert.equal(await store.addRequestToken(token()), true)
    assert.deepEqual(await store.findRequestToken(token().tokenHash), token())
    assert.equal(await store.findRequestToken('b'.repeat(64)), undefined)
    assert.equal(await store.countRequestTokens('main', 7), 1)
    assert.equal(await store.countRequestTokens('other', 7), 0)
  })

  check('keeps the first of two equal tokens', async (store) => {
    await store.addRequestToken(token())
    assert.equal(await store.addRequestToken(token({ payload: '{}' })), false)
    assert.equal((await store.findRequestToken(token().tokenHash))?.payload, token().payload)
  })

  check('ignores a word on a build that is older than the last one', async (store) => {
    assert.equal(await store.observeBuild(build()), true)
    assert.equal(await store.observeBuild(build({ version: 2, payload: 'old' })), false)
    assert.equal(await store.observeBuild(build({ version: 4, payload: 'new' })), true)
    assert.equal((await store.findBuild('main', 7))?.payload, 'new')
  })

  check('never revives a build that has ended, whatever version is claimed', async (store) => {
    await store.observeBuild(build())
    assert.equal(await store.observeBuild(build({ version: 1, isFinal: true })), true)
    assert.equal(await store.observeBuild(build({ version: 99 })), false)
    assert.equal((await store.findBuild('main', 7))?.isFinal, true)
  })

  check('keeps builds of two instances apart', async (store) => {
    await store.observeBuild(build())
    await store.observeBuild(build({ instance: 'other', isFinal: true }))
    assert.equal((await store.findBuild('main', 7))?.isFinal, false)
  })

  check('appends ledger rows one after another, also when asked at once', async (store) => {
    const hashOf = (index: number) => String(index).padStart(64, 'f')
    const seals = Array.from({ length: 20 }, (_, index) =>
      store.appendLedger((head) => [
        { seq: head.seq + 1, hash: hashOf(2 * index), record: `after ${head.hash}` },
        { seq: head.seq + 2, hash: hashOf(2 * index + 1), record: `after ${hashOf(2 * index)}` },
      ]),
    )
    await Promise.all(seals)
    const rows = await store.readLedger(1, 100)
    assert.deepEqual(
      rows.map((row) => row.seq),
      Array.from({ length: 40 }, (_, index) => index + 1),
    )
    assert.equal(rows[0]?.record, `after ${genesisHash}`)
    for (const [index, row] of rows.slice(1).entries()) {
      assert.equal(row.record, `after ${rows[index]?.hash}`)
    }
    assert.equal((await store.readLedger(19, 1))[0]?.seq, 19)
  })

  check('appends all rows of a batch or none', async (store) => {
    const batch = [1, 1].map((seq) => ({ seq, hash: 'h', record: 'r' }))
    await assert.rejects(
      store.appendLedger(() => batch),
      { code: 'store_unavailable' },
    )
    assert.deepEqual(await store.readLedger(1, 10), [])
  })

  check('leaves the ledger as it was when sealing fails', async (store) => {
    const sealing = store.appendLedger(() => {
      throw new Error('no')
    })
    await assert.rejects(sealing, { code: 'store_unavailable' })
    assert.deepEqual(await store.readLedger(1, 10), [])
    await store.appendLedger(() => [{ seq: 1, hash: 'h', record: 'r' }])
    assert.equal((await store.readLedger(1, 10)).length, 1)
  })

  check('forgets what is over, and only that', async (store) => {
    await store.addRequestToken(token({ tokenHash: 'old', expiresAt: at(10) }))
    await store.addRequestToken(token({ tokenHash: 'new', expiresAt: at(90) }))
    await store.observeBuild(build({ buildId: 1, seenAt: at(10) }))
    await store.observeBuild(build({ buildId: 2, seenAt: at(90) }))
    await store.observeBuild(build({ buildId: 7, seenAt: at(10), isFinal: true }))
    await store.prune(at(50))
    assert.equal(await store.findRequestToken('old'), undefined)
    assert.ok(await store.findRequestToken('new'))
    assert.equal(await store.findBuild('main', 1), undefined)
    assert.ok(await store.findBuild('main', 2))
    // The new token is of build 7: its end must not be forgotten before the token is.
    assert.equal((await store.findBuild('main', 7))?.isFinal, true)
  })
}
