// The storage map: places that transfers tell of, who wrote below a prefix, and who could.
import { html } from 'hono/html'

import type { Way } from '../policy/who-can.ts'
import type { Place, TrailTransfer } from '../trail/trail.ts'
import { linkBuild } from './builds-page.ts'
import type { Html, Page, View } from './layout.ts'
import { empty, input, pager, select, table, tableCard, withQuery } from './parts.ts'
import type { Ask, Sources } from './sources.ts'
import { chip, chipOf, sayCount, sayMany, saySize, when } from './words.ts'

const shownWays = 40

/** Shows all places, or one of them. */
export async function showStorage(sources: Sources, view: View, ask: Ask): Promise<Page> {
  const [account, container] = [ask.query('account'), ask.query('container')]
  const form = html`<form class="fields card" action="/storage">
    ${input('account', 'Account', account, { isRequired: true })}
    ${select('service', 'Service', ['blob', 'file'], ask.query('service') ?? 'blob')}
    ${input('container', 'Container or share', container, { isRequired: true })}
    ${input('prefix', 'Below', ask.query('prefix'), { placeholder: 'web/main/' })}
    <button class="main">Show</button>
    ${account === undefined ? '' : html`<a class="button" href="/storage">All places</a>`}
  </form>`
  const body =
    account === undefined || container === undefined
      ? await showPlaces(sources, view)
      : await showPlace(sources, view, ask, {
          account,
          container,
          service: ask.query('service') === 'file' ? 'file' : 'blob',
        })
  return {
    title: 'Storage',
    lead: 'Who wrote where. Transfers are the word of the steps themselves; tokens and rules are ours.',
    body: html`${form}${body}`,
  }
}

async function showPlaces({ trail }: Sources, { now }: View): Promise<Html> {
  const places = await trail.places()
  return tableCard(
    {
      title: 'Places',
      more: sayMany(places.length, 'container or share', 'containers and shares'),
    },
    places.length === 0
      ? empty('No transfers yet', 'Steps report what they did when they are done.')
      : table(
          'Places in storage',
          [
            { name: 'Place' },
            { name: 'Service', kind: 'less' },
            { name: 'Transfers', kind: 'num' },
            { name: 'Moved', kind: 'num' },
            { name: 'Last' },
          ],
          places.map(({ account, service, container, transfers, bytes, lastAt }) => [
            html`<a href="${withQuery('/storage', { account, service, container })}"
              ><code>${account}/${container}</code></a
            >`,
            html`${service}`,
            html`${sayCount(transfers)}`,
            html`${saySize(bytes)}`,
            when(now, lastAt),
          ]),
        ),
  )
}

async function showPlace(
  { trail, facts }: Sources,
  view: View,
  ask: Ask,
  place: Place,
): Promise<Html> {
  const [prefix, after] = [ask.query('prefix') ?? '', ask.query('after')]
  const isWriting = ask.query('what') !== 'all'
  const { items, next } = await trail.writersUnder({
    ...place,
    prefix,
    isWriting,
    ...(after !== undefined && { after }),
  })
  const query = { ...place, prefix, what: isWriting ? undefined : 'all' }
  const other = { ...query, what: isWriting ? 'all' : undefined }
  const ways = facts().waysTo({ ...place, path: prefix })
  return html`${tableCard(
    {
      title: isWriting ? 'Who wrote here' : 'Who read and wrote here',
      more: html`<a href="${withQuery('/storage', other)}"
        >${isWriting ? 'Show reading too' : 'Only writing'}</a
      >`,
    },
    items.length === 0
      ? empty(
          'Nobody, as far as is on record',
          'Only transfers that ended with a receipt are known.',
        )
      : transferTable(view, items),
    pager('/storage', { ...query, after }, next),
  )}
  ${tableCard(
    {
      title: 'Who may reach it',
      more:
        ways.length > shownWays
          ? `${shownWays} of ${ways.length} ways; name a path below to see fewer`
          : 'by the policy in force',
    },
    ways.length === 0
      ? empty('Nobody', 'No grant of the policy in force reaches this place.')
      : wayTable(ways),
  )}`
}

function transferTable({ now }: View, transfers: readonly TrailTransfer[]): Html {
  return table(
    'Transfers',
    [
      { name: 'Build' },
      { name: 'What' },
      { name: 'Below', kind: 'less' },
      { name: 'Rule', kind: 'less' },
      { name: 'Moved', kind: 'num' },
      { name: 'When' },
    ],
    transfers.map(({ build, action, outcome, place, rule, files, bytes, at, step }) => [
      html`${linkBuild(build)}${step === undefined ? '' : html`<small>step ${step}</small>`}`,
      html`${chipOf(outcome)} ${action}`,
      html`<code>${place.prefix === '' ? '/' : place.prefix}</code>`,
      html`${rule === undefined ? '–' : html`<a href="/policies/${encodeURIComponent(rule)}">${rule}</a>`}`,
      html`${saySize(bytes)}<small>${sayMany(files, 'file')}</small>`,
      when(now, at),
    ]),
  )
}

function wayTable(ways: readonly Way[]): Html {
  return table(
    'Who may reach this place',
    [{ name: 'Entry' }, { name: 'May' }, { name: 'Enforced by' }, { name: 'Builds', kind: 'less' }],
    ways
      .slice(0, 200)
      .map(({ entry, mode, verbs, enforcedBy, reach, prefix, builds, grant }) => [
        html`<a href="/policies/${encodeURIComponent(entry)}">${entry}</a
          ><small>${grant}${mode === 'audit' ? ' · on trial' : ''}</small>`,
        html`${verbs.join(', ')}<small
            >${reach === 'whole' ? 'all of it' : html`${chip('plain', 'part')} below <code>${prefix}</code>`}</small
          >`,
        chipOf(enforcedBy),
        html`${builds.slice(0, 5).map(({ repository, events }) => html`<div>${repository} <small>${events.join(', ')}</small></div>`)}${builds.length > 5 ? `and ${builds.length - 5} more` : ''}`,
      ]),
  )
}
