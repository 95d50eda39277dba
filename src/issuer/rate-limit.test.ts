import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Fault } from '../core/fault.ts'
import { from } from './instances.fixture.ts'
import { createRateLimiter, strangerKey } from './rate-limit.ts'
import { canaries, createRehearsal, createRehearsalSigner, tokenOf } from './rehearsal.fixture.ts'

const signer = await createRehearsalSigner()

function begin(burst: number, perMinute: number) {
  const clock = { time: 1_000_000 }
  const { take } = createRateLimiter({ now: () => new Date(clock.time) }, { burst, perMinute })
  /** Seconds to wait; 0 when the call is served. */
  const wait = (key = 'one'): number => {
    try {
      take(key)
      return 0
    } catch (error) {
      assert.ok(error instanceof Fault && error.code === 'issuer_rate_limited')
      return Number(error.details['retryAfterSeconds'])
    }
  }
  return { clock, wait }
}

test('rate limit › serves a burst, and then as many as a minute allows', () => {
  const { clock, wait } = begin(3, 6)
  assert.deepEqual([wait(), wait(), wait(), wait()], [0, 0, 0, 10])
  clock.time += 9999
  assert.equal(wait(), 1)
  clock.time += 1
  assert.deepEqual([wait(), wait()], [0, 10])
  clock.time += 3_600_000
  assert.deepEqual([wait(), wait(), wait(), wait()], [0, 0, 0, 10])
})

test('rate limit › says when the next call is served, and keeps its word', () => {
  const { clock, wait } = begin(1, 7)
  assert.equal(wait(), 0)
  const seconds = wait()
  assert.ok(seconds >= 8 && seconds <= 9)
  clock.time += seconds * 1000
  assert.equal(wait(), 0)
})

test('rate limit › counts every key by itself', () => {
  const { wait } = begin(1, 1)
  assert.deepEqual([wait('one'), wait('one'), wait('two'), wait('two')], [0, 60, 0, 60])
})

test('rate limit › gains nothing from a clock that is set back', () => {
  const { clock, wait } = begin(1, 60)
  assert.equal(wait(), 0)
  clock.time -= 3_600_000
  assert.equal(wait(), 1)
  clock.time += 1000
  assert.equal(wait(), 0)
})

test('rate limit › remembers ten thousand keys and forgets the quietest', () => {
  const { wait } = begin(1, 1)
  assert.equal(wait('quiet'), 0)
  assert.equal(wait('loud'), 0)
  for (let key = 0; key < 9998; key += 1) wait(String(key))
  assert.equal(wait('loud'), 60)
  assert.equal(wait('one more'), 0)
  assert.equal(wait('quiet'), 0)
  assert.equal(wait('loud'), 60)
})

const callers: [address: string, key: string][] = [
  ['192.0.2.7', '192.0.2.7'],
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
  ['2001:db8:1:2::9', '2001:db8:1:2'],
  ['2001:db8::9', '2001:db8:0:0'],
  ['fe80::1%eth0', 'fe80:0:0:0'],
  ['::1', '0:0:0:0'],
]

for (const [address, key] of callers) {
  test(`rate limit › counts ${address} as ${key}`, () => {
    assert.equal(strangerKey(from(address)), key)
  })
}

test('rate limit › counts callers without an address as one', () => {
  for (const env of [undefined, {}, { incoming: {} }]) assert.equal(strangerKey(env), 'unknown')
})

const tight = { runner: { burst: 2, perMinute: 60 }, stranger: { burst: 2, perMinute: 60 } }

test('CI door › asks strangers to wait by address, and serves runners at the same address', async () => {
  const { ask, askEnviron, tell } = createRehearsal(signer, { limits: tight })
  const bad = { token: 'x'.repeat(40) }
  const env = from('192.0.2.7')
  assert.equal((await ask({ ...bad, env })).status, 401)
  assert.equal((await tell({ ...bad, env })).status, 401)
  for (const answer of [
    await ask({ ...bad, env }),
    await ask({ runner: 'nobody', env }),
    await ask({ instance: 'nowhere', env }),
    await askEnviron({ ...bad, env }),
    await tell({ ...bad, env }),
  ]) {
    assert.equal(answer.status, 429)
    assert.equal(answer.headers.get('retry-after'), '1')
    assert.match(await answer.text(), /"code":"issuer_rate_limited"/)
  }
  assert.equal((await ask({ ...bad, env: from('192.0.2.8') })).status, 401)
  for (const answer of [await ask({ env }), await askEnviron({ env })]) {
    assert.equal(answer.status, 200)
  }
  assert.equal((await tell({ env })).status, 204)
})

test('CI door › asks one runner to wait and not the next, and answers environ with a list', async () => {
  const { ask, askEnviron, world } = createRehearsal(signer, { limits: tight })
  assert.deepEqual([(await ask()).status, (await ask()).status], [200, 200])
  const answer = await ask()
  assert.deepEqual([answer.status, answer.headers.get('retry-after')], [429, '1'])
  assert.notEqual(await (await askEnviron()).text(), '[]')
  await askEnviron()
  const environ = await askEnviron()
  assert.deepEqual([environ.status, await environ.text()], [200, '[]'])
  world.time += 1000
  assert.equal((await ask()).status, 200)
})

test('CI door › never asks a server to wait with its webhooks: the last one ends tokens', async () => {
  const { tell } = createRehearsal(signer, { limits: tight })
  for (let version = 1; version < 50; version += 1) {
    assert.equal((await tell({ build: { version } })).status, 204)
  }
})

test('exchange › asks strangers to wait by address, and serves steps at the same address', async () => {
  const { ask, tell, exchange } = createRehearsal(signer, { limits: tight })
  const token = await tokenOf(ask())
  await tell()
  const statuses: number[] = []
  for (let count = 0; count < 4; count += 1) statuses.push((await exchange('asd1.x.y')).status)
  assert.deepEqual(statuses, [401, 401, 429, 429])
  assert.equal((await exchange('asd1.x.y')).headers.get('retry-after'), '1')
  assert.equal((await exchange(token)).status, 200)
})

test('CI door › reads no byte of a body before it knows the caller', async () => {
  const { ci } = createRehearsal(signer)
  let pulled = 0
  const body = new ReadableStream(
    {
      pull: (controller) => {
        pulled += 1
        controller.enqueue(new Uint8Array(65_536))
      },
    },
    { highWaterMark: 0 },
  )
  const answer = await ci.request('/ci-main/drone/runners/docker-1/secret', {
    method: 'POST',
    headers: { signature: canaries.runner },
    body,
    duplex: 'half',
  })
  assert.equal(answer.status, 401)
  assert.equal(pulled, 0)
})
