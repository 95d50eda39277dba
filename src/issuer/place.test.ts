// What storage and a folder answer, and the fault each answer becomes; over a storage that plays back.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { Fault } from '../core/fault.ts'
import { Secret } from '../core/secret.ts'
import { documentHeaders } from './discovery.ts'
import { openContainer, openFolder } from './place.ts'
import type { Send } from './published.ts'

type Request = Parameters<Send>[0]

function play(status: number, headers: Record<string, string> = {}, body = 'text') {
  const sent: Request[] = []
  const send: Send = async (request) => {
    sent.push(request)
    return { status, headers, body: Buffer.from(body) }
  }
  const url = 'https://acme.blob.core.windows.net/$web/below//'
  return { sent, place: openContainer({ send, token: new Secret('canary-token') }, url) }
}

const faultOf = async (work: Promise<unknown>): Promise<Fault> => {
  try {
    await work
  } catch (error) {
    assert.ok(error instanceof Fault)
    return error
  }
  throw new assert.AssertionError({ message: 'nothing was thrown' })
}

test('container › is read with the token and the version, and without a body', async () => {
  const { sent, place } = play(200)
  assert.equal(await place.read('/a.json'), 'text')
  assert.deepEqual(sent, [
    {
      method: 'GET',
      origin: new URL('https://acme.blob.core.windows.net/$web/below//'),
      path: '/$web/below/a.json',
      headers: { authorization: 'Bearer canary-token', 'x-ms-version': '2023-11-03' },
    },
  ])
  assert.equal(place.name, 'https://acme.blob.core.windows.net/$web/below')
})

test('container › is written as a block blob with the headers readers get', async () => {
  const { sent, place } = play(201)
  await place.write('/a.json', '{}')
  assert.deepEqual(sent[0]?.body, Buffer.from('{}'))
  assert.deepEqual(sent[0]?.headers, {
    authorization: 'Bearer canary-token',
    'x-ms-version': '2023-11-03',
    'x-ms-blob-type': 'BlockBlob',
    'content-type': documentHeaders['content-type'],
    'x-ms-blob-content-type': documentHeaders['content-type'],
    'x-ms-blob-cache-control': documentHeaders['cache-control'],
  })
})

test('container › an absent document is none, an absent container is a fault', async () => {
  assert.equal(await play(404).place.read('/a'), undefined)
  assert.equal(await play(404, { 'x-ms-error-code': 'BlobNotFound' }).place.read('/a'), undefined)
  const none = play(404, { 'x-ms-error-code': 'ContainerNotFound' }).place
  assert.equal((await faultOf(none.read('/a'))).code, 'issuer_publish_refused')
})

const answers: [status: number, code: string, fault: string, hint?: RegExp][] = [
  [408, '', 'issuer_publish_failed'],
  [429, '', 'issuer_publish_failed'],
  [500, '', 'issuer_publish_failed'],
  [503, 'ServerBusy', 'issuer_publish_failed'],
  [499, '', 'issuer_publish_refused'],
  [200, '', 'issuer_publish_refused'],
  [404, 'ContainerNotFound', 'issuer_publish_refused', /static website/],
  [403, 'AuthorizationFailure', 'issuer_publish_refused', /firewall/],
  [401, 'InvalidAuthenticationInfo', 'issuer_publish_refused', /fresh token/],
  [403, 'AuthenticationFailed', 'issuer_publish_refused', /fresh token/],
  [403, 'AuthorizationPermissionMismatch', 'issuer_publish_refused', /Contributor/],
]
for (const [status, code, fault, hint = /./] of answers) {
  test(`container › answering ${status} ${code} to a write is ${fault}`, async () => {
    const headers = { 'x-ms-request-id': 'r-1', ...(code && { 'x-ms-error-code': code }) }
    const error = await faultOf(play(status, headers).place.write('/a', 'x'))
    assert.equal(error.code, fault)
    assert.equal(
      error.message,
      `Storage does not let us write https://acme.blob.core.windows.net/$web/below/a [HTTP ${status}${code && ` ${code}`}, request id r-1].`,
    )
    assert.match(error.hint, hint)
  })
}

test('container › an answer without a request id says so, and a read names what it read', async () => {
  const { message } = await faultOf(play(403).place.read('/a'))
  assert.match(message, /let us read https:.*\/a \[HTTP 403, request id unknown\]/)
})

test('container › nobody answers for is a fault with its cause and no token', async () => {
  const cause = new Error('connect ECONNREFUSED')
  const send: Send = () => Promise.reject(cause)
  const place = openContainer({ send, token: new Secret('canary-token') }, 'https://x.example/$web')
  const error = await faultOf(place.read('/a'))
  assert.equal(error.message, 'https://x.example/$web cannot be reached: connect ECONNREFUSED.')
  assert.deepEqual([error.code, error.cause], ['issuer_publish_failed', cause])
})

test('folder › writes whole files, reads what is there, and leaves no draft behind', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'asd-place-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const place = openFolder(folder)
  assert.equal(place.name, folder)
  assert.equal(await place.read('/a/b.json'), undefined)
  await place.write('/a/b.json', 'one')
  await place.write('/a/b.json', 'two')
  assert.equal(await place.read('/a/b.json'), 'two')
  assert.deepEqual(readdirSync(join(folder, 'a')), ['b.json'])
})

test('folder › what cannot be read or written is a fault, and no draft stays', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'asd-place-'))
  t.after(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'd'))
  writeFileSync(join(folder, 'd', 'x'), '')
  const place = openFolder(folder)
  for (const work of [place.read('/d'), place.write('/d', 'text')]) {
    const error = await faultOf(work)
    assert.equal(error.code, 'issuer_publish_failed')
    assert.ok(error.message.startsWith(`${join(folder, 'd')}: E`), error.message)
    assert.equal(typeof (error.cause as { code?: string } | undefined)?.code, 'string')
  }
  assert.deepEqual(readdirSync(folder), ['d'])
})
