// The log of events, newest first: one line for each record of the ledger, narrowed by a form.
import { html } from 'hono/html'

import type { TrailEvent } from '../trail/trail.ts'
import { linkBuild } from './builds-page.ts'
import type { Html, Page, View } from './layout.ts'
import { empty, input, pager, select, table, tableCard } from './parts.ts'
import type { Ask, Sources } from './sources.ts'
import { chipOf, sayMany, when } from './words.ts'

const decisions = ['allow', 'deny', 'info'] as const
const types = [
  'token.requested',
  'token.issued',
  'token.denied',
  'token.revoked',
  'transfer.receipt',
  'policy.loaded',
  'policy.changed',
  'policy.rejected',
  'key.created',
  'key.published',
  'key.activated',
  'key.retired',
  'key.ordered',
  'trial.begun',
  'trial.ended',
  'trial.denied',
  'trust.reviewed',
  'admin.signed_in',
  'admin.signed_out',
  'admin.denied',
  'admin.acted',
  'service.started',
  'ledger.checkpoint',
]

/** Shows the events that the address asks for. */
export async function showEvents({ trail }: Sources, view: View, ask: Ask): Promise<Page> {
  const [type, repo, rule, after] = ['type', 'repo', 'rule', 'after'].map((name) => ask.query(name))
  const decision = decisions.find((each) => each === ask.query('decision'))
  const { items, next } = await trail.events({
    ...(type !== undefined && { type }),
    ...(repo !== undefined && { repo }),
    ...(rule !== undefined && { rule }),
    ...(decision !== undefined && { decision }),
    ...(after !== undefined && { after }),
  })
  return {
    title: 'Events',
    lead: 'Every record of the ledger, in words.',
    body: html`<form class="fields card" action="/events">
        ${select('decision', 'Decision', decisions, decision)}
        ${select('type', 'Kind', types, type)} ${input('repo', 'Repository', repo)}
        ${input('rule', 'Rule', rule)}
        <button class="main">Show</button>
      </form>
      ${tableCard(
        {
          title: after === undefined ? 'Newest events' : 'Older events',
          more: sayMany(items.length, 'event'),
        },
        items.length === 0
          ? empty('No event fits', 'Take something out of the form above.')
          : eventTable(view, items),
        pager('/events', { type, repo, rule, decision, after }, next),
      )}`,
  }
}

/** A table of events. */
export function eventTable({ now }: View, events: readonly TrailEvent[]): Html {
  return table(
    'Events',
    [
      { name: 'What' },
      { name: 'Decision' },
      { name: 'Build' },
      { name: 'Rule', kind: 'less' },
      { name: 'Record', kind: 'less' },
      { name: 'When' },
    ],
    events.map(({ sentence, type, decision, reason, build, rule, record, at }) => [
      html`${sentence}<small><code>${reason ?? type}</code></small>`,
      chipOf(decision),
      build ? linkBuild(build) : html`–`,
      html`${rule === undefined ? '–' : html`<a href="/policies/${encodeURIComponent(rule)}">${rule}</a>`}`,
      html`<code class="nowrap">${record.node} #${record.seq}</code>`,
      when(now, at),
    ]),
  )
}
