import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'

import { openSqliteStore } from '../store/sqlite.ts'
import { findTrace, parseBlobUrl } from './find-trace.ts'
import { follow } from './follow.ts'
import { queriesFor } from './kql.ts'
import { fillStore } from './many.fixture.ts'
import { openTrail } from './open.ts'
import { traceLines } from './trace-text.ts'
import type { Page } from './trail.ts'

const store = openSqliteStore(':memory:')
const trail = openTrail(store)
before(async () => {
  await fillStore(store, { builds: 120, records: 1200, seed: 3, repositories: 6 })
  await follow({ store, pause: () => Promise.resolve() })
})
after(() => store.close())

async function readAll<Item>(read: (after?: string) => Promise<Page<Item>>): Promise<Item[]> {
  const items: Item[] = []
  let cursor: string | undefined
  do {
    const page = await read(cursor)
    items.push(...page.items)
    cursor = page.next
  } while (cursor !== undefined)
  return items
}

const withCursor = (cursor?: string) => (cursor === undefined ? {} : { after: cursor })

test('trail › gives every build once, newest first, whatever the pages', async () => {
  for (const limit of [1, 7, 50, 500]) {
    const builds = await readAll((cursor) => trail.builds({ limit, ...withCursor(cursor) }))
    assert.equal(new Set(builds.map(({ instance, id }) => `${instance} ${id}`)).size, 120)
    const times = builds.map(({ firstAt }) => firstAt.getTime())
    assert.deepEqual(
      times,
      times.toSorted((one, other) => other - one),
    )
  }
})

test('trail › narrows builds by each of their facts', async () => {
  const all = await readAll((cursor) => trail.builds(withCursor(cursor)))
  const [first] = all
  assert.ok(first)
  const since = all[60]?.firstAt ?? new Date(0)
  const [identity] = await trail.identities()
  assert.ok(identity)
  const cases = [
    [{ repo: first.repo }, all.filter(({ repo }) => repo === first.repo).length],
    [{ outcome: 'denied' }, all.filter(({ outcome }) => outcome === 'denied').length],
    [{ event: 'push' }, all.filter(({ event }) => event === 'push').length],
    [{ since }, 61],
    [{ until: since }, 59],
    [{ instance: 'nobody' }, 0],
    [{ clientId: 'nobody' }, 0],
  ] as const
  for (const [query, count] of cases) {
    assert.equal(
      (await trail.builds({ ...query, limit: 500 })).items.length,
      count,
      JSON.stringify(query),
    )
  }
  const ofIdentity = await trail.builds({ clientId: identity.clientId, limit: 500 })
  assert.ok(ofIdentity.items.length > 0 && ofIdentity.items.length < 120)
})

test('trail › a cursor that is none begins at the top', async () => {
  const top = await trail.builds({ limit: 3 })
  for (const cursor of ['x', 'bnVsbA', Buffer.from('[1,2,3]').toString('base64url')]) {
    assert.deepEqual(await trail.builds({ limit: 3, after: cursor }), top)
  }
})

test('trail › what is counted in several ways is the same', async () => {
  const counts = await trail.counts()
  const builds = await readAll((cursor) => trail.builds(withCursor(cursor)))
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  assert.equal(counts.events, 1200)
  for (const field of ['tokens', 'denials', 'transfers', 'bytes'] as const) {
    assert.equal(sum(builds.map((build) => build[field])), counts[field], field)
    const span = { from: new Date('2026-08-01'), to: new Date('2026-12-01') }
    const line = await trail.series({ of: field, ...span, bucketMs: 86_400_000 })
    assert.equal(sum(line.map(({ value }) => value)), counts[field], field)
  }
  const all = { from: new Date(0), to: new Date('2027-01-01') }
  const repositories = await trail.repositories(all)
  assert.equal(sum(repositories.map(({ builds: count }) => count)), 120)
  const denials = await trail.denials({ ...all, bucketMs: 3_600_000 })
  assert.equal(sum(denials.map(({ count }) => count)), counts.denials)
  const identities = await trail.identities()
  assert.equal(sum(identities.map(({ tokens }) => tokens)), counts.tokens)
  const places = await trail.places()
  assert.equal(sum(places.map(({ transfers }) => transfers)), counts.transfers)
})

test('trail › leads from a file, a hash, a jti and a request id to the build and its story', async () => {
  const { items } = await trail.builds({ outcome: 'allowed', limit: 1 })
  const [build] = items
  assert.ok(build)
  const story = await trail.story(build)
  assert.ok(story)
  const receipt = story.items.find((item) => item.receipt?.items.length)?.receipt
  const issued = story.items.find(({ what }) => what === 'token.issued')
  assert.ok(receipt && issued)
  const [hash = '?'] = receipt.accessTokenSha256
  const { account, container, service } = receipt.place
  const url = `https://${account}.${service}.core.windows.net/${container}/${receipt.items[0]?.name}`
  const questions = [
    { build: `${build.repo}#${build.number}` },
    { blob: url },
    { requestId: hash.toUpperCase() },
    { requestId: String(issued.token?.jti) },
    { requestId: `${build.trace}-0-17` },
  ]
  for (const question of questions) {
    const found = await findTrace(trail, question)
    assert.equal(found.story.build.sha, build.sha, JSON.stringify(question))
  }
  const text = traceLines(await findTrace(trail, { blob: url })).join('\n')
  for (const fact of [
    build.sha,
    issued.rule ?? '?',
    issued.token?.sha256 ?? '?',
    'said by the step',
  ]) {
    assert.ok(text.includes(fact), fact)
  }
  const [calls] = queriesFor(story)
  assert.ok(calls?.text.includes(hash.toUpperCase()))
})

test('trail › says what it does not know', async () => {
  await assert.rejects(findTrace(trail, { build: 'octo/none#1' }), { code: 'trail_build_unknown' })
  await assert.rejects(findTrace(trail, { build: 'octo' }), { code: 'trail_query_invalid' })
  await assert.rejects(findTrace(trail, { requestId: 'f'.repeat(64) }), {
    code: 'trail_build_unknown',
  })
  const blob = 'https://other.blob.core.windows.net/c/x'
  await assert.rejects(findTrace(trail, { blob }), { code: 'trail_blob_unknown' })
  for (const url of [
    'x',
    'ftp://a.blob.core.windows.net/c/x',
    'https://acct.blob.core.windows.net/c',
  ]) {
    assert.throws(() => parseBlobUrl(url), { code: 'trail_query_invalid' }, url)
  }
  assert.deepEqual(parseBlobUrl('https://acct.file.core.windows.net/s/a%20b/c'), [
    { account: 'acct', service: 'file', container: 's', name: 'a b/c' },
  ])
})

test('trail › a step cannot put its own words into a question to Azure', async () => {
  const { items } = await trail.builds({ outcome: 'allowed', limit: 1 })
  const story = items[0] && (await trail.story(items[0]))
  assert.ok(story)
  const evil = '") | union SecretTable //'
  const receipt = story.items.find((item) => item.receipt)?.receipt
  assert.ok(receipt)
  receipt.correlationIds.push(evil)
  receipt.accessTokenSha256.push(evil)
  for (const { text } of queriesFor(story)) assert.equal(text.includes('SecretTable'), false)
})

test('trail › every list is read over an index', async () => {
  const plans = [
    'SELECT * FROM trail_build ORDER BY first_at DESC, instance DESC, build_id DESC LIMIT 51',
    "SELECT * FROM trail_build WHERE repo = 'a' ORDER BY first_at DESC, instance DESC, build_id DESC LIMIT 51",
    "SELECT * FROM trail_event WHERE type = 'a' ORDER BY at DESC, node DESC, seq DESC LIMIT 51",
    "SELECT * FROM trail_event WHERE rule = 'a' ORDER BY at DESC, node DESC, seq DESC LIMIT 51",
    "SELECT * FROM trail_transfer WHERE account = 'a' AND service = 'b' AND container = 'c' ORDER BY at DESC, node DESC, seq DESC LIMIT 51",
  ]
  for (const sql of plans) {
    const rows = await store.selectTrail(`EXPLAIN QUERY PLAN ${sql}`)
    const plan = rows.map((row) => String(row['detail'])).join('; ')
    assert.doesNotMatch(plan, /TEMP B-TREE/, `${sql}: ${plan}`)
  }
})
