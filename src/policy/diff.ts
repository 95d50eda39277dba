// What a change of the policy file changes: which builds gain or lose an entry, and what entries with
// builds in common gain or lose. In doubt it says gain and loss, never nothing.
import type { TrustClass } from '../identity/trust-class.ts'
import { coversGlob } from './glob.ts'
import { subtract, type Right } from './lattice.ts'
import { effectiveGrants, keyOfIdentity, toGrantRight } from './place.ts'
import type { Policy, PolicyEntry } from './schema.ts'

/** Builds of one class and one pattern of refs of one repository. */
export type Builds = {
  instance: string
  repository: string
  repositoryId: string
  trustClass: TrustClass
  ref: string
}

/** One thing gained or lost. */
export type Change = {
  direction: 'gained' | 'lost'
  entry: string
  what: 'builds' | 'identity' | 'subject' | 'audience' | 'lifetime' | 'direct' | 'right'
  /** What it is, in words; for builds the identity. */
  value: string
  builds?: Builds
  /** What those builds can do through the entry, as far as the file tells. */
  rights?: string[]
}

/** What changed; `isWider` when any build gained anything. */
export type PolicyDiff = {
  changes: Change[]
  /** Entries that came, went or changed while on trial, where nothing is issued. */
  trials: string[]
  isWider: boolean
}

/** Compares two policies. */
export function diffPolicies(older: Policy, newer: Policy): PolicyDiff {
  const names = new Set([...older.entries.keys(), ...newer.entries.keys()])
  const changes: Change[] = []
  const trials: string[] = []
  for (const name of names) {
    const [was, is] = [older.entries.get(name), newer.entries.get(name)]
    const [wasReal, isReal] = [onlyEnforced(was), onlyEnforced(is)]
    changes.push(...diffBuilds(name, [older, wasReal], [newer, isReal]))
    if (wasReal && isReal) changes.push(...diffOutcome(older, newer, wasReal, isReal))
    const isTrial = was?.mode === 'audit' || is?.mode === 'audit'
    if (isTrial && JSON.stringify(was) !== JSON.stringify(is)) trials.push(name)
  }
  return { changes, trials, isWider: changes.some(({ direction }) => direction === 'gained') }
}

function onlyEnforced(entry: PolicyEntry | undefined): PolicyEntry | undefined {
  return entry?.mode === 'enforce' ? entry : undefined
}

type Side = [policy: Policy, entry: PolicyEntry | undefined]

function diffBuilds(name: string, was: Side, is: Side): Change[] {
  const [olds, news] = [listBuilds(was[1]), listBuilds(is[1])]
  const missing = (from: Builds[], other: Builds[]) =>
    from.filter((each) => !other.some((wide) => coversBuilds(wide, each)))
  const toChange =
    (direction: Change['direction'], [policy, entry]: Side) =>
    (builds: Builds) => ({
      direction,
      entry: name,
      what: 'builds' as const,
      value: entry?.identity.name ?? '',
      builds,
      rights: entry ? rightsOf(policy, entry).map((right) => writeRight(right)) : [],
    })
  return [
    ...missing(news, olds).map(toChange('gained', is)),
    ...missing(olds, news).map(toChange('lost', was)),
  ]
}

function listBuilds(entry: PolicyEntry | undefined): Builds[] {
  return (entry?.subjects ?? []).flatMap(({ instance, repository, repositoryId, events, refs }) =>
    events.flatMap((trustClass) =>
      refs.map((ref) => ({ instance, repository, repositoryId, trustClass, ref })),
    ),
  )
}

function coversBuilds(wide: Builds, narrow: Builds): boolean {
  return (
    wide.instance === narrow.instance &&
    wide.repositoryId === narrow.repositoryId &&
    wide.repository === narrow.repository &&
    wide.trustClass === narrow.trustClass &&
    coversGlob(wide.ref, narrow.ref)
  )
}

function diffOutcome(older: Policy, newer: Policy, was: PolicyEntry, is: PolicyEntry): Change[] {
  const entry = is.name
  const changes: Change[] = []
  const swap = (what: Change['what'], olds: readonly string[], news: readonly string[]) => {
    const gained = news.filter((each) => !olds.includes(each))
    const lost = olds.filter((each) => !news.includes(each))
    for (const value of gained) changes.push({ direction: 'gained', entry, what, value })
    for (const value of lost) changes.push({ direction: 'lost', entry, what, value })
  }
  swap('identity', [writeIdentity(was)], [writeIdentity(is)])
  swap('subject', [writeSubject(was)], [writeSubject(is)])
  swap('audience', was.audiences, is.audiences)
  swap('direct', was.isDirect ? ['a plain ID token'] : [], is.isDirect ? ['a plain ID token'] : [])
  const longer = is.lifetimeSeconds - was.lifetimeSeconds
  if (longer !== 0) {
    const value = `${was.lifetimeSeconds} s → ${is.lifetimeSeconds} s`
    changes.push({ direction: longer > 0 ? 'gained' : 'lost', entry, what: 'lifetime', value })
  }
  const [olds, news] = [rightsOf(older, was), rightsOf(newer, is)]
  for (const right of subtract(news, olds)) {
    changes.push({ direction: 'gained', entry, what: 'right', value: writeRight(right) })
  }
  for (const right of subtract(olds, news)) {
    changes.push({ direction: 'lost', entry, what: 'right', value: writeRight(right) })
  }
  return changes
}

// Lifetimes are compared by themselves: a longer one must not list every right again.
function rightsOf(policy: Policy, entry: PolicyEntry): Right[] {
  return effectiveGrants(policy, entry).map((each) => ({
    ...toGrantRight(each),
    lifetimeSeconds: 1,
  }))
}

function writeIdentity(entry: PolicyEntry): string {
  return `${entry.identity.name} (${keyOfIdentity(entry)})`
}

function writeSubject({ name, subjectForm, identity }: PolicyEntry): string {
  if (subjectForm === 'policy') return `policy:${name}`
  return subjectForm === 'identity' ? `identity:${identity.name}` : 'repo:<slug>@<id>:…'
}

function writeRight({ account, service, container, prefix, verbs }: Right): string {
  return `${verbs.join(', ')} on ${service}:${account}/${container}/${prefix}`
}
