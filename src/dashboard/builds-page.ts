// The list of builds, newest first, narrowed by a form and paged by where the last page ended.
import { html } from 'hono/html'

import type { BuildOutcome, TrailBuild } from '../trail/trail.ts'
import type { Html, Page, View } from './layout.ts'
import { empty, input, pager, select, table, tableCard } from './parts.ts'
import type { Ask, Sources } from './sources.ts'
import { chipOf, sayCount, sayMany, sayRef, saySize, when } from './words.ts'

const outcomes: readonly BuildOutcome[] = ['allowed', 'denied', 'partly', 'asked']
const events = ['push', 'tag', 'pull_request', 'promote', 'rollback', 'cron', 'custom']

/** Shows the builds that the address asks for. */
export async function showBuilds({ trail }: Sources, view: View, ask: Ask): Promise<Page> {
  const [repo, event, after, clientId] = ['repo', 'event', 'after', 'client'].map((name) =>
    ask.query(name),
  )
  const outcome = outcomes.find((each) => each === ask.query('outcome'))
  const { items, next } = await trail.builds({
    ...(repo !== undefined && { repo }),
    ...(event !== undefined && { event }),
    ...(outcome !== undefined && { outcome }),
    ...(clientId !== undefined && { clientId }),
    ...(after !== undefined && { after }),
  })
  const query = { repo, event, outcome, client: clientId, after }
  const isNarrowed = [repo, event, outcome, clientId].some((each) => each !== undefined)
  return {
    title: 'Builds',
    lead: 'Every build that asked for an identity, and what became of it.',
    body: html`<form class="fields card" action="/builds">
        ${input('repo', 'Repository', repo, { placeholder: 'octo/web' })}
        ${select('event', 'Event', events, event)}
        ${select('outcome', 'Outcome', outcomes, outcome)}
        ${clientId === undefined ? '' : input('client', 'Client id', clientId)}
        <button class="main">Show</button>
        ${isNarrowed ? html`<a class="button" href="/builds">All builds</a>` : ''}
      </form>
      ${tableCard(
        {
          title: after === undefined ? 'Newest builds' : 'Older builds',
          more: sayMany(items.length, 'build'),
        },
        items.length === 0 ? nothing(isNarrowed) : buildTable(view, items),
        pager('/builds', query, next),
      )}`,
  }
}

/** A table of builds. */
export function buildTable({ now }: View, builds: readonly TrailBuild[]): Html {
  return table(
    'Builds',
    [
      { name: 'Build' },
      { name: 'What', kind: 'less' },
      { name: 'Outcome' },
      { name: 'Tokens', kind: 'num less' },
      { name: 'Denials', kind: 'num less' },
      { name: 'Moved', kind: 'num' },
      { name: 'When' },
    ],
    builds.map((build) => [
      html`${linkBuild(build)}<small>${build.instance}</small>`,
      html`${build.event} <small>${sayRef(build.ref)}</small>`,
      chipOf(build.outcome),
      html`${sayCount(build.tokens)}`,
      html`${sayCount(build.denials)}`,
      html`${build.transfers === 0 ? '–' : saySize(build.bytes)}<small
          >${build.transfers === 0 ? '' : sayMany(build.files, 'file')}</small
        >`,
      when(now, build.lastAt),
    ]),
  )
}

/** A link to a build by its repository and number. */
export function linkBuild(build: Pick<TrailBuild, 'instance' | 'id' | 'repo' | 'number'>): Html {
  const { instance, id, repo, number } = build
  return html`<a href="/builds/${encodeURIComponent(instance)}/${id}">${repo} #${number}</a>`
}

function nothing(isNarrowed: boolean): Html {
  return isNarrowed
    ? empty('No build fits', 'Take something out of the form above.')
    : empty('No builds yet', 'A build appears with its first question for an identity.')
}
