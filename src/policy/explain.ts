// Why a build gets what it gets: its class, and for every entry the first field that fails or the
// subject and the grant that covers a place. The codes are those of the decisions themselves.
import type { Build } from '../ci/build.ts'
import { Fault, type FaultCode } from '../core/fault.ts'
import { classify, type TrustClass } from '../identity/trust-class.ts'
import { decide } from './decide.ts'
import type { Enforcer, Grant } from './grant.ts'
import { effectiveGrants, explainBadPath, refuseGrant, resolvePrefix, type Place } from './place.ts'
import type { Policy, PolicyMode } from './schema.ts'

/** What an entry says of a place: which grant covers it, or which field fails. */
export type PlaceAnswer = {
  code: 'covered' | FaultCode
  /** The covering grant as `<entry>/<id>`. */
  grant?: string
  enforcedBy?: Enforcer
  sentence: string
}

/** What one entry says of the build. */
export type EntryAnswer = {
  entry: string
  mode: PolicyMode
  /** `admitted`, or the code of the first field that fails. */
  code: 'admitted' | FaultCode
  subject?: string
  identity?: string
  sentence: string
  place?: PlaceAnswer
}

/** What the policy says of a build. */
export type Explanation = { trustClass: TrustClass | 'none'; entries: EntryAnswer[] }

/** Explains a build to every entry, or to the named one; throws policy_entry_unknown. */
export function explain(
  policy: Policy,
  build: Build,
  about: { entry?: string | undefined; place?: Place | undefined } = {},
): Explanation {
  const names = about.entry === undefined ? [...policy.entries.keys()] : [about.entry]
  return {
    trustClass: classify(build) ?? 'none',
    entries: names.map((name) => explainEntry(policy, build, name, about.place)),
  }
}

/** Whether some entry that is not on trial admits the build, and covers the place if there is one. */
export function isAllowed({ entries }: Explanation): boolean {
  return entries.some(
    ({ code, mode, place }) =>
      code === 'admitted' && mode === 'enforce' && (!place || place.code === 'covered'),
  )
}

function explainEntry(policy: Policy, build: Build, name: string, place?: Place): EntryAnswer {
  try {
    const { entry, mode, subject } = decide(policy, build, name)
    const trial = mode === 'audit' ? ' It is on trial: nothing is issued through it.' : ''
    return {
      entry: name,
      mode,
      code: 'admitted',
      subject,
      identity: entry.identity.name,
      sentence: `Admits this build as ${subject}.${trial}`,
      ...(place ? { place: explainPlace(policy, build, name, place) } : {}),
    }
  } catch (error) {
    if (!(error instanceof Fault) || error.code === 'policy_entry_unknown') throw error
    const mode = policy.entries.get(name)?.mode ?? 'enforce'
    return { entry: name, mode, code: error.code, sentence: error.message }
  }
}

function explainPlace(policy: Policy, build: Build, name: string, place: Place): PlaceAnswer {
  const entry = policy.entries.get(name)
  const bad = explainBadPath(place.path)
  if (!entry || bad) return { code: 'policy_path_denied', sentence: `The path ${bad ?? ''}.` }
  let nearest: PlaceAnswer | undefined
  for (const { grant, from } of effectiveGrants(policy, entry)) {
    const { enforcedBy } = grant
    const label = `${from.name}/${grant.id}`
    const code = refusePlace(grant, build, place)
    if (code === undefined) {
      const shared = from === entry ? '' : ', because both entries share one application in Azure'
      const sentence = `The grant ${label} (${enforcedBy}) covers it${shared}.`
      return { code: 'covered', grant: label, enforcedBy, sentence }
    }
    if (code === 'policy_path_denied') continue
    const why =
      code === 'policy_verb_denied'
        ? `reaches this path but gives only ${grant.verbs.join(', ')}`
        : 'has a variable whose value for this build cannot stand in a path'
    nearest ??= { code, sentence: `The grant ${label} ${why}.` }
  }
  const where = `${place.account}/${place.container}/${place.path}`
  return nearest ?? { code: 'policy_path_denied', sentence: `No grant reaches ${where}.` }
}

function refusePlace(grant: Grant, build: Build, place: Place): FaultCode | undefined {
  try {
    return refuseGrant(grant, resolvePrefix(grant.prefix, build), place)
  } catch (error) {
    if (error instanceof Fault) return error.code
    throw error
  }
}
