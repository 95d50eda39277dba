// `trust lint`: everything that would make Entra or Azure refuse a build, or let a stranger in, found in
// the policy and the service configuration alone, before anything is applied (facts/peers.md §3 rows 3-5).
import { keyOfIdentity } from '../policy/place.ts'
import { findRole } from '../policy/roles.ts'
import type { Policy } from '../policy/schema.ts'
import type { PlacedEntry } from './audience.ts'
import { adviseForm, credentialLimit } from './counts.ts'
import { listEnforced, toDesired, type DesiredState } from './desired.ts'
import { findingAt, type TrustFinding } from './finding.ts'
import { lintNames } from './lint-names.ts'

/** What the service configuration says of trust; lint does with less when there is none. */
export type TrustService = { issuerUrl: string; instances: readonly string[] }

/** How many federated credentials an identity needs. */
export type IdentityCount = {
  identity: string
  entries: string[]
  credentials: number
  limit: number
}

/** Findings, the worst first, and the credentials of each identity. */
export type TrustReport = { findings: TrustFinding[]; counts: IdentityCount[] }

const unknownIssuer = 'https://issuer.invalid'

/** Lints a policy that loads, with the service it is for if that is known. */
export function lintTrust({
  policy,
  service,
}: {
  policy: Policy
  service?: TrustService
}): TrustReport {
  const { desired, findings } = toDesired({
    policy,
    issuerUrl: service?.issuerUrl ?? unknownIssuer,
  })
  const entries = listEnforced(policy)
  const groups = [...Map.groupBy(entries, ({ entry }) => keyOfIdentity(entry)).values()]
  const all = [
    ...(service ? lintService(service, entries) : []),
    ...findings,
    ...lintNames(entries),
    ...lintIdentities(groups),
    ...lintForks(entries),
    ...lintRoles(entries),
    ...lintCounts(desired, groups),
  ]
  const order = { error: 0, warning: 1, note: 2 }
  return {
    findings: all.toSorted((one, other) => order[one.severity] - order[other.severity]),
    counts: desired.identities.map(({ name, credentials }, index) => ({
      identity: name,
      entries: (groups[index] ?? []).map(({ entry }) => entry.name),
      credentials: credentials.length,
      limit: credentialLimit,
    })),
  }
}

function lintService(
  { issuerUrl, instances }: TrustService,
  entries: readonly PlacedEntry[],
): TrustFinding[] {
  const at = (code: 'trust_issuer_slash' | 'trust_issuer_form', message: string): TrustFinding => ({
    ...findingAt(code, ['issuer_url'], message),
    file: 'config',
  })
  const found: TrustFinding[] = []
  if (issuerUrl.endsWith('/')) {
    found.push(at('trust_issuer_slash', `${issuerUrl} ends in a slash, and tokens say it without.`))
  } else if (!/^https:\/\/[a-z0-9.-]+(:\d+)?(\/[A-Za-z0-9._~-]+)*$/.test(issuerUrl)) {
    found.push(at('trust_issuer_form', `${issuerUrl} is not of the form https://host/path.`))
  }
  for (const { entry, index } of entries) {
    for (const [subject, { instance }] of entry.subjects.entries()) {
      if (instances.includes(instance)) continue
      const path = ['policies', index, 'subjects', subject, 'instance']
      const message = `The service has no CI instance "${instance}"; it has ${instances.join(', ')}.`
      found.push(findingAt('trust_instance_unknown', path, message))
    }
  }
  return found
}

function lintIdentities(groups: readonly PlacedEntry[][]): TrustFinding[] {
  return groups.flatMap(([first]) => {
    if (!first) return []
    const { name, clientId, kind } = first.entry.identity
    const path = ['identities', name]
    const found: TrustFinding[] = []
    if (clientId === undefined) {
      const message = `The identity "${name}" has no client_id: nothing is issued for it.`
      found.push(findingAt('trust_identity_unapplied', path, message))
    }
    if (kind === 'managed_identity') {
      const message = `The identity "${name}" is a managed identity: a stolen token of it works for up to 24 hours.`
      found.push(findingAt('trust_managed_identity', [...path, 'kind'], message))
    }
    return found
  })
}

function lintForks(entries: readonly PlacedEntry[]): TrustFinding[] {
  const isFork = ({ entry }: PlacedEntry) =>
    entry.subjects.some(({ events }) => events.includes('fork'))
  return entries.filter(isFork).flatMap((fork) => {
    const { entry, index } = fork
    const others = entries.filter((other) => other !== fork)
    const found: TrustFinding[] = []
    // An entry that admits branches beside forks shares everything with itself.
    const isMixed = entry.subjects.some(({ events }) => !events.includes('fork'))
    const twins = others.filter(({ entry: other }) => keyOfIdentity(other) === keyOfIdentity(entry))
    const sharers = [
      ...(isMixed ? [`${entry.name} itself`] : []),
      ...twins.map(({ entry: { name } }) => name),
    ]
    if (sharers.length > 0) {
      const names = sharers.join(', ')
      const message = `Forks become the application "${entry.identity.name}", as the builds of ${names} do.`
      found.push(findingAt('trust_fork_identity', ['policies', index, 'identity'], message))
    }
    for (const [at, grant] of entry.grants.entries()) {
      const sharing = others
        .filter((other) =>
          other.entry.grants.some(
            ({ account, service, container }) =>
              account === grant.account &&
              service === grant.service &&
              container === grant.container,
          ),
        )
        .map((other) => other.entry.name)
      if (isMixed) sharing.unshift(`${entry.name} itself`)
      if (sharing.length === 0) continue
      const message = `Forks reach ${grant.account}/${grant.container} (grant ${entry.name}/${grant.id}), and so do builds of ${sharing.join(', ')}.`
      found.push(findingAt('trust_fork_container', ['policies', index, 'grants', at], message))
    }
    return found
  })
}

function lintRoles(entries: readonly PlacedEntry[]): TrustFinding[] {
  return entries.flatMap(({ entry, index }) =>
    entry.grants.flatMap((grant, at) => {
      const role = findRole(grant)
      const path = ['policies', index, 'grants', at]
      const name = `${entry.name}/${grant.id}`
      if (role?.builtIn === undefined) {
        const message = `The grant ${name} takes a custom role; ${role?.nearest} would give more.`
        return role ? [findingAt('trust_role_custom', path, message)] : []
      }
      if (role.excess === '') return []
      const message = `The grant ${name} takes ${role.builtIn}, and ${role.excess}.`
      return [findingAt('trust_role_wider', path, message)]
    }),
  )
}

function lintCounts(desired: DesiredState, groups: readonly PlacedEntry[][]): TrustFinding[] {
  return desired.identities.flatMap(({ name, credentials }, at) => {
    const entries = groups[at] ?? []
    const first = entries[0]
    if (credentials.length <= credentialLimit || !first) return []
    const message = `The identity "${name}" needs ${credentials.length} federated credentials, and Entra takes ${credentialLimit}. ${adviseForm(entries)}`
    return [findingAt('trust_credentials_many', ['policies', first.index, 'subject'], message)]
  })
}
