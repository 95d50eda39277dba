import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { Secret } from '../core/secret.ts'
import { testStore } from './contract.ts'
import { startPostgres, whyNoPostgres, type TestServer } from './postgres.fixture.ts'
import { openPostgresStore } from './postgres.ts'

const skip = whyNoPostgres()
let server: TestServer | undefined
before(async () => {
  if (skip === false) server = await startPostgres()
})
after(() => server?.stop())

async function newDatabase() {
  assert.ok(server)
  return server.createDatabase()
}

testStore({ name: 'postgres', skip }, async () => openPostgresStore(await newDatabase()))

test('store postgres › is migrated once when many replicas start at once', { skip }, async () => {
  const settings = await newDatabase()
  const stores = await Promise.all(Array.from({ length: 6 }, () => openPostgresStore(settings)))
  assert.equal(await stores[0]?.writeDocument('keys', 0, 'one'), true)
  for (const store of stores) {
    assert.equal((await store.readDocument('keys'))?.text, 'one')
    await store.close()
  }
})

test('store postgres › of many replicas decides for all of them', { skip }, async () => {
  const settings = await newDatabase()
  const stores = await Promise.all([1, 2, 3].map(() => openPostgresStore(settings)))
  const seenAt = new Date(0)
  const row = { instance: 'main', buildId: 7, payload: '{}', seenAt }
  await Promise.all(
    stores.flatMap((store) =>
      Array.from({ length: 20 }, (_, version) =>
        store.observeBuild({ ...row, version, isFinal: version === 4 }),
      ),
    ),
  )
  for (const store of stores) assert.equal((await store.findBuild('main', 7))?.isFinal, true)
  await Promise.all(
    stores.flatMap((store) =>
      Array.from({ length: 10 }, () =>
        store.appendLedger('a', ({ seq, hash }) => [
          { seq: seq + 1, hash: `h${seq + 1}`, record: `after ${hash}` },
        ]),
      ),
    ),
  )
  const rows = (await stores[0]?.readLedger('a', 2, 100)) ?? []
  assert.equal(rows.length, 29)
  for (const { seq, record } of rows) assert.equal(record, `after h${seq - 1}`)
  let inside = 0
  const work = async () => {
    inside += 1
    assert.equal(inside, 1)
    await new Promise((resolve) => setTimeout(resolve, 5))
    inside -= 1
  }
  await Promise.all(stores.flatMap((store) => [1, 2].map(() => store.withLock('ring', work))))
  for (const store of stores) await store.close()
})

test(
  'store postgres › has on the disk what it appended, whatever the server is set to',
  { skip },
  async () => {
    const settings = await newDatabase()
    const store = await openPostgresStore(settings)
    await store.appendLedger('a', () => [{ seq: 1, hash: 'h', record: 'r' }])
    await server?.crash()
    await store.close()
    const again = await openPostgresStore(settings)
    assert.equal((await again.readLedger('a', 1, 9))[0]?.record, 'r')
    await again.close()
  },
)

test('store postgres › survives the loss of its connections', { skip }, async () => {
  const settings = await newDatabase()
  const store = await openPostgresStore(settings)
  await store.writeDocument('keys', 0, 'one')
  const isLost = store.withLock('ring', async () => {
    await server?.cutConnections()
    return 'done'
  })
  // The lock went with its connection: what was done under it must not count as done alone.
  await assert.rejects(isLost, { code: 'store_unavailable' })
  const outcomes = await Promise.allSettled(
    Array.from({ length: 20 }, () => store.readDocument('keys')),
  )
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') {
      assert.equal((outcome.reason as { code: string }).code, 'store_unavailable')
    }
  }
  assert.equal((await store.readDocument('keys'))?.text, 'one')
  await store.close()
})

test('store postgres › refuses a database of a newer release', { skip }, async () => {
  const settings = await newDatabase()
  await (await openPostgresStore(settings)).close()
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: settings.url.reveal() })
  await client.connect()
  await client.query('UPDATE schema_version SET version = 99')
  await client.end()
  await assert.rejects(openPostgresStore(settings), {
    code: 'store_newer',
    message: /version 99/,
  })
})

test(
  'store postgres › that cannot be reached, or refuses, says so without the password',
  { skip },
  async () => {
    const settings = await newDatabase()
    const url = settings.url.reveal()
    const wrong = [
      url.replace(/:[^:@]*@/, ':canary-of-a-password@'),
      url.replace(/:\d+\//, ':1/'),
      url.replace(/asd_\d+$/, 'nowhere'),
    ]
    for (const each of wrong) {
      await assert.rejects(openPostgresStore({ ...settings, url: new Secret(each) }), (error) => {
        assert.equal((error as { code: string }).code, 'store_unavailable')
        assert.ok(!String(error).includes('canary'))
        return true
      })
    }
    // A server that does not speak TLS is not spoken to in clear instead.
    await assert.rejects(openPostgresStore({ ...settings, isInClear: false }), {
      code: 'store_unavailable',
      message: /SSL/,
    })
  },
)
