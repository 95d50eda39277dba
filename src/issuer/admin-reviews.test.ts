import assert from 'node:assert/strict'
import { test } from 'node:test'

import { createLedger } from '../audit/ledger.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import type { Review } from '../trust/admin-api.ts'
import { openReviews, remindOfReview } from './admin-reviews.ts'
import { createHealthApp } from './health.ts'
import { createMetricsApp } from './metrics.ts'

const dayMs = 24 * 3600 * 1000

function createStage() {
  const world = { time: Date.parse('2026-11-23T12:00:00Z') }
  const now = () => new Date(world.time)
  const store = openSqliteStore(':memory:')
  const ledger = createLedger({ store, now }, 'node-1')
  const warned: string[] = []
  const quiet = () => undefined
  const warn = (_: object, message: string) => void warned.push(message)
  const review = (): Review => ({
    at: now().toISOString(),
    tenantId: '11111111-2222-4333-8444-555555555555',
    policySha256: 'a'.repeat(64),
    reportSha256: 'b'.repeat(64),
    errors: 1,
    warnings: 2,
    notes: 3,
  })
  const start = () => ledger.append({ type: 'service.started', decision: 'info' })
  return {
    world,
    store,
    ledger,
    now,
    warned,
    review,
    start,
    log: { info: quiet, warn, error: quiet },
  }
}

test('reviews › are due thirty days after the service first started', async () => {
  const stage = createStage()
  await stage.start()
  stage.world.time += 29.9 * dayMs
  await stage.start()
  const reviews = await openReviews(stage)
  assert.deepEqual(reviews.notes(), [])
  await remindOfReview({ ...stage, reviews })
  assert.deepEqual(stage.warned, [])
  stage.world.time += 0.2 * dayMs
  assert.match(reviews.notes()[0] ?? '', /due for 30 days: run `azure-storage-drone trust review`/)
  await remindOfReview({ ...stage, reviews })
  await remindOfReview({ ...stage, reviews })
  assert.equal(stage.warned.length, 2)
  assert.equal(Math.round(reviews.ageSeconds()), Math.round(30.1 * 24 * 3600))
})

test('reviews › are found again in the ledger, the newest of them', async () => {
  const stage = createStage()
  await stage.start()
  const reviews = await openReviews(stage)
  assert.equal(await reviews.last(), undefined)
  stage.world.time += 40 * dayMs
  const first = await reviews.record(stage.review(), 'alice')
  assert.equal(first.by, 'alice')
  assert.deepEqual(reviews.notes(), [])
  stage.world.time += dayMs
  // Another process of the same service.
  const second = await (await openReviews(stage)).record(stage.review(), 'bob')
  assert.deepEqual(await reviews.last(), second)
  assert.deepEqual(await (await openReviews(stage)).last(), { ...stage.review(), by: 'bob' })
  stage.world.time += 31 * dayMs
  assert.match(reviews.notes()[0] ?? '', /was 31 days ago/)
})

test('reviews › that were recorded late are as old as they say', async () => {
  const stage = createStage()
  await stage.start()
  const reviews = await openReviews(stage)
  const review = stage.review()
  stage.world.time += 35 * dayMs
  await reviews.record(review, 'alice')
  assert.equal(reviews.notes().length, 1)
  await reviews.record({ ...review, at: new Date(stage.world.time + dayMs).toISOString() }, 'alice')
  assert.equal(reviews.ageSeconds(), 0)
})

test('reviews › are found over more records than are read at once', async () => {
  const stage = createStage()
  await Promise.all(Array.from({ length: 1500 }, () => stage.start()))
  await (await openReviews(stage)).record(stage.review(), 'alice')
  await Promise.all(Array.from({ length: 1500 }, () => stage.start()))
  assert.equal((await (await openReviews(stage)).last())?.by, 'alice')
})

test('reviews › that are due are told by readiness, which stays, and by metrics', async () => {
  const stage = createStage()
  await stage.start()
  const reviews = await openReviews(stage)
  const signer = { publicKeys: () => [], sign: () => Promise.reject(new Error('not here')) }
  const health = createHealthApp({ ...stage, signer, version: '1', reviews })
  const policy = () => ({ sha256: '', loadedAt: new Date(0), entries: 0, problem: undefined })
  const metrics = createMetricsApp({ counts: new Map(), policy, unreadyReasons: () => [], reviews })
  const ready = async () => {
    const answer = await health.request('/readyz')
    return [answer.status, ((await answer.json()) as { notes?: string[] }).notes]
  }
  assert.deepEqual(await ready(), [200, undefined])
  stage.world.time += 31 * dayMs
  assert.deepEqual(await ready(), [200, reviews.notes()])
  const text = await (await metrics.request('/metrics')).text()
  const age = 31 * 24 * 3600
  assert.match(text, new RegExp(`^azure_storage_drone_last_review_age_seconds ${age}$`, 'm'))
})
