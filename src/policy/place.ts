// Places in storage against the grants of a policy: whether a path may be named, which prefix a grant
// has for one build, and what an entry's builds can reach in the end.
import type { Build } from '../ci/build.ts'
import { Fault } from '../core/fault.ts'
import { serviceOf, variableOf, type Grant, type Verb } from './grant.ts'
import { reaches, type Right } from './lattice.ts'
import type { Policy, PolicyEntry } from './schema.ts'

/** A place somebody asks about, decoded; without a verb, anything there. */
export type Place = { account: string; container: string; path: string; verb?: Verb | undefined }

/** A grant that builds of an entry have, and the entry it stands in. */
export type EffectiveGrant = { grant: Grant; from: PolicyEntry }

/** Why a decoded path names no place; undefined when it does. `''` is the container itself. */
export function explainBadPath(path: string): string | undefined {
  if (path === '') return undefined
  if (!path.isWellFormed() || /\p{Cc}|[\u2028\u2029]/u.test(path))
    return 'holds a control character'
  if (path.includes('\\')) return 'holds a backslash'
  const segments = (path.endsWith('/') ? path.slice(0, -1) : path).split('/')
  if (segments.includes('')) return 'has an empty segment'
  return segments.some((each) => each.endsWith('.')) ? 'has a segment that ends in "."' : undefined
}

/** The prefix a grant has for this build; throws policy_template_invalid. */
export function resolvePrefix(prefix: string, build: Build): string {
  if (!prefix.includes('${')) return prefix
  const values = { 'build.number': String(build.number), 'repository.id': build.repository.uid }
  return prefix
    .split('/')
    .map((segment) => {
      const name = variableOf(segment)
      if (name === undefined) return segment
      if (isPlainId(values[name])) return values[name]
      throw new Fault(
        'policy_template_invalid',
        `The value "${values[name]}" of \${${name}} cannot stand in a path.`,
      )
    })
    .join('/')
}

/** Why the grant does not cover the place; undefined when it does. `prefix` is the resolved one. */
export function refuseGrant(
  grant: Grant,
  prefix: string,
  { account, container, path, verb }: Place,
): 'policy_path_denied' | 'policy_verb_denied' | undefined {
  const isSameContainer = grant.account === account && grant.container === container
  const isSameService = verb === undefined || serviceOf(verb) === grant.service
  if (!isSameContainer || !isSameService || explainBadPath(path)) return 'policy_path_denied'
  if (!reaches(prefix, path)) return 'policy_path_denied'
  return verb === undefined || grant.verbs.includes(verb) ? undefined : 'policy_verb_denied'
}

/** Whether a prefix with template variables and a place have something in common: all of it or a part. */
export function meetPrefix(prefix: string, path: string): 'whole' | 'part' | undefined {
  if (explainBadPath(path)) return undefined
  const wanted = prefix.split('/').slice(0, -1)
  const given = path.split('/')
  const last = given.pop() ?? ''
  for (const [index, segment] of wanted.entries()) {
    const other = given[index]
    // A name without a slash after it is an object, and no object lies above the prefix.
    if (other === undefined) return last === '' ? 'part' : undefined
    const isSame = variableOf(segment) === undefined ? segment === other : isPlainId(other)
    if (!isSame && other !== segment) return undefined
  }
  return 'whole'
}

/**
 * What builds of the entry can do in the end: its own grants, and those that Azure itself enforces of
 * every other entry with the same application, because Azure sees only who asks.
 */
export function effectiveGrants(policy: Policy, entry: PolicyEntry): EffectiveGrant[] {
  const found = entry.grants.map((grant) => ({ grant, from: entry }))
  for (const other of policy.entries.values()) {
    if (other === entry || other.mode === 'audit' || !isSameIdentity(other, entry)) continue
    for (const grant of other.grants) {
      if (grant.enforcedBy !== 'gateway') found.push({ grant, from: other })
    }
  }
  return found
}

/** Whether two entries lead to one application in Entra, whatever they call it. */
export function isSameIdentity(one: PolicyEntry, other: PolicyEntry): boolean {
  return keyOfIdentity(one) === keyOfIdentity(other)
}

/** What names the application of an entry in Entra; GUIDs are compared without case. */
export function keyOfIdentity({ identity }: PolicyEntry): string {
  const { tenantId, clientId, name } = identity
  // One that is still to be made is told from others by its name in the file alone.
  return `${tenantId}/${clientId ?? `named ${name}`}`.toLowerCase()
}

/** A grant as a right of the lattice; its lifetime is that of the entry's tokens. */
export function toGrantRight({ grant, from }: EffectiveGrant): Right {
  const { account, service, container, prefix, verbs } = grant
  return { account, service, container, prefix, verbs, lifetimeSeconds: from.lifetimeSeconds }
}

function isPlainId(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9-]{0,63}$/.test(text)
}
