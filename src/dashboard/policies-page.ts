// The entries of the policy in force: whom each trusts, what that amounts to, who enforces it, and when
// it was last used.
import { html } from 'hono/html'

import type { PolicyEntry } from '../policy/schema.ts'
import type { TrailIdentity } from '../trail/trail.ts'
import type { Html, Page, View } from './layout.ts'
import { empty, facts, input, pager, table, tableCard } from './parts.ts'
import type { Ask, Sources } from './sources.ts'
import { chip, chipOf, copyable, sayCount, sayMany, when } from './words.ts'

const pageSize = 50

/** Shows the entries whose name, repository or identity holds the words asked for. */
export async function showPolicies(sources: Sources, view: View, ask: Ask): Promise<Page> {
  const { policy, findingsOf } = sources.facts()
  const [words, after] = [ask.query('q')?.toLowerCase(), ask.query('after')]
  const all = [...policy.entries.values()].filter((entry) => fits(entry, words))
  const start = after === undefined ? 0 : all.findIndex(({ name }) => name === after) + 1
  const shown = all.slice(start, start + pageSize)
  const next = all.length > start + pageSize ? shown.at(-1)?.name : undefined
  const uses = usesOf(await sources.trail.identities())
  const { policy: state } = await sources.health()
  return {
    title: 'Policies',
    lead: 'Which builds may become which identity. What no entry admits gets nothing.',
    body: html`<section class="card">
        ${facts([
          [
            'In force',
            html`${sayMany(state.entries, 'entry', 'entries')}, since
            ${when(view.now, state.loadedAt)}`,
          ],
          ['SHA-256 of the file', copyable(state.sha256, 'the hash of the policy')],
          [
            'The file now',
            state.problem === undefined
              ? 'is the one in force'
              : html`${chip('bad', 'bad')} ${state.problem}`,
          ],
        ])}
      </section>
      <form class="fields card" action="/policies">
        ${input('q', 'Name, repository or identity', ask.query('q'))}
        <button class="main">Show</button>
        <a class="button" href="/simulator">Ask the simulator</a>
      </form>
      ${tableCard(
        { title: 'Entries', more: sayMany(all.length, 'entry', 'entries') },
        shown.length === 0
          ? empty('No entry fits', 'Take something out of the form above.')
          : table(
              'Policy entries',
              [
                { name: 'Entry' },
                { name: 'Trusts' },
                { name: 'Becomes', kind: 'less' },
                { name: 'Enforced by', kind: 'less' },
                { name: 'Findings', kind: 'num less' },
                { name: 'Last use' },
              ],
              shown.map((entry) => [
                html`<a href="/policies/${encodeURIComponent(entry.name)}">${entry.name}</a
                  ><small>${entry.mode === 'audit' ? chipOf('audit') : ''}</small>`,
                trusted(entry),
                html`${entry.identity.name}`,
                html`<span class="chips"
                  >${[...new Set(entry.grants.map(({ enforcedBy }) => enforcedBy))].map((each) => chipOf(each))}</span
                >`,
                html`${sayCount(findingsOf(entry.name).length)}`,
                when(view.now, uses.get(entry.name)?.lastAt),
              ]),
            ),
        pager('/policies', { q: ask.query('q'), after }, next),
      )}`,
  }
}

/** Tokens and last use of each entry, over all identities it ever led to. */
export function usesOf(
  identities: readonly TrailIdentity[],
): Map<string, { tokens: number; builds: number; lastAt: Date }> {
  const found = new Map<string, { tokens: number; builds: number; lastAt: Date }>()
  for (const { rule, tokens, builds, lastAt } of identities.flatMap(({ rules }) => rules)) {
    const known = found.get(rule)
    found.set(rule, {
      tokens: tokens + (known?.tokens ?? 0),
      builds: builds + (known?.builds ?? 0),
      lastAt: known && known.lastAt > lastAt ? known.lastAt : lastAt,
    })
  }
  return found
}

function fits({ name, subjects, identity }: PolicyEntry, words: string | undefined): boolean {
  if (words === undefined) return true
  const texts = [name, identity.name, ...subjects.map(({ repository }) => repository)]
  return texts.some((text) => text.toLowerCase().includes(words))
}

function trusted({ subjects }: PolicyEntry): Html {
  const [first] = subjects
  const more = subjects.length - 1
  return html`${first?.repository}<small
      >${first?.events.join(', ')}${more > 0 ? ` and ${more} more` : ''}</small
    >`
}
