// The overview: whether all is well, what today brought, and what is due.
import { html } from 'hono/html'

import type { DenialCount, RepositoryUse, Series, TrailEvent } from '../trail/trail.ts'
import type { Html, Page, View } from './layout.ts'
import { card, empty, facts, figures, note, table, tableCard, withQuery } from './parts.ts'
import { bars, heat, meter, type HeatRow } from './plot.ts'
import type { Health, Sources } from './sources.ts'
import { sayCount, sayDuration, sayMany, saySize, sayTime, when } from './words.ts'

const dayMs = 86_400_000
const shownDays = 14

/** Shows the overview. */
export async function showOverview(sources: Sources, view: View): Promise<Page> {
  const { trail } = sources
  const today = Math.floor(view.now.getTime() / dayMs) * dayMs
  const span = { from: new Date(today - (shownDays - 1) * dayMs), to: new Date(today + dayMs) }
  const line = (of: 'tokens' | 'transfers' | 'bytes' | 'denials' | 'builds') =>
    trail.series({ of, ...span, bucketMs: dayMs })
  const [tokens, builds, bytes, transfers, refusals, denials, uses, counts, refused, health, due] =
    await Promise.all([
      line('tokens'),
      line('builds'),
      line('bytes'),
      line('transfers'),
      line('denials'),
      trail.denials({ ...span, bucketMs: dayMs }),
      trail.repositories({ ...span, limit: 8 }),
      trail.counts(),
      trail.events({ decision: 'deny', limit: 40 }),
      sources.health(),
      showDue(sources, view),
    ])
  const last = (series: Series) => series.at(-1)?.value ?? 0
  const days = tokens.map(({ at }) => at)
  return {
    title: 'Overview',
    side: html`<span class="muted">${sayTime(view.now)}</span>`,
    body: html`${showHealth(health)}
      ${figures([
        ['Tokens today', sayCount(last(tokens)), `${sayCount(counts.tokens)} on record`],
        ['Denials today', sayCount(last(refusals)), `${sayCount(counts.denials)} on record`],
        ['Builds today', sayCount(last(builds)), `${sayCount(counts.builds)} on record`],
        ['Transfers today', sayCount(last(transfers)), `${saySize(last(bytes))} moved`],
      ])}
      <div class="grid">
        <section class="card">${bars(tokens, { title: 'Tokens issued by day' })}</section>
        <section class="card">${bars(bytes, { title: 'Moved by day', say: saySize })}</section>
      </div>
      ${card('Denials by rule', showDenials(denials, days), html`<span class="muted">${shownDays} days, one cell each</span>`)}
      <div class="grid">${due}${showRefused(view, firstOfEach(refused.items))}</div>
      ${tableCard({ title: 'Busiest repositories', more: `${shownDays} days` }, showUses(uses))}`,
  }
}

function showHealth({ reasons, notes, policy, version }: Health): Html {
  const rest = html`${policy.problem === undefined ? '' : note('bad', 'The policy file is bad; the last good one is in force', policy.problem)}
  ${notes.map((text) => note('warn', 'To be seen to', text))}`
  return reasons.length === 0
    ? html`${note('good', 'All is well', `Tokens are issued by version ${version}, and the world can check them.`)}
      ${rest}`
    : html`${reasons.map((reason) => note('bad', 'Not ready', reason))}${rest}`
}

async function showDue(sources: Sources, view: View): Promise<Html> {
  const [progress, review] = await Promise.all([sources.trail.progress(), sources.lastReview()])
  const behind = progress.reduce((sum, { head, followedTo }) => sum + head - followedTo, 0)
  const verified = sources.verification.last()
  const active = sources.keys().find(({ state }) => state === 'active')
  const next = review && new Date(Date.parse(review.at) + 30 * dayMs)
  const chains = verified?.chains.reduce((sum, { seq }) => sum + seq, 0) ?? 0
  return card(
    'Ledger and what is due',
    facts([
      [
        'Ledger verified',
        verified?.trouble ??
          (verified
            ? html`up to record ${sayCount(chains)}, ${when(view.now, verified.at)}`
            : html`not by this process; <a href="/audit">verify it now</a>`),
      ],
      [
        'Pages follow it',
        behind === 0 ? 'to its last record' : `${sayMany(behind, 'record')} behind`,
      ],
      [
        'Signing key',
        active?.rotatesAt && html`changes ${when(view.now, new Date(active.rotatesAt))}`,
      ],
      [
        'Review of trust',
        next ? html`due ${when(view.now, next)}` : 'none yet: run azure-storage-drone trust review',
      ],
    ]),
  )
}

function showDenials(denials: readonly DenialCount[], days: readonly Date[]): Html {
  if (denials.length === 0) return empty('No denials', 'Nothing was refused in these days.')
  const groups = [...Map.groupBy(denials, ({ rule, reason }) => `${rule}\n${reason}`).values()]
  const rows = groups.map((group): HeatRow & { sum: number } => {
    const [{ rule, reason } = { rule: '', reason: '' }] = group
    const counts = new Map(group.map(({ at, count }) => [at.getTime(), count]))
    const values = days.map((day) => counts.get(day.getTime()) ?? 0)
    const name = html`${rule === '' ? 'no rule' : html`<a href="${withQuery('/events', { decision: 'deny', rule })}">${rule}</a>`}<small
        >${reason}</small
      >`
    const sum = values.reduce((total, value) => total + value, 0)
    return { name, text: `${rule || 'no rule'}, ${reason}`, values, sum }
  })
  const shown = rows.toSorted((one, other) => other.sum - one.sum).slice(0, 12)
  return heat(shown, days)
}

// A step that asks again and again is one refusal to a person.
function firstOfEach(events: readonly TrailEvent[]): TrailEvent[] {
  const groups = Map.groupBy(
    events,
    ({ sentence, build }) => `${build?.instance} ${build?.id} ${sentence}`,
  )
  return [...groups.values()].flatMap(([first]) => first ?? []).slice(0, 6)
}

function showRefused({ now }: View, events: readonly TrailEvent[]): Html {
  return card(
    'Newest refusals',
    events.length === 0
      ? empty(
          'Nothing was refused',
          'A build that asks for more than the policy gives appears here.',
        )
      : html`<ul class="list">
          ${events.map(
            ({ sentence, at, build }) =>
              html`<li>
                <span>${sentence}</span>
                <small
                  >${build ? html`<a href="/builds/${encodeURIComponent(build.instance)}/${build.id}">${build.repo} #${build.number}</a> · ` : ''}${sayDuration(now.getTime() - at.getTime())}
                  ago</small
                >
              </li>`,
          )}
        </ul>`,
    html`<a href="/events?decision=deny">All refusals</a>`,
  )
}

function showUses(uses: readonly RepositoryUse[]): Html {
  if (uses.length === 0) {
    return empty('No builds in these days', 'Repositories appear with their first token.')
  }
  const most = Math.max(...uses.map(({ bytes }) => bytes))
  return table(
    'Busiest repositories',
    [
      { name: 'Repository' },
      { name: 'Builds', kind: 'num' },
      { name: 'Denials', kind: 'num less' },
      { name: 'Transfers', kind: 'num less' },
      { name: 'Moved', kind: 'num' },
      { name: 'Share', kind: 'less' },
      { name: 'Throughput', kind: 'num' },
      { name: 'Mean time', kind: 'num less' },
    ],
    uses.map(({ repo, builds, denials, transfers, bytes, durationMs }) => [
      html`<a href="${withQuery('/builds', { repo })}">${repo}</a>`,
      html`${sayCount(builds)}`,
      html`${sayCount(denials)}`,
      html`${sayCount(transfers)}`,
      html`${saySize(bytes)}`,
      meter(bytes, most),
      html`${durationMs > 0 ? `${saySize((bytes * 1000) / durationMs)}/s` : '–'}`,
      html`${transfers > 0 ? `${(durationMs / transfers / 1000).toFixed(1)} s` : '–'}`,
    ]),
  )
}
