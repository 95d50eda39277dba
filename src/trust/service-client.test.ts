import assert from 'node:assert/strict'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { after, before, describe, test } from 'node:test'

import { Secret } from '../core/secret.ts'
import type { HttpClient } from '../http/http.ts'
import { openHttp } from '../http/open.ts'
import { openService } from './service-client.ts'

const token = new Secret('an-admin-token-of-more-than-32-bytes')
const review = {
  at: '2026-11-23T20:00:00.000Z',
  tenantId: '11111111-2222-4333-8444-555555555555',
  policySha256: 'a'.repeat(64),
  reportSha256: 'b'.repeat(64),
  errors: 0,
  warnings: 1,
  notes: 2,
}
const keys = { keys: [{ kid: 'k1', state: 'active', createdAt: '2026-11-23T20:00:00.000Z' }] }
const trial = {
  jti: 'j1',
  subject: 's',
  audience: 'a',
  verdict: 'works',
  sentence: 'It works.',
  hint: '',
  steps: [{ what: 'mint', outcome: 'ok' }],
}

type Answer = { status: number; body: unknown }

// A server that wants the token, and answers what the test has put there.
const answers = new Map<string, Answer>()
const bodies: unknown[] = []
const server = createServer((request, response) => {
  void serve(request, response)
})
let http: HttpClient
let origin: URL

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const text = await readText(request)
  if (text !== '') bodies.push(JSON.parse(text))
  const isKnown = request.headers.authorization === `Bearer ${token.reveal()}`
  const { status, body } = isKnown
    ? (answers.get(`${request.method} ${request.url}`) ?? { status: 404, body: 'no such page' })
    : { status: 401, body: { code: 'issuer_token_unknown', detail: 'Nobody has this token.' } }
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

async function readText(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = []
  for await (const piece of request as AsyncIterable<Buffer>) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

describe('openService', () => {
  before(async () => {
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    origin = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/door`)
    http = openHttp({ maxConnections: 1 })
  })
  after(() => {
    http.close()
    server.close()
  })
  const open = (as = token) => openService({ send: http.send, origin, token: as })

  test('speaks to every path of the door, below the path of its address', async () => {
    answers.set('POST /door/v1/trials', { status: 200, body: trial })
    answers.set('GET /door/v1/keys', { status: 200, body: keys })
    answers.set('POST /door/v1/keys/rotate', { status: 200, body: keys })
    answers.set('POST /door/v1/reviews', { status: 201, body: {} })
    answers.set('GET /door/v1/reviews/last', { status: 200, body: { ...review, by: 'alice' } })
    const asked = { entry: 'publish', subject: 's' }
    assert.deepEqual(await open().trial(asked), trial)
    assert.deepEqual(await open().keys(), keys)
    assert.deepEqual(await open().rotateKeys({ emergency: true }), keys)
    await open().recordReview(review)
    assert.deepEqual(await open().lastReview(), { ...review, by: 'alice' })
    assert.deepEqual(bodies, [asked, { emergency: true }, review])
  })

  test('takes a 404 for no review only when it is the service that says so', async () => {
    const problem = { code: 'issuer_review_absent', detail: 'There was no review.' }
    answers.set('GET /door/v1/reviews/last', { status: 404, body: problem })
    assert.equal(await open().lastReview(), undefined)
    answers.delete('GET /door/v1/reviews/last')
    await assert.rejects(open().lastReview(), { code: 'trust_service_unavailable' })
  })

  test('passes on what the service refuses, in its words and without control characters', async () => {
    const detail = 'No entry \u001B[31m"x"\nhere.'
    const problem = { code: 'trust_trial_unknown', detail, hint: 'Give it the new file.' }
    answers.set('POST /door/v1/trials', { status: 404, body: problem })
    await assert.rejects(open().trial({ entry: 'x', subject: 's' }), {
      code: 'trust_trial_unknown',
      message: 'No entry [31m"x" here.',
      hint: 'Give it the new file.',
    })
    answers.set('POST /door/v1/trials', { status: 409, body: { code: 'newer', detail: 'Odd.' } })
    await assert.rejects(open().trial({ entry: 'x', subject: 's' }), {
      code: 'trust_service_unavailable',
      message: 'Odd.',
    })
  })

  test('says who is not known, who does not answer, and what is not the admin door', async () => {
    const stranger = new Secret('another-token-that-nobody-ever-knew')
    await assert.rejects(open(stranger).keys(), (error: unknown) => {
      assert.ok(error instanceof Error)
      assert.match(error.message, /does not know this admin token: Nobody has this token\./)
      assert.equal(error.message.includes(stranger.reveal()), false)
      assert.equal('exitCode' in error && error.exitCode, 3)
      return true
    })
    answers.set('GET /door/v1/keys', { status: 200, body: '<html>' })
    await assert.rejects(open().keys(), { code: 'trust_service_unavailable', exitCode: 5 })
    const nowhere = openService({ send: http.send, origin: new URL('http://127.0.0.1:1'), token })
    await assert.rejects(nowhere.keys(), {
      code: 'trust_service_unavailable',
      message:
        /^The trust service at 127\.0\.0\.1:1 gave no answer to GET \/v1\/keys: .*ECONNREFUSED/,
    })
  })
})
