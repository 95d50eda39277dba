// From a build to the one identity it may become, or to a refusal that says why. Pure and
// synchronous: the same policy and build give the same answer at the extension call and at exchange.
import type { Build } from '../ci/build.ts'
import { Fault, type FaultCode } from '../core/fault.ts'
import { toSubject, type Subject } from '../identity/subject.ts'
import { classify, type TrustClass } from '../identity/trust-class.ts'
import { matchesGlob } from './glob.ts'
import type { Policy, PolicyEntry, PolicySubject } from './schema.ts'

/** A yes: which entry said so, and what the build is called towards the cloud. */
export type Admission = { entry: PolicyEntry; trustClass: TrustClass; subject: Subject }

/** What the named entry says of this build; throws policy_* or identity_* with the reason. */
export function decide(policy: Policy, build: Build, entryName: string): Admission {
  const entry = policy.entries.get(entryName)
  if (!entry) {
    throw new Fault('policy_entry_unknown', `The policy has no entry named "${entryName}".`)
  }
  const trustClass = classifyOrThrow(build)
  const refusals = entry.subjects.map((subject) => refusalOf(subject, build, trustClass))
  if (refusals.includes(undefined)) {
    return { entry, trustClass, subject: toSubject(build, trustClass) }
  }
  throw refuse(entry, build, trustClass, nearest(refusals))
}

/** The one entry that admits this build, for callers that cannot name one; throws policy_ambiguous or policy_*. */
export function decideAlone(policy: Policy, build: Build): Admission {
  const trustClass = classifyOrThrow(build)
  const entries = [...policy.entries.values()]
  const refusals = entries.flatMap((entry) =>
    entry.subjects.map((subject) => ({ entry, code: refusalOf(subject, build, trustClass) })),
  )
  const matching = [...new Set(refusals.filter(({ code }) => !code).map(({ entry }) => entry))]
  const [entry] = matching
  if (!entry) {
    const code = nearest(refusals.map((refusal) => refusal.code))
    throw new Fault(
      trustClass === 'fork' ? 'policy_fork_denied' : code,
      `No policy entry admits ${describe(build, trustClass)}.`,
    )
  }
  if (matching.length > 1) {
    const names = matching.map((each) => each.name).join(', ')
    throw new Fault('policy_ambiguous', `More than one policy entry admits this build: ${names}.`)
  }
  return { entry, trustClass, subject: toSubject(build, trustClass) }
}

/** Passes when the entry allows a token for this audience; throws policy_audience_denied. */
export function checkAudience(entry: PolicyEntry, audience: string): void {
  if (entry.audiences.includes(audience)) return
  throw new Fault(
    'policy_audience_denied',
    `The policy entry "${entry.name}" allows no token for the audience "${audience}"; it allows ${entry.audiences.join(', ')}.`,
  )
}

function classifyOrThrow(build: Build): TrustClass {
  const trustClass = classify(build)
  if (trustClass) return trustClass
  throw new Fault('identity_event_unknown', `The event "${build.event}" is not one we know.`)
}

// In the order they are checked: the later one fails, the nearer the entry was.
const refusalCodes = [
  'policy_repository_denied',
  'policy_event_denied',
  'policy_ref_denied',
] as const satisfies FaultCode[]

type RefusalCode = (typeof refusalCodes)[number]

function refusalOf(
  subject: PolicySubject,
  build: Build,
  trustClass: TrustClass,
): RefusalCode | undefined {
  const { uid, slug } = build.repository
  const isSameRepository =
    subject.instance === build.instance &&
    subject.repositoryId === uid &&
    subject.repository === slug
  if (!isSameRepository) return 'policy_repository_denied'
  if (!subject.events.includes(trustClass)) return 'policy_event_denied'
  const isRefAllowed = subject.refs.some((pattern) => matchesGlob(pattern, build.ref))
  return isRefAllowed ? undefined : 'policy_ref_denied'
}

function nearest(refusals: (RefusalCode | undefined)[]): RefusalCode {
  return refusalCodes.findLast((code) => refusals.includes(code)) ?? 'policy_repository_denied'
}

function refuse(
  entry: PolicyEntry,
  build: Build,
  trustClass: TrustClass,
  code: RefusalCode,
): Fault {
  const who = `The policy entry "${entry.name}" does not admit`
  if (code === 'policy_repository_denied') return refuseRepository(entry, build)
  if (trustClass === 'fork' && code === 'policy_event_denied') {
    const source = build.sourceRepository || 'a deleted repository'
    return new Fault(
      'policy_fork_denied',
      `${who} fork pull requests, and this build runs code of ${source}.`,
    )
  }
  return code === 'policy_event_denied'
    ? new Fault(code, `${who} ${describe(build, trustClass)}.`)
    : new Fault(code, `${who} the ref "${build.ref}".`)
}

function refuseRepository(entry: PolicyEntry, build: Build): Fault {
  const { slug, uid } = build.repository
  const sameSlug = entry.subjects.find((subject) => subject.repository === slug)
  const sameId = entry.subjects.find((subject) => subject.repositoryId === uid)
  const known = sameId
    ? ` The entry knows the id ${uid} as ${sameId.repository}: was the repository renamed?`
    : sameSlug
      ? ` The entry knows ${slug} with the id ${sameSlug.repositoryId}: is this another repository of the same name?`
      : ''
  return new Fault(
    'policy_repository_denied',
    `The policy entry "${entry.name}" does not name the repository ${slug} (id ${uid}) of instance ${build.instance}.${known}`,
  )
}

function describe(build: Build, trustClass: TrustClass): string {
  const kind = trustClass.startsWith('params:')
    ? `a ${trustClass.slice(7)} build whose caller set parameters (${build.parameterNames.join(', ')})`
    : trustClass === 'fork'
      ? 'a fork pull request'
      : `a ${trustClass} build`
  return `${kind} of ${build.repository.slug}, ref "${build.ref}"`
}
