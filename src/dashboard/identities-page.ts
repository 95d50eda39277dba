// The identities in Azure that builds became: by which entries, how often, and when last.
import { html } from 'hono/html'

import type { PolicyEntry } from '../policy/schema.ts'
import type { Html, Page, View } from './layout.ts'
import { empty, table, tableCard, withQuery } from './parts.ts'
import type { Sources } from './sources.ts'
import { chip, copyable, sayCount, sayMany, when } from './words.ts'

/** Shows every identity that was ever used, and those of the policy that never were. */
export async function showIdentities(sources: Sources, view: View): Promise<Page> {
  const used = await sources.trail.identities()
  const { entriesOf, policy } = sources.facts()
  const known = new Set(used.map(({ tenant, clientId }) => `${tenant}/${clientId}`.toLowerCase()))
  const unused = unusedIdentities([...policy.entries.values()], known)
  return {
    title: 'Identities',
    lead: 'What builds become in Azure: applications and managed identities, with what the ledger knows of their use.',
    body: html`${tableCard(
      { title: 'Used', more: sayMany(used.length, 'identity', 'identities') },
      used.length === 0
        ? empty('None was used yet', 'An identity appears here with its first token.')
        : table(
            'Identities in use',
            [
              { name: 'Identity' },
              { name: 'Entries' },
              { name: 'Tokens', kind: 'num' },
              { name: 'Builds', kind: 'num less' },
              { name: 'First', kind: 'less' },
              { name: 'Last use' },
            ],
            used.map(({ tenant, clientId, rules, tokens, builds, firstAt, lastAt }) => {
              const [entry] = entriesOf(tenant, clientId)
              return [
                html`${entry ? entry.identity.name : chip('warn', 'not in the policy in force')}<small
                    >${copyable(clientId, 'the client id')}</small
                  ><small>tenant <code>${tenant}</code></small>`,
                showRules(rules.map(({ rule }) => rule)),
                html`${sayCount(tokens)}`,
                html`<a href="${withQuery('/builds', { client: clientId })}"
                  >${sayCount(builds)}<span class="visually-hidden"> builds of ${clientId}</span></a
                >`,
                when(view.now, firstAt),
                when(view.now, lastAt),
              ]
            }),
          ),
    )}
    ${unused.length === 0 ? '' : tableCard({ title: 'Never used', more: 'in the policy, and on no record' }, showUnused(unused))}`,
  }
}

const shownRules = 4

function showRules(rules: readonly string[]): Html {
  const link = (rule: string) =>
    html`<div><a href="/policies/${encodeURIComponent(rule)}">${rule}</a></div>`
  const rest = rules.slice(shownRules)
  return html`${rules.slice(0, shownRules).map(link)}
  ${
    rest.length === 0
      ? ''
      : html`<details>
          <summary>${rest.length} more</summary>
          ${rest.map(link)}
        </details>`
  }`
}

function unusedIdentities(entries: readonly PolicyEntry[], known: ReadonlySet<string>) {
  const groups = Map.groupBy(entries, ({ identity }) => identity.name)
  return [...groups].flatMap(([name, group]) => {
    const [{ identity } = { identity: undefined }] = group
    if (!identity) return []
    const key = `${identity.tenantId}/${identity.clientId ?? ''}`.toLowerCase()
    return known.has(key) ? [] : [{ name, identity, group }]
  })
}

function showUnused(unused: ReturnType<typeof unusedIdentities>): Html {
  return table(
    'Identities never used',
    [{ name: 'Identity' }, { name: 'Client id' }, { name: 'Entries' }],
    unused.map(({ name, identity, group }) => [
      html`${name}`,
      identity.clientId === undefined
        ? chip('warn', 'not made in Azure yet')
        : copyable(identity.clientId, 'the client id'),
      html`${group.map(({ name: entry }) => html`<div><a href="/policies/${encodeURIComponent(entry)}">${entry}</a></div>`)}`,
    ]),
  )
}
