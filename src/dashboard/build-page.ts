// One build: what it is, and its story in the order of time, each station with the place of its record
// and whose word it is.
import { html } from 'hono/html'

import { Fault } from '../core/fault.ts'
import type { StoryItem, TrailBuild, TrailReceipt } from '../trail/trail.ts'
import type { Html, Page, View } from './layout.ts'
import { card, facts, withQuery } from './parts.ts'
import type { Ask, Sources } from './sources.ts'
import {
  atTime,
  chip,
  chipOf,
  copyable,
  sayCount,
  sayDuration,
  sayMany,
  saySize,
  when,
} from './words.ts'

const speakers = {
  service: 'this service',
  ci: 'the CI server',
  step: "the step's own word",
} as const

/** Shows the build of the address; throws dashboard_absent. */
export async function showBuild({ trail }: Sources, view: View, ask: Ask): Promise<Page> {
  const [instance, id] = [ask.param('instance'), Number(ask.param('id'))]
  const story = Number.isSafeInteger(id) ? await trail.story({ instance, id }) : undefined
  if (!story) {
    throw new Fault('dashboard_absent', `No build ${ask.param('id')} of ${instance} is on record.`)
  }
  const { build, items } = story
  return {
    title: `${build.repo} #${build.number}`,
    lead: html`<span class="chips"
      >${chipOf(build.outcome)} ${chip('plain', build.event)}
      ${build.class === undefined ? '' : chip('accent', `class ${build.class}`)}
      ${chip('plain', build.endedAt ? `ended: ${build.status}` : build.status)}</span
    >`,
    crumbs: html`<a href="/builds">Builds</a> ›
      <a href="${withQuery('/builds', { repo: build.repo })}">${build.repo}</a>`,
    body: html`<div class="grid">
        ${card('Build', describe(view, build))} ${card('What it did', summarise(build))}
      </div>
      ${card(
        'Story',
        html`<ol class="timeline">
          ${items.map((item, index) => showItem(item, items[index - 1]))}
        </ol>`,
        html`<span class="muted">${sayMany(items.length, 'record')}</span>`,
      )}`,
  }
}

function describe({ now }: View, build: TrailBuild): Html {
  const { sourceRepo, repo, trigger, sender } = build
  return facts([
    ['CI server', `${build.instance}, build ${build.id}`],
    ['Ref', html`<code>${build.ref}</code>`],
    ['Commit', copyable(build.sha, 'the commit')],
    [
      'Source',
      sourceRepo !== '' && sourceRepo !== repo ? `${sourceRepo} (another repository)` : '',
    ],
    ['Started by', trigger === sender || trigger === '' ? sender : `${trigger}, author ${sender}`],
    ['First seen', when(now, build.firstAt)],
    ['Ended', build.endedAt && when(now, build.endedAt)],
    ['Trace id', copyable(build.trace, 'the trace id')],
  ])
}

function summarise(build: TrailBuild): Html {
  const { transfers, failures } = build
  return facts([
    ['ID tokens', sayCount(build.tokens)],
    ['Denials', sayCount(build.denials)],
    [
      'Transfers',
      failures === 0 ? sayCount(transfers) : `${transfers}, ${failures} of them failed`,
    ],
    ['Moved', transfers === 0 ? '' : `${saySize(build.bytes)} in ${sayMany(build.files, 'file')}`],
    ['Took', sayDuration(build.lastAt.getTime() - build.firstAt.getTime())],
    [
      'On the command line',
      html`<code>azure-storage-drone trace '${build.repo}#${build.number}'</code>`,
    ],
  ])
}

function showItem(item: StoryItem, before: StoryItem | undefined): Html {
  const { decision, what, sentence, saidBy, record, at } = item
  const gap = before ? at.getTime() - before.at.getTime() : 0
  return html`<li class="${decision}">
    <div class="body">
      <strong>${sentence}</strong>
      <small
        >${atTime(at)}${gap >= 1000 ? ` · ${sayGap(gap)} later` : ''} · <code>${what}</code> · said
        by ${speakers[saidBy]} · record <code>${record.node} #${record.seq}</code></small
      >
      ${showFacts(item)}${item.receipt ? showFiles(item.receipt) : ''}
    </div>
  </li>`
}

type Pairs = readonly (readonly [string, Html | string | undefined])[]

function showFacts(item: StoryItem): Html {
  const pairs = [...itemFacts(item), ...(item.receipt ? receiptFacts(item.receipt) : [])]
  if (pairs.every(([, value]) => value === undefined || value === '')) return html``
  const content = facts(pairs)
  // Why not is what people came for.
  return item.decision === 'deny'
    ? content
    : html`<details>
        <summary>Ids and hashes</summary>
        ${content}
      </details>`
}

function itemFacts({ rule, reasons, runner, subject, token, azure }: StoryItem): Pairs {
  return [
    ['Rule', rule && html`<a href="/policies/${encodeURIComponent(rule)}">${rule}</a>`],
    [
      'Reason',
      reasons && reasons.length > 0 ? html`<code>${reasons.join(', ')}</code>` : undefined,
    ],
    ['Runner', runner],
    ['Subject', subject === undefined ? undefined : copyable(subject, 'the subject')],
    ['Audience', token?.aud],
    ['Token id', token?.jti === undefined ? undefined : copyable(token.jti, 'the token id')],
    ['Token SHA-256', token?.sha256 === undefined ? undefined : copyable(token.sha256, 'the hash')],
    ['Azure client', azure && copyable(azure.clientId, 'the client id')],
    ['Azure tenant', azure && html`<code>${azure.tenant}</code>`],
  ]
}

function receiptFacts(receipt: TrailReceipt): Pairs {
  const { place, outcome, action, files, bytes, durationMs } = receipt
  const where = `${place.account}/${place.container}/${place.prefix}`
  const prefix = receipt.requestIdPrefix
  return [
    ['Transfer', html`${chipOf(outcome)} ${action}`],
    [
      'Place',
      html`<a href="${withQuery('/storage', placeQuery(place))}"><code>${where}</code></a>`,
    ],
    [
      'Moved',
      `${saySize(bytes)} in ${sayMany(files, 'file')}, ${(durationMs / 1000).toFixed(1)} s`,
    ],
    ...receipt.accessTokenSha256.map(
      (hash) => ['AuthenticationHash', copyable(hash, 'the hash in Azure’s log')] as const,
    ),
    ...receipt.correlationIds.map(
      (id) => ['Entra correlation', copyable(id, 'the correlation id')] as const,
    ),
    [
      'Request ids begin',
      prefix === undefined ? undefined : copyable(prefix, 'the request id prefix'),
    ],
  ]
}

function showFiles({ items, files }: TrailReceipt): Html {
  if (items.length === 0) return html``
  const more = items.length < files ? ` of ${sayCount(files)}` : ''
  return html`<details>
    <summary>${sayMany(items.length, 'file')}${more}</summary>
    <ul class="list">
      ${items.map(
        ({ name, bytes, etag }) =>
          html`<li>
            <code>${name}</code
            ><small>${saySize(bytes)}${etag === undefined ? '' : ` · ETag ${etag}`}</small>
          </li>`,
      )}
    </ul>
  </details>`
}

function placeQuery(place: TrailReceipt['place']): Record<string, string> {
  const { account, service, container, prefix } = place
  return { account, service, container, prefix }
}

function sayGap(milliseconds: number): string {
  return milliseconds < 60_000 ? `${(milliseconds / 1000).toFixed(1)} s` : sayDuration(milliseconds)
}
