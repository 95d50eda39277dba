// What is read at an issuer, at its edges: headers, keys that are alike, and documents that are none.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { Ring } from '../keys/ring.ts'
import { discoveryDocument, discoveryPath, jwksPath } from './discovery.ts'
import type { Place } from './place.ts'
import { publish, type KeySource } from './publish.ts'
import { findDifferences, parseObject, readPublished, servedKids, type Send } from './published.ts'

const issuer = 'https://id.example/drone/main'
const createdAt = new Date('2026-11-23T12:00:00Z')
const one = { kty: 'RSA', kid: 'one', n: 'AQAB', e: 'AQAB' }
const ring: Ring = [{ kid: 'one', state: 'active', createdAt }]

/** Reads both documents as a server with these peculiarities would serve them. */
async function read(
  headers: Record<string, string> = {},
  keys: unknown[] = [one],
  more: Record<string, unknown> = {},
) {
  const sent: Parameters<Send>[0][] = []
  const send: Send = async (request) => {
    sent.push(request)
    const json = request.path.endsWith(jwksPath)
      ? { keys }
      : { ...discoveryDocument(issuer), ...more }
    const body = Buffer.from(JSON.stringify(json))
    return { status: 200, headers: { 'content-type': 'application/json', ...headers }, body }
  }
  const seen = await readPublished({ send }, issuer)
  const sentences = () => findDifferences({ keys: [one], ring }, seen).map((it) => it.sentence)
  return { sent, seen, sentences }
}

test('published › documents are asked for by GET, and no more is said than what is wanted', async () => {
  const { sent, sentences } = await read()
  assert.deepEqual(
    sent.map(({ method, path, headers }) => [method, path, headers]),
    [
      ['GET', `/drone/main${discoveryPath}`, { accept: 'application/json' }],
      ['GET', `/drone/main${jwksPath}`, { accept: 'application/json' }],
    ],
  )
  assert.deepEqual(sentences(), [])
})

const heads: [headers: Record<string, string>, says: RegExp | undefined][] = [
  [{ 'content-type': 'Application/JSON ; charset=utf-8' }, undefined],
  [{ 'content-type': 'application/jwk-set+json' }, undefined],
  [{ 'content-type': '' }, /served with no content type; it must be/],
  [{ 'content-type': 'text/html' }, /served with the content type text\/html; it must be/],
  [{ 'cache-control': 'max-age=3600' }, undefined],
  [{ 'cache-control': 'max-age=3601' }, /cached for 3601 s; more than 3600 s/],
  [{ 'cache-control': 'public,max-age="4000"' }, /cached for 4000 s/],
  [{ 'cache-control': 'x-max-age=4000' }, undefined],
  [{ 'cache-control': 'no-store' }, undefined],
]
for (const [headers, says] of heads) {
  test(`published › with ${JSON.stringify(headers)} ${says ? 'differs' : 'is well'}`, async () => {
    const found = (await read(headers)).sentences()
    assert.equal(found.length, says ? 2 : 0)
    if (says) assert.match(found[0] ?? '', says)
  })
}

test('published › an issuer with slashes at its end is told as such', async () => {
  for (const slashes of ['/', '//']) {
    const { sentences } = await read({}, [one], { issuer: `${issuer}${slashes}` })
    assert.match(sentences().join(), /with a trailing slash; tokens say/)
  }
})

test('published › a key that differs in one part is another key, and is not served', async () => {
  for (const changes of [{ kty: 'EC' }, { n: 'x' }, { e: 'x' }]) {
    const { seen, sentences } = await read({}, [{ ...one, ...changes }])
    assert.match(sentences().join(), /another key under the kid one/)
    assert.deepEqual(servedKids({ keys: [one], ring }, seen), new Set())
  }
  const { seen } = await read({}, [{ ...one, kid: 'two' }])
  assert.deepEqual(servedKids({ keys: [one], ring }, seen), new Set())
})

test('published › nothing is known to be served where the issuer is another or silent', async () => {
  const expected = { keys: [one], ring }
  const { seen } = await read()
  assert.deepEqual(servedKids(expected, seen), new Set(['one']))
  const other = await read({}, [one], { issuer: 'https://x.example' })
  assert.equal(servedKids(expected, other.seen), undefined)
  const discovery = { ...seen.discovery, trouble: 'cannot be reached' }
  assert.equal(servedKids(expected, { ...seen, discovery }), undefined)
})

test('published › of no keys at all is told once, on whichever side they are missing', async () => {
  const { seen } = await read({}, [])
  assert.equal(findDifferences({ keys: [], ring: [] }, seen).length, 1)
  assert.equal(findDifferences({ keys: [one], ring }, seen).length, 1)
})

test('published › lists have to hold all that is wanted, beside others', async () => {
  const more = { id_token_signing_alg_values_supported: ['ES256', 'RS256'] }
  assert.deepEqual((await read({}, [one], more)).sentences(), [])
})

for (const text of ['', '[]', '"x"', '1', 'null', '{']) {
  test(`published › ${text || 'nothing'} is no JSON object`, () => {
    assert.equal(parseObject(text), undefined)
  })
}

function openMemory(texts: Record<string, string> = {}): Place & { texts: Record<string, string> } {
  return {
    texts,
    name: 'memory',
    read: async (path) => texts[path],
    write: async (path, text) => void (texts[path] = text),
  }
}
const publication = { issuerUrl: 'https://id.example/drone', instances: ['main'] }
const still = (keys: Ring): KeySource => ({
  publicKeys: () => [one],
  ring: () => keys,
  refresh: async () => false,
})
const path = `/drone/main${jwksPath}`

const states: [state: 'next' | 'retired' | 'revoked' | 'removed', isDropped: boolean][] = [
  ['next', false],
  ['retired', false],
  ['revoked', true],
  ['removed', true],
]
for (const [state, isDropped] of states) {
  test(`publish › a ${state} key that is public ${isDropped ? 'is dropped' : 'stays'}`, async () => {
    const place = openMemory({ [path]: JSON.stringify({ keys: [one, { ...one, kid: 'two' }] }) })
    const keys = still([...ring, { kid: 'two', state, createdAt }])
    const work = publish({ place, keys }, publication)
    if (isDropped) {
      assert.deepEqual(await work, { issuers: [issuer], kids: ['one'] })
      assert.deepEqual(JSON.parse(place.texts[path] ?? ''), { keys: [one] })
    } else await assert.rejects(work, { code: 'issuer_publish_narrows', message: /has 1 key/ })
  })
}

test('publish › what is there and is no key set counts for nothing', async () => {
  for (const text of ['no JSON', '[]', '{"keys":"none"}']) {
    const place = openMemory({ [path]: text })
    assert.deepEqual((await publish({ place, keys: still(ring) }, publication)).kids, ['one'])
    assert.ok(place.texts[path]?.endsWith('}\n'))
  }
})

test('publish › gives up on keys that change three times while they are written', async () => {
  let count = 0
  const keys: KeySource = {
    publicKeys: () => [{ ...one, kid: `k${count}` }],
    ring: () =>
      Array.from({ length: 9 }, (_, index) => ({ kid: `k${index}`, state: 'removed', createdAt })),
    refresh: async () => {
      count += 1
      return true
    },
  }
  await assert.rejects(publish({ place: openMemory(), keys }, publication), {
    code: 'issuer_publish_failed',
    message: 'The keys changed 3 times while they were published to memory.',
  })
  assert.equal(count, 3)
})

test('publish › a ring that moved without other keys is written once', async () => {
  let looks = 0
  const keys: KeySource = { ...still(ring), refresh: async () => (looks += 1) > 0 }
  assert.deepEqual((await publish({ place: openMemory(), keys }, publication)).kids, ['one'])
  assert.equal(looks, 1)
})
