import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { LedgerEvent } from '../audit/event.ts'
import { countEvents, createMetricsApp, type EventCounts } from './metrics.ts'

const issued: LedgerEvent = { type: 'token.issued', decision: 'allow' }

async function scrape(changes: { problem?: string; reasons?: string[]; counts?: EventCounts }) {
  const app = createMetricsApp({
    counts: changes.counts ?? new Map(),
    policy: () => ({
      sha256: 'ab',
      loadedAt: new Date(5_900),
      entries: 3,
      problem: changes.problem,
    }),
    unreadyReasons: () => changes.reasons ?? [],
  })
  const answer = await app.request('/metrics')
  assert.match(answer.headers.get('content-type') ?? '', /^text\/plain; version=0\.0\.4/)
  return (await answer.text()).split('\n')
}

test('metrics › count what the ledger took, and what it could not take', async () => {
  const counts: EventCounts = new Map()
  const good = countEvents({ append: async (event) => event as never }, counts)
  await good.append(issued)
  await good.append(issued)
  const bad = countEvents({ append: () => Promise.reject(new Error('full')) }, counts)
  await assert.rejects(bad.append(issued), /full/)
  const lines = await scrape({ counts })
  const name = 'azure_storage_drone_events_total'
  assert.ok(lines.includes(`${name}{type="token.issued",decision="allow"} 2`))
  assert.ok(lines.includes(`${name}{type="token.issued",decision="unrecorded"} 1`))
})

test('metrics › say whether the policy file is bad', async () => {
  assert.ok((await scrape({})).includes('azure_storage_drone_policy_rejected 0'))
  const lines = await scrape({ problem: 'version' })
  assert.ok(lines.includes('azure_storage_drone_policy_rejected 1'))
  assert.ok(lines.includes('azure_storage_drone_policy_entries 3'))
  assert.ok(lines.includes('azure_storage_drone_policy_loaded_seconds 5'))
})

test('metrics › count the reasons why keys are not ready', async () => {
  const lines = await scrape({ reasons: ['one', 'two'] })
  assert.ok(lines.includes('azure_storage_drone_unready_reasons 2'))
})
