import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Secret } from '../core/secret.ts'
import { type HttpAnswer, HttpError } from '../http/http.ts'
import { requestIdToken } from './id-token.ts'

const token = { bearer: new Secret('asd1_x'), serviceUrl: new URL('https://asd.example') }

const answer = (status: number, body: object | string, headers = {}): HttpAnswer => ({
  status,
  headers,
  body: Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
})

const good = answer(200, { value: 'a.b.c' })
const broken = (code: string) => () => {
  throw new HttpError(`it says ${code}`, code, false)
}
const problem = { code: 'issuer_busy', detail: 'It is busy.' }

// A service that fails so often before it answers, on a clock that waiting moves.
async function ask(failures: number, fail: () => HttpAnswer) {
  let [tries, waitedMs] = [0, 0]
  const outcome = await requestIdToken(
    {
      now: () => new Date(0),
      random: () => 0.5,
      sleep: async (ms) => void (waitedMs += ms),
      userAgent: 'test',
      send: async () => {
        tries += 1
        return tries > failures ? good : fail()
      },
    },
    token,
    'api://AzureADTokenExchange',
  ).then(
    () => 'token',
    (error: { code?: string }) => error.code,
  )
  return { outcome, tries, waitedMs }
}

const restarts: { name: string; fail: () => HttpAnswer }[] = [
  { name: 'nobody listens', fail: broken('ECONNREFUSED') },
  { name: 'connections break off', fail: broken('ECONNRESET') },
  { name: 'a proxy answers 502', fail: () => answer(502, '<html>Bad gateway</html>') },
  { name: 'it says 503 itself', fail: () => answer(503, problem) },
]

for (const { name, fail } of restarts) {
  test(`ID token › is waited for while the service is restarted and ${name}`, async () => {
    assert.deepEqual((await ask(19, fail)).outcome, 'token')
    const { outcome, tries, waitedMs } = await ask(99, fail)
    assert.notEqual(outcome, 'token')
    assert.equal(tries, 21)
    assert.ok(waitedMs > 25_000 && waitedMs < 35_000, `${waitedMs}`)
  })
}

const mistakes: { name: string; fail: () => HttpAnswer }[] = [
  { name: 'the name does not resolve', fail: broken('ENOTFOUND') },
  { name: 'its certificate is not trusted', fail: broken('CERT_HAS_EXPIRED') },
  { name: 'somebody else answers', fail: () => answer(200, '<html>Welcome</html>') },
]

for (const { name, fail } of mistakes) {
  test(`ID token › is asked for three times when ${name}`, async () => {
    const { outcome, tries } = await ask(99, fail)
    assert.notEqual(outcome, 'token')
    assert.equal(tries, 3)
  })
}

test('ID token › is asked for once when the service refuses', async () => {
  const refusal = { code: 'policy_fork_denied', detail: 'A fork asks.' }
  const { outcome, tries } = await ask(99, () => answer(403, refusal))
  assert.deepEqual([outcome, tries], ['policy_fork_denied', 1])
})
