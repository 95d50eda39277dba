// One entry of the policy: its builds, its effective rights with who holds them to it, its use, and what
// lint finds.
import { html } from 'hono/html'

import { Fault } from '../core/fault.ts'
import { findEnforcer } from '../policy/grant.ts'
import { effectiveGrants } from '../policy/place.ts'
import { findRole } from '../policy/roles.ts'
import type { Policy, PolicyEntry } from '../policy/schema.ts'
import type { Html, Page, View } from './layout.ts'
import { card, empty, facts, table, tableCard, withQuery } from './parts.ts'
import { usesOf } from './policies-page.ts'
import type { PolicyFacts } from './policy-facts.ts'
import type { Ask, Sources } from './sources.ts'
import { chip, chipOf, copyable, sayCount, sayMany, when, withCode } from './words.ts'

/** Shows the entry of the address; throws dashboard_absent. */
export async function showPolicy(sources: Sources, view: View, ask: Ask): Promise<Page> {
  const { policy, findingsOf, groupOf } = sources.facts()
  const name = ask.param('entry')
  const entry = policy.entries.get(name)
  if (!entry) throw new Fault('dashboard_absent', `The policy in force has no entry "${name}".`)
  const use = usesOf(await sources.trail.identities()).get(name)
  const { identity } = entry
  return {
    title: name,
    lead: html`<span class="chips">${chipOf(entry.mode)}</span>`,
    crumbs: html`<a href="/policies">Policies</a> ›`,
    body: html`<div class="grid">
        ${card(
          'Becomes',
          facts([
            ['Identity', identity.name],
            [
              'Client id',
              identity.clientId === undefined
                ? 'not made yet: run trust apply'
                : copyable(identity.clientId, 'the client id'),
            ],
            ['Tenant', html`<code>${identity.tenantId}</code>`],
            [
              'Audiences',
              html`${entry.audiences.map((each) => html`<div><code>${each}</code></div>`)}`,
            ],
            ['Tokens live', `${entry.lifetimeSeconds} seconds`],
          ]),
        )}
        ${card(
          'Use',
          facts([
            ['Last use', when(view.now, use?.lastAt)],
            ['Tokens', sayCount(use?.tokens ?? 0)],
            ['Builds', sayCount(use?.builds ?? 0)],
            ['Findings', findingsOf(name).length === 0 ? chip('good', '✓ none') : undefined],
            [
              'Refusals',
              html`<a href="${withQuery('/events', { decision: 'deny', rule: name })}"
                >show them</a
              >`,
            ],
          ]),
        )}
      </div>
      ${findingsOf(name).length === 0 ? '' : card('Findings', showFindings(findingsOf(name)))}
      ${tableCard({ title: 'Effective rights', more: 'its own, and those Azure cannot keep apart' }, rights(groupOf(entry), entry))}
      ${tableCard({ title: 'Builds it trusts', more: sayMany(entry.subjects.length, 'subject') }, subjects(entry))}`,
  }
}

function showFindings(findings: ReturnType<PolicyFacts['findingsOf']>): Html {
  return html`<ul class="list">
    ${findings.map(({ code, message }) => html`<li><span>${withCode(message)}</span><small>${chip('warn', code)}</small></li>`)}
  </ul>`
}

function rights(policy: Policy, entry: PolicyEntry): Html {
  const grants = effectiveGrants(policy, entry)
  if (grants.length === 0) {
    return empty(
      'No grants are declared',
      'What it may do stands in Azure alone; nobody can tell from here.',
    )
  }
  return table(
    `Effective rights of ${entry.name}`,
    [{ name: 'Place' }, { name: 'May' }, { name: 'Enforced by' }, { name: 'Role', kind: 'less' }],
    grants.map(({ grant, from }) => {
      const { account, container, prefix, service } = grant
      const role = findRole(grant)
      return [
        html`<a href="${withQuery('/storage', { account, service, container, prefix })}"
            ><code>${account}/${container}/${prefix}</code></a
          ><small
            >${service}${from === entry ? '' : ` · by ${from.name}, which shares the application`}</small
          >`,
        html`${grant.verbs.join(', ')}`,
        html`${chipOf(grant.enforcedBy)}<small>${findEnforcer(grant).why}</small>`,
        html`${role ? (role.builtIn ?? 'a custom role') : '–'}`,
      ]
    }),
  )
}

function subjects(entry: PolicyEntry): Html {
  return table(
    `Builds that ${entry.name} trusts`,
    [
      { name: 'Repository' },
      { name: 'CI server', kind: 'less' },
      { name: 'Kinds of builds' },
      { name: 'Refs' },
    ],
    entry.subjects.map(({ instance, repository, repositoryId, events, refs }) => [
      html`<a href="${withQuery('/builds', { repo: repository })}">${repository}</a
        ><small>id ${repositoryId}</small>`,
      html`${instance}`,
      html`${events.join(', ')}`,
      html`${refs.map((ref) => html`<div><code>${ref}</code></div>`)}`,
    ]),
  )
}
