// One suite for every store: what the rooms above rely on, whichever database is below.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import {
  genesisHash,
  type BuildRow,
  type RequestTokenRow,
  type Store,
  type StorePages,
} from './store.ts'

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

type Contracted = Store & StorePages

/** Runs the contract against stores made by `open`; each test gets a fresh one. */
export function testStore(
  { name, skip = false }: { name: string; skip?: string | false },
  open: () => Promise<Contracted> | Contracted,
): void {
  const check = (title: string, body: (store: Contracted) => Promise<void>): void => {
    void test(`store ${name} › ${title}`, { skip }, async () => {
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
      store.appendLedger('a', (head) => [
        { seq: head.seq + 1, hash: hashOf(2 * index), record: `after ${head.hash}` },
        { seq: head.seq + 2, hash: hashOf(2 * index + 1), record: `after ${hashOf(2 * index)}` },
      ]),
    )
    await Promise.all(seals)
    const rows = await store.readLedger('a', 1, 100)
    assert.deepEqual(
      rows.map((row) => row.seq),
      Array.from({ length: 40 }, (_, index) => index + 1),
    )
    assert.equal(rows[0]?.record, `after ${genesisHash}`)
    for (const [index, row] of rows.slice(1).entries()) {
      assert.equal(row.record, `after ${rows[index]?.hash}`)
    }
    assert.equal((await store.readLedger('a', 19, 1))[0]?.seq, 19)
  })

  check('appends all rows of a batch or none', async (store) => {
    const batch = [1, 1].map((seq) => ({ seq, hash: 'h', record: 'r' }))
    await assert.rejects(
      store.appendLedger('a', () => batch),
      { code: 'store_unavailable' },
    )
    assert.deepEqual(await store.readLedger('a', 1, 10), [])
  })

  check('leaves the ledger as it was when sealing fails', async (store) => {
    const sealing = store.appendLedger('a', () => {
      throw new Error('no')
    })
    await assert.rejects(sealing, { code: 'store_unavailable' })
    assert.deepEqual(await store.readLedger('a', 1, 10), [])
    await store.appendLedger('a', () => [{ seq: 1, hash: 'h', record: 'r' }])
    assert.equal((await store.readLedger('a', 1, 10)).length, 1)
  })

  check(
    'drops the oldest records of a chain with the record that says so, or neither',
    async (store) => {
      const rowsFrom = (first: number) =>
        [0, 1, 2].map((index) => ({ seq: first + index, hash: `h${first + index}`, record: 'r' }))
      for (const node of ['a', 'b']) await store.appendLedger(node, () => rowsFrom(1))
      const dropping = store.appendLedger('b', () => rowsFrom(3), { node: 'a', through: 2 })
      await assert.rejects(dropping, { code: 'store_unavailable' })
      assert.equal((await store.readLedger('a', 1, 10)).length, 3)
      await store.appendLedger('b', () => rowsFrom(4), { node: 'a', through: 2 })
      const left = await Promise.all(['a', 'b'].map((node) => store.readLedger(node, 1, 10)))
      assert.deepEqual(
        left.map((rows) => rows.map(({ seq }) => seq)),
        [[3], [1, 2, 3, 4, 5, 6]],
      )
    },
  )

  check('keeps the chains of two nodes apart, and lists them', async (store) => {
    assert.deepEqual(await store.listChains(), [])
    for (const node of ['node-2', 'node-1', 'node-1.cli', 'node-2']) {
      await store.appendLedger(node, ({ seq, hash }) => [
        { seq: seq + 1, hash: `${node} ${seq + 1}`, record: `after ${hash}` },
      ])
    }
    const chains = await store.listChains()
    assert.deepEqual(
      new Map(chains.map(({ node, ...head }) => [node, head])),
      new Map([
        ['node-1', { seq: 1, hash: 'node-1 1' }],
        ['node-1.cli', { seq: 1, hash: 'node-1.cli 1' }],
        ['node-2', { seq: 2, hash: 'node-2 2' }],
      ]),
    )
    assert.equal((await store.readLedger('node-2', 2, 9))[0]?.record, 'after node-2 1')
    assert.deepEqual(await store.readLedger('node-3', 1, 9), [])
  })

  check('keeps a record letter by letter', async (store) => {
    const record = '{"b":"\\u0000 é 😀","a":1.0,"a":2}'
    await store.appendLedger('a', () => [{ seq: 1, hash: 'h', record }])
    assert.equal((await store.readLedger('a', 1, 1))[0]?.record, record)
  })

  check('decides between words on one build that come at once', async (store) => {
    const words = [
      ...Array.from({ length: 12 }, (_, version) => build({ version, payload: `v${version}` })),
      build({ version: 1, isFinal: true, payload: 'end' }),
    ]
    await Promise.all(words.map((word) => store.observeBuild(word)))
    const { isFinal, payload } = (await store.findBuild('main', 7)) ?? {}
    assert.deepEqual([isFinal, payload], [true, 'end'])
  })

  check('writes a document only over the version it was made from', async (store) => {
    assert.equal(await store.readDocument('keys'), undefined)
    assert.equal(await store.writeDocument('keys', 3, 'x'), false)
    assert.equal(await store.writeDocument('keys', 0, 'one'), true)
    assert.equal(await store.writeDocument('keys', 0, 'other'), false)
    const { version = 0, text } = (await store.readDocument('keys')) ?? {}
    assert.equal(text, 'one')
    const outcomes = await Promise.all(
      ['a', 'b', 'c'].map((each) => store.writeDocument('keys', version, each)),
    )
    assert.equal(outcomes.filter(Boolean).length, 1)
    const now = await store.readDocument('keys')
    assert.equal(now?.text, ['a', 'b', 'c'][outcomes.indexOf(true)])
    assert.equal(await store.writeDocument('keys', version, 'late'), false)
    assert.deepEqual(await store.readDocuments(), [{ name: 'keys', ...now }])
  })

  check('lets one at a time work under a lock, and goes on after a failure', async (store) => {
    const seen: string[] = []
    const work = (who: string) => async () => {
      seen.push(`${who} begins`)
      await store.readDocument('keys')
      await new Promise((resolve) => setTimeout(resolve, 5))
      seen.push(`${who} ends`)
      if (who === 'b') throw new Error('b fails')
      return who
    }
    const outcomes = await Promise.allSettled(
      ['a', 'b', 'c'].map((who) => store.withLock('ring', work(who))),
    )
    assert.deepEqual(
      outcomes.map((each) => (each.status === 'fulfilled' ? each.value : String(each.reason))),
      ['a', 'Error: b fails', 'c'],
    )
    for (const [index, line] of seen.entries()) {
      if (line.endsWith('begins')) assert.equal(seen[index + 1], line.replace('begins', 'ends'))
    }
    assert.equal(seen.length, 6)
  })

  check('does not let a lock wait for another of a different name', async (store) => {
    const both = await store.withLock('one', () => store.withLock('two', async () => 'both'))
    assert.equal(both, 'both')
  })

  check('shows all it has page by page', async (store) => {
    const hashes = ['0a', '1b', '2c', '3d']
    for (const tokenHash of hashes.toReversed()) await store.addRequestToken(token({ tokenHash }))
    const first = await store.readRequestTokens('', 3)
    assert.deepEqual(
      first.map(({ tokenHash }) => tokenHash),
      hashes.slice(0, 3),
    )
    assert.deepEqual(await store.readRequestTokens('2c', 3), [token({ tokenHash: '3d' })])
    for (const [instance, buildId] of [
      ['a', 10],
      ['b', 1],
      ['a', 9],
    ] as const) {
      await store.observeBuild(build({ instance, buildId }))
    }
    const builds = await store.readBuilds({ instance: '', buildId: 0 }, 2)
    assert.deepEqual(
      builds.map(({ buildId }) => buildId),
      [9, 10],
    )
    const rest = await store.readBuilds({ instance: 'a', buildId: 10 }, 2)
    assert.deepEqual(rest, [build({ instance: 'b', buildId: 1 })])
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
