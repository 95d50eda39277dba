import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import type { LedgerRecord } from '../audit/event.ts'
import { createLedger } from '../audit/ledger.ts'
import { openLocalSigner } from '../keys/local.ts'
import { activeKey, defaultRules } from '../keys/ring.ts'
import { longestLifetimeSeconds } from '../policy/schema.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import { createKeyRecorder, startKeyKeeper, type KeeperOptions } from './freshness.ts'
import { createHealthApp } from './health.ts'
import { createPublicApp } from './public-app.ts'
import type { Send } from './published.ts'

const [hour, day] = [3600, 86_400]
const issuerUrl = 'https://id.example/drone'
const issuers = ['main', 'other'].map((name) => `${issuerUrl}/${name}`)
const rules = { ...defaultRules, rotateAfterSeconds: 10 * day }

/** A service whose own public door is the issuer URL, on a clock that moves when told. */
async function setUp(t: TestContext, more: Partial<KeeperOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'asd-keeper-'))
  const file = join(folder, 'keys.json')
  const world = { time: Date.parse('2026-11-23T12:00:00Z'), isUp: true, wrongIssuer: '' }
  const now = () => new Date(world.time)
  const store = openSqliteStore(':memory:')
  const ledger = createLedger({ store, now }, 'node-1')
  const record = createKeyRecorder({ ledger })
  const signer = await openLocalSigner({ now, record }, file, { rules })
  const lines: string[] = []
  const say = (_: Record<string, unknown>, message: string) => void lines.push(message)
  const log = { info: say, warn: say, error: say }
  const app = createPublicApp({ issuerUrl, instances: ['main', 'other'], signer, log })
  const send: Send = async ({ origin, path }) => {
    if (!world.isUp) throw new Error('connect ECONNREFUSED')
    const answer = await app.request(`${origin.origin}${path}`)
    const text = (await answer.text()).replace(
      `${issuerUrl}/other"`,
      `${issuerUrl}/other${world.wrongIssuer}"`,
    )
    return {
      status: answer.status,
      headers: Object.fromEntries(answer.headers),
      body: Buffer.from(text),
    }
  }
  const options = { issuers, checkEverySeconds: 300, ...more }
  const keeper = startKeyKeeper({ now, send, log, signer }, options)
  t.after(async () => {
    await keeper.close()
    rmSync(folder, { recursive: true })
  })
  const health = createHealthApp({ store, ledger, signer, version: '1.2.3', keeper })
  const ready = async () => {
    const answer = await health.request('/readyz')
    const { reasons = [] } = (await answer.json()) as { reasons?: string[] }
    assert.equal(answer.status, reasons.length === 0 ? 200 : 503)
    return reasons
  }
  /** Lets time pass with a look every half hour. */
  const watch = async (seconds: number) => {
    for (let passed = 0; passed < seconds; passed += hour / 2) {
      world.time += (hour / 2) * 1000
      await keeper.tick()
    }
  }
  const records = async () =>
    (await store.readLedger('node-1', 1, 1000)).map((row) => JSON.parse(row.record) as LedgerRecord)
  return { world, file, now, store, signer, keeper, lines, health, ready, watch, records }
}

test('retired keys are kept for as long as the policy lets a token live', () => {
  assert.equal(defaultRules.longestTokenSeconds, longestLifetimeSeconds)
})

test('keeper › sees its own public door, rotates in time, and the ledger tells the whole story', async (t) => {
  const { signer, watch, ready, records } = await setUp(t)
  const first = activeKey(signer.ring())?.kid
  await watch(11.5 * day)
  assert.notEqual(activeKey(signer.ring())?.kid, first)
  assert.deepEqual(await ready(), [])
  assert.deepEqual(
    (await records()).map(({ type }) => type as string),
    [
      'created',
      'activated',
      'published',
      'created',
      'published',
      'retired',
      'activated',
      'removed',
    ].map((what) => `key.${what}`),
  )
  const [created] = await records()
  assert.equal(created?.detail, `${first}: The first key of this issuer.`)
  assert.deepEqual((created as unknown as { key: object }).key, { kid: first })
})

test('keeper › takes over what another process changed, without a restart', async (t) => {
  const { file, now, signer, lines } = await setUp(t, { refreshEverySeconds: 0.02 })
  const cli = await openLocalSigner({ now }, file)
  await cli.change({ command: { kind: 'activate', isEmergency: true } })
  for (let tries = 0; signer.publicKeys().length < 2 && tries < 200; tries += 1) {
    await sleep(10)
  }
  assert.deepEqual(signer.publicKeys(), cli.publicKeys())
  assert.ok(lines.includes('the keys were changed by another process'))
})

test('keeper › says each difference once, and when it is over', async (t) => {
  const { world, lines, keeper } = await setUp(t)
  await keeper.tick()
  world.wrongIssuer = '/'
  for (let looks = 0; looks < 3; looks += 1) {
    await keeper.tick()
  }
  world.wrongIssuer = ''
  await keeper.tick()
  assert.deepEqual(lines, [
    'the public issuer documents are not as they should be',
    'the public issuer documents are those we sign for',
  ])
})

test('keeper › counts a key as served only when every issuer serves it', async (t) => {
  const { world, signer, watch } = await setUp(t)
  await watch(hour)
  await signer.change({ command: { kind: 'prepare' } })
  world.wrongIssuer = '.evil'
  await watch(2 * day)
  const [, next] = signer.publicKeys()
  assert.equal(signer.ring().find(({ kid }) => kid === next?.kid)?.state, 'next')
  world.wrongIssuer = ''
  await watch(day + hour)
  assert.equal(signer.publicKeys()[0]?.kid, next?.kid)
})

type Kit = Awaited<ReturnType<typeof setUp>>

const table: { name: string; act: (kit: Kit) => Promise<unknown>; reasons: RegExp[] }[] = [
  { name: 'that sees its key', act: ({ keeper }) => keeper.tick(), reasons: [] },
  {
    name: 'whose URL is down for less than an hour',
    act: async ({ keeper, world, watch }) => {
      await keeper.tick()
      world.isUp = false
      await watch(hour)
    },
    reasons: [],
  },
  {
    name: 'whose URL is down for longer',
    act: async ({ keeper, world, watch }) => {
      await keeper.tick()
      world.isUp = false
      await watch(1.5 * hour)
    },
    reasons: [
      /was last seen at the public issuer URL at 2026-11-23T12:00:00.000Z\. .*ECONNREFUSED/,
    ],
  },
  {
    name: 'that is young and unseen',
    act: async ({ keeper, world, signer }) => {
      world.isUp = false
      await keeper.tick()
      await signer.change({ command: { kind: 'activate', isEmergency: true } })
    },
    reasons: [/has not served the active key .* yet/],
  },
  {
    name: 'after a revocation, until the new key is seen',
    act: async ({ keeper, signer }) => {
      await keeper.tick()
      const kid = signer.publicKeys()[0]?.kid ?? ''
      await signer.change({ command: { kind: 'revoke', kid } })
    },
    reasons: [/has not served the active key/],
  },
  {
    name: 'whose rotation does not come about',
    act: async ({ keeper, world, watch }) => {
      await keeper.tick()
      world.isUp = false
      await watch(14 * day)
    },
    reasons: [/was last seen/, /Rotation is overdue since 2026-12-06T12:00:00.000Z/],
  },
  {
    name: 'whose key file is gone',
    act: async ({ keeper, file }) => {
      await keeper.tick()
      rmSync(file)
      await keeper.tick()
    },
    reasons: [/keys cannot be kept: .* it is gone/],
  },
  {
    name: 'whose ledger cannot be written',
    act: async ({ keeper, store }) => {
      await keeper.tick()
      await store.close()
    },
    reasons: [/ledger cannot be written/],
  },
]

for (const { name, act, reasons } of table) {
  test(`readiness › of a service ${name}: ${reasons.length === 0 ? 'ready' : 'unready'}`, async (t) => {
    const kit = await setUp(t)
    await act(kit)
    const told = await kit.ready()
    assert.equal(told.length, reasons.length, JSON.stringify(told))
    for (const [index, reason] of reasons.entries()) assert.match(told[index] ?? '', reason)
  })
}

test('liveness › does not depend on what the world can read', async (t) => {
  const { world, keeper, signer, health, ready } = await setUp(t)
  await signer.change({ command: { kind: 'activate', isEmergency: true } })
  world.isUp = false
  await keeper.tick()
  assert.equal((await ready()).length, 1)
  assert.equal((await health.request('/healthz')).status, 200)
})

test('probe › of the ledger leaves no record', async (t) => {
  const { ready, records } = await setUp(t)
  const before = (await records()).length
  await ready()
  assert.equal((await records()).length, before)
})
