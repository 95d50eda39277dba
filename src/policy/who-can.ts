// Who can reach a place: every entry with a grant there, its builds, and who enforces it.
import type { TrustClass } from '../identity/trust-class.ts'
import type { Enforcer, Verb } from './grant.ts'
import { effectiveGrants, meetPrefix, type Place } from './place.ts'
import type { Policy, PolicyMode } from './schema.ts'

/** One way to the place. */
export type Way = {
  entry: string
  mode: PolicyMode
  identity: string
  /** `<entry>/<id>`; another entry's where Azure cannot tell the two apart. */
  grant: string
  enforcedBy: Enforcer
  verbs: readonly Verb[]
  /** `part`: some paths below the place, not all of it. */
  reach: 'whole' | 'part'
  prefix: string
  builds: {
    instance: string
    repository: string
    repositoryId: string
    events: readonly TrustClass[]
    refs: readonly string[]
  }[]
}

/** The ways to a place, and the entries whose rights this file does not tell. */
export type WhoCan = { ways: Way[]; undeclared: string[] }

/** Who can reach the place, or do the verb there. */
export function findWhoCan(policy: Policy, { account, container, path, verb }: Place): WhoCan {
  const ways: Way[] = []
  for (const entry of policy.entries.values()) {
    for (const { grant, from } of effectiveGrants(policy, entry)) {
      if (grant.account !== account || grant.container !== container) continue
      const reach = meetPrefix(grant.prefix, path)
      if (!reach || (verb !== undefined && !grant.verbs.includes(verb))) continue
      ways.push({
        entry: entry.name,
        mode: entry.mode,
        identity: entry.identity.name,
        grant: `${from.name}/${grant.id}`,
        enforcedBy: grant.enforcedBy,
        verbs: grant.verbs,
        reach,
        prefix: grant.prefix,
        builds: entry.subjects.map(({ instance, repository, repositoryId, events, refs }) => ({
          instance,
          repository,
          repositoryId,
          events,
          refs,
        })),
      })
    }
  }
  const undeclared = [...policy.entries.values()]
    .filter((entry) => effectiveGrants(policy, entry).length === 0)
    .map(({ name }) => name)
  return { ways, undeclared }
}
