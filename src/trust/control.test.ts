import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { Secret } from '../core/secret.ts'
import { type HttpAnswer, HttpError, type HttpRequest } from '../http/http.ts'
import { callControl, type ControlDeps, listControl } from './control.ts'

type Reply = Partial<HttpAnswer> & { json?: unknown }

// An API that gives these answers one after the other, and keeps what it was asked.
function serve(...replies: (Reply | HttpError)[]) {
  const asked: HttpRequest[] = []
  const waits: number[] = []
  const api = (name: 'Microsoft Graph' | 'Azure Resource Manager') => ({
    name,
    origin: new URL('https://api.example'),
    token: () => Promise.resolve(new Secret('t0ken')),
  })
  const deps: ControlDeps = {
    send: (request) => {
      asked.push(request)
      const reply = replies.shift()
      if (!reply) throw new TypeError('asked once too often')
      if (reply instanceof HttpError) return Promise.reject(reply)
      const body = Buffer.from(reply.json === undefined ? '' : JSON.stringify(reply.json))
      return Promise.resolve({ status: 200, headers: {}, body, ...reply })
    },
    graph: api('Microsoft Graph'),
    arm: api('Azure Resource Manager'),
    retry: {
      random: () => 0.5,
      sleep: (milliseconds) => {
        waits.push(milliseconds)
        return Promise.resolve()
      },
    },
    now: () => new Date(0),
  }
  return { deps, asked, waits }
}

const refuse = (status: number, code: string, headers = {}): Reply => ({
  status,
  headers,
  json: { error: { code, message: 'No.' } },
})

describe('calls to Graph and ARM', () => {
  test('wait as long as they are told, and otherwise longer each time', async () => {
    const { deps, waits } = serve(
      refuse(429, 'TooManyRequests', { 'retry-after': '7' }),
      refuse(503, 'ServiceUnavailable'),
      refuse(409, 'ConcurrentFederatedIdentityCredentialsWritesForSingleManagedIdentity'),
      new HttpError('broke off', 'ECONNRESET', true),
      { json: { ok: true } },
    )
    const answer = await callControl(deps, deps.arm, { path: '/a' })
    assert.deepEqual(answer, { status: 200, body: { ok: true } })
    assert.deepEqual(waits, [7000, 1000, 2000, 4000])
  })

  const failures: [what: string, reply: Reply | HttpError, code: string, says: RegExp][] = [
    ['a missing right', refuse(403, 'AuthorizationFailed'), 'trust_denied', /403 .*No\./],
    ['a bad token', refuse(401, 'ExpiredAuthenticationToken'), 'trust_denied', /401/],
    ['a lock', refuse(409, 'ScopeLocked'), 'trust_refused', /409 to GET \/a: ScopeLocked No\./],
    ['no such host', new HttpError('no', 'ENOTFOUND', false), 'trust_unavailable', /api\.example/],
    [
      'a bad certificate',
      new HttpError('no', 'CERT_HAS_EXPIRED', false),
      'trust_unavailable',
      /no/,
    ],
    ['words that are not JSON', { status: 400, body: Buffer.from('<a>') }, 'trust_refused', /400/],
  ]
  for (const [what, reply, code, message] of failures) {
    test(`are not tried again after ${what}`, async () => {
      const { deps, asked } = serve(reply)
      const call = callControl(deps, deps.graph, { path: '/a?secret=1' })
      await assert.rejects(call, { code, message })
      assert.equal(asked.length, 1)
    })
  }

  test('follow a list to its end, and never to another place', async () => {
    const { deps, asked } = serve(
      { json: { value: [1], nextLink: 'https://api.example/a?page=2' } },
      { json: { value: [2], '@odata.nextLink': 'https://api.example/a?page=3' } },
      { json: { value: [3] } },
    )
    assert.deepEqual(await listControl(deps, deps.arm, '/a'), [1, 2, 3])
    assert.deepEqual(
      asked.map(({ path }) => path),
      ['/a', '/a?page=2', '/a?page=3'],
    )
    for (const place of ['https://evil.example/a', 'http://api.example/a', 'nonsense']) {
      const strange = serve({ json: { value: [], nextLink: place } })
      await assert.rejects(listControl(strange.deps, strange.deps.arm, '/a'), {
        code: 'trust_unavailable',
        message: /continues a list at another place/,
      })
      assert.equal(strange.asked.length, 1)
    }
  })

  test('take no answer of another form for an empty list', async () => {
    const { deps } = serve({ json: { values: [] } })
    await assert.rejects(listControl(deps, deps.arm, '/a'), {
      code: 'trust_unavailable',
      message: /cannot be read/,
    })
  })
})
