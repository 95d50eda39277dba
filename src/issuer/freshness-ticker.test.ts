// When the keeper looks again and what it says of itself; over a signer and timers that obey.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createLedger } from '../audit/ledger.ts'
import { Fault } from '../core/fault.ts'
import type { LocalSigner } from '../keys/local.ts'
import { defaultRules, type Ring } from '../keys/ring.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import { discoveryDocument, jwksPath } from './discovery.ts'
import { createKeyRecorder, startKeyKeeper, type KeeperOptions } from './freshness.ts'
import { createHealthApp } from './health.ts'

const issuer = 'https://id.example/drone/main'
const jwk = { kty: 'RSA', kid: 'one', n: 'AQAB', e: 'AQAB' }
const now = () => new Date('2026-11-23T12:00:00Z')
const active: Ring = [{ kid: 'one', state: 'active', createdAt: now() }]

type Timer = { work: () => unknown; ms: number; isCleared: boolean; unref: () => Timer }

/** A keeper whose timers are in a list; `turn` runs one and lets everything settle. */
async function begin(
  world: Partial<LocalSigner> & { ring?: () => Ring } = {},
  more: Partial<KeeperOptions> = {},
) {
  const real = { setTimeout, setInterval, clearTimeout, clearInterval }
  const timers: Timer[] = []
  const make = (work: () => unknown, ms: number): Timer => {
    const timer: Timer = { work, ms, isCleared: false, unref: () => timer }
    timers.push(timer)
    return timer
  }
  const clear = (timer?: Timer) => void (timer && (timer.isCleared = true))
  const fakes = { setTimeout: make, setInterval: make, clearTimeout: clear, clearInterval: clear }
  const settle = async (work: () => unknown) => {
    Object.assign(globalThis, fakes)
    try {
      await work()
      for (let turns = 0; turns < 40; turns += 1) await Promise.resolve()
    } finally {
      Object.assign(globalThis, real)
    }
  }
  const served = { isUp: true, looks: 0 }
  const lines: [fields: object, message: string][] = []
  const say = (fields: object, message: string) => void lines.push([fields, message])
  const signer = {
    rules: defaultRules,
    ring: () => active,
    publicKeys: () => [jwk],
    refresh: async () => false,
    change: async () => undefined,
    ...world,
  } as unknown as LocalSigner
  const deps = {
    now,
    signer,
    log: { info: say, warn: say, error: say },
    send: async ({ path }: { path: string }) => {
      served.looks += 1
      if (!served.isUp) throw new Error('connect ECONNREFUSED')
      const json = path.endsWith(jwksPath) ? { keys: [jwk] } : discoveryDocument(issuer)
      const headers = { 'content-type': 'application/json' }
      return { status: 200, headers, body: Buffer.from(JSON.stringify(json)) }
    },
  }
  let keeper: ReturnType<typeof startKeyKeeper> | undefined
  const start = () => {
    keeper = startKeyKeeper(deps, { issuers: [issuer], checkEverySeconds: 300, ...more })
  }
  await settle(start)
  assert.ok(keeper)
  const turn = (timer: Timer | undefined) => settle(() => timer?.work())
  return { keeper, timers, served, lines, settle, turn, signer }
}

test('ticker › looks at once, then every five minutes once the active key is seen', async () => {
  const { timers, served, turn, keeper } = await begin()
  assert.deepEqual(
    timers.map(({ ms }) => ms),
    [2000, 300_000],
  )
  assert.equal(served.looks, 2)
  assert.deepEqual(keeper.reasons(), [])
  await turn(timers[1])
  assert.deepEqual([served.looks, timers[2]?.ms, timers[1]?.isCleared], [4, 300_000, true])
})

test('ticker › hurries while the active key is unseen, but is not slower than it was told', async () => {
  const rings: Ring = [{ kid: 'two', state: 'active', createdAt: now() }]
  const hurried = await begin({ ring: () => rings })
  assert.equal(hurried.timers[1]?.ms, 15_000)
  const quick = await begin({ ring: () => rings }, { checkEverySeconds: 3, refreshEverySeconds: 7 })
  assert.deepEqual(
    quick.timers.map(({ ms }) => ms),
    [7000, 3000],
  )
})

test('ticker › two looks asked for at once are one', async () => {
  const { keeper, settle, served } = await begin()
  await settle(() => Promise.all([keeper.tick(), keeper.tick()]))
  assert.equal(served.looks, 4)
})

test('ticker › closed looks no more, and what it waits for is over', async () => {
  const { keeper, settle, timers, served } = await begin()
  await settle(() => keeper.close())
  assert.deepEqual(
    timers.map(({ isCleared }) => isCleared),
    [true, true],
  )
  await settle(() => keeper.tick())
  assert.equal(timers.length, 2, 'no further look is planned')
  assert.equal(served.looks, 4)
})

test('ticker › closed while it looks changes no ring, and close waits for the look', async () => {
  let changes = 0
  const { keeper, settle } = await begin({
    change: async () => {
      changes += 1
      return undefined
    },
  })
  assert.equal(changes, 1)
  let isOver = false
  await settle(async () => {
    const look = keeper.tick().then(() => (isOver = true))
    await keeper.close()
    assert.equal(isOver, true)
    await look
  })
  assert.equal(changes, 1)
})

test('key file › changed by another process is taken over with a look and a line', async () => {
  let isChanged = true
  const { timers, turn, served, lines } = await begin({ refresh: async () => isChanged })
  await turn(timers[0])
  assert.equal(served.looks, 4)
  const line = [{ kid: 'one' }, 'the keys were changed by another process']
  assert.deepEqual(lines, [line])
  isChanged = false
  await turn(timers[0])
  assert.deepEqual([served.looks, lines.length], [4, 1])
})

test('key file › that cannot be read is said once, is a reason, and passes', async () => {
  let trouble: Error | undefined = new Fault('keys_unreadable', 'The key file is gone.')
  const refresh = async () => {
    if (trouble) throw trouble
    return false
  }
  const { timers, turn, lines, keeper } = await begin({ refresh })
  await turn(timers[0])
  await turn(timers[0])
  assert.deepEqual(lines, [[{ code: 'keys_unreadable' }, 'keys: The key file is gone.']])
  assert.deepEqual(keeper.reasons(), ['The keys cannot be kept: The key file is gone.'])
  trouble = new Error('another')
  await turn(timers[0])
  assert.deepEqual(lines[1], [{}, 'keys: another'])
  trouble = undefined
  await turn(timers[0])
  assert.deepEqual(keeper.reasons(), [])
})

test('ring › that refuses to move, or fails to, is said, and a later move heals it', async () => {
  let answer: () => Promise<unknown> = async () => ({ kind: 'not_ripe' })
  const { keeper, settle, lines } = await begin({
    change: (() => answer()) as LocalSigner['change'],
  })
  assert.deepEqual(lines, [[{ refusal: 'not_ripe' }, 'the ring refused to move']])
  answer = () => Promise.reject(new Error('disk full'))
  await settle(() => keeper.tick())
  assert.deepEqual(keeper.reasons(), ['The keys cannot be kept: disk full'])
  answer = async () => undefined
  await settle(() => keeper.tick())
  assert.deepEqual(keeper.reasons(), [])
})

test('ring › hears what was seen, and nothing of a look that saw nothing', async () => {
  const inputs: unknown[] = []
  const { keeper, served, settle } = await begin({
    change: async (input) => void inputs.push(input),
  })
  served.isUp = false
  await settle(() => keeper.tick())
  assert.deepEqual(inputs, [{ observation: { at: now(), served: new Set(['one']) } }, {}])
})

test('ring › of no issuers hears nothing', async () => {
  const inputs: unknown[] = []
  await begin({ change: async (input) => void inputs.push(input) }, { issuers: [] })
  assert.deepEqual(inputs, [{}])
})

test('readiness › without an active key is none, whatever else is wrong', async () => {
  const { keeper, timers, turn } = await begin({
    ring: () => [],
    refresh: () => Promise.reject(new Error('x')),
  })
  assert.deepEqual(keeper.reasons(), ['There is no active key.'])
  await turn(timers[0])
  assert.deepEqual(keeper.reasons(), ['The keys cannot be kept: x', 'There is no active key.'])
})

test('readiness › an active key unseen for more than an hour is a reason', async () => {
  const seenAgo = (seconds: number): Ring => {
    const at = new Date(now().getTime() - seconds * 1000)
    return [{ kid: 'two', state: 'active', createdAt: at, lastServedAt: at, servedSince: at }]
  }
  const told = async (seconds: number, more = {}) =>
    (await begin({ ring: () => seenAgo(seconds) }, more)).keeper.reasons()
  assert.deepEqual(await told(3600), [])
  assert.match(
    (await told(3601)).join(),
    /^The active key two was last seen at the public issuer URL at 2026-11-23T10:59:59\.000Z\.$/,
  )
  assert.deepEqual(await told(61, { freshForSeconds: 61 }), [])
  assert.equal((await told(62, { freshForSeconds: 61 })).length, 1)
})

test('readiness › a rotation long overdue is a reason', async () => {
  const createdAt = new Date(now().getTime() - 200 * 86_400_000)
  const rings: Ring = [{ kid: 'one', state: 'active', createdAt, activatedAt: createdAt }]
  const { keeper } = await begin({ ring: () => rings })
  assert.match(keeper.reasons().join(), /^Rotation is overdue since .*: the next key has not been/)
})

test('recorder › tells the ledger of each event in turn, with the kid', async () => {
  const told: unknown[] = []
  const ledger = { append: async (event: unknown) => void told.push(event) } as never
  await createKeyRecorder({ ledger })([
    { what: 'created', kid: 'one', why: 'New.' },
    { what: 'published', kid: 'two', why: 'Seen.' },
  ])
  assert.deepEqual(told, [
    { type: 'key.created', decision: 'info', key: { kid: 'one' }, detail: 'one: New.' },
    { type: 'key.published', decision: 'info', key: { kid: 'two' }, detail: 'two: Seen.' },
  ])
})

test('health › tells the policy, does without a keeper, and without a key', async (t) => {
  const store = openSqliteStore(':memory:')
  const ledger = createLedger({ store, now: () => new Date() }, 'node-1')
  t.after(() => store.close())
  const { signer } = await begin({ publicKeys: () => [] })
  const policy = () => ({ entries: 3 }) as never
  const json = async (app: ReturnType<typeof createHealthApp>, path: string) => {
    const answer = await app.request(path)
    return [answer.status, await answer.json()]
  }
  const bare = createHealthApp({ store, ledger, signer, version: '1' })
  assert.deepEqual(await json(bare, '/healthz'), [200, { status: 'ok', version: '1', keys: 0 }])
  assert.deepEqual(await json(bare, '/readyz'), [200, { status: 'ready', version: '1' }])
  const full = createHealthApp({ store, ledger, signer, version: '1', policy })
  assert.deepEqual(await json(full, '/healthz'), [
    200,
    { status: 'ok', version: '1', keys: 0, policy: { entries: 3 } },
  ])
})
