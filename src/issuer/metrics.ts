// Numbers for a monitoring system, in Prometheus' text format: what the ledger was told, by type and
// decision, and whether policy and readiness are as they should be.
import { Hono } from 'hono'

import type { Ledger } from '../audit/ledger.ts'
import type { Reviews } from './admin-reviews.ts'
import type { PolicyState } from './policy-source.ts'

/** Counts of ledger events by `type` and `decision`. */
export type EventCounts = Map<string, number>

/** The same ledger, with every record counted once it is on disk, and every refusal of the ledger. */
export function countEvents(ledger: Ledger, counts: EventCounts): Ledger {
  const count = (type: string, decision: string) => {
    const labels = `type="${type}",decision="${decision}"`
    counts.set(labels, (counts.get(labels) ?? 0) + 1)
  }
  return {
    append: async (event) => {
      try {
        const record = await ledger.append(event)
        count(event.type, event.decision)
        return record
      } catch (error) {
        count(event.type, 'unrecorded')
        throw error
      }
    },
  }
}

/** Serves `/metrics`. */
export function createMetricsApp(deps: {
  counts: EventCounts
  policy: () => PolicyState
  unreadyReasons: () => readonly string[]
  reviews?: Pick<Reviews, 'ageSeconds'>
}): Hono {
  const app = new Hono()
  app.get('/metrics', (context) => {
    const { entries, loadedAt, problem } = deps.policy()
    const lines = [
      '# HELP azure_storage_drone_events_total Ledger events by type and decision.',
      '# TYPE azure_storage_drone_events_total counter',
      ...[...deps.counts].map(
        ([labels, count]) => `azure_storage_drone_events_total{${labels}} ${count}`,
      ),
      ...gauge(
        'policy_rejected',
        'Whether the policy file is bad and an older one in force.',
        problem === undefined ? 0 : 1,
      ),
      ...gauge('policy_entries', 'Entries of the policy in force.', entries),
      ...gauge(
        'policy_loaded_seconds',
        'When the policy in force was loaded.',
        Math.floor(loadedAt.getTime() / 1000),
      ),
      ...gauge(
        'unready_reasons',
        'Reasons why keys are not ready; see /readyz.',
        deps.unreadyReasons().length,
      ),
      ...(deps.reviews
        ? gauge(
            'last_review_age_seconds',
            'Since the last review of trust, or since the ledger began.',
            Math.floor(deps.reviews.ageSeconds()),
          )
        : []),
    ]
    return context.text(`${lines.join('\n')}\n`, 200, {
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
    })
  })
  return app
}

function gauge(name: string, help: string, value: number): string[] {
  const full = `azure_storage_drone_${name}`
  return [`# HELP ${full} ${help}`, `# TYPE ${full} gauge`, `${full} ${value}`]
}
