// From a build to the one identity it may become, or to a refusal that says why. Pure and
// synchronous: the same policy and build give the same answer at the extension call and at exchange.
import type { Build } from '../ci/build.ts'
import { Fault, type FaultCode } from '../core/fault.ts'
import { toNamedSubject, toSubject, type Subject } from '../identity/subject.ts'
import { classify, type TrustClass } from '../identity/trust-class.ts'
import { findSubjects, type IndexedSubject } from './compile.ts'
import type { Policy, PolicyEntry, PolicyMode } from './schema.ts'
import { didYouMean } from './spelling.ts'

/**
 * A yes: which entry said so, and what the build is called towards the cloud. With the mode `audit` it
 * is only what would be: the caller records it and issues nothing (`checkMode`).
 */
export type Admission = {
  entry: PolicyEntry
  mode: PolicyMode
  trustClass: TrustClass
  subject: Subject
}

/** What the named entry says of this build; throws policy_* or identity_* with the reason. */
export function decide(policy: Policy, build: Build, entryName: string): Admission {
  const entry = policy.entries.get(entryName)
  if (!entry) {
    // Not for thousands of entries: anybody who can start a build can ask for a name.
    const known = policy.entries.size <= 500 ? policy.entries.keys() : []
    const near = didYouMean(entryName, known) || '.'
    throw new Fault('policy_entry_unknown', `The policy has no entry named "${entryName}"${near}`)
  }
  const trustClass = classifyOrThrow(build)
  let nearest: RefusalCode = 'policy_repository_denied'
  for (const candidate of findSubjects(policy, build, entryName)) {
    const code = refusalOf(candidate, build, trustClass)
    if (code === undefined) return admit(entry, build, trustClass)
    nearest = nearer(nearest, code)
  }
  throw refuse(entry, build, trustClass, nearest)
}

/**
 * The one entry that admits this build, for callers that cannot name one; throws policy_ambiguous or
 * policy_*. Entries on trial count only where no other admits the build.
 */
export function decideAlone(policy: Policy, build: Build): Admission {
  const trustClass = classifyOrThrow(build)
  const matching = new Set<PolicyEntry>()
  let nearest: RefusalCode = 'policy_repository_denied'
  for (const candidate of findSubjects(policy, build)) {
    const code = refusalOf(candidate, build, trustClass)
    if (code === undefined) matching.add(candidate.entry)
    else nearest = nearer(nearest, code)
  }
  const enforced = [...matching].filter(({ mode }) => mode === 'enforce')
  const [entry, ...others] = enforced.length > 0 ? enforced : matching
  if (!entry) {
    throw new Fault(
      trustClass === 'fork' ? 'policy_fork_denied' : nearest,
      `No policy entry admits ${describe(build, trustClass)}.`,
    )
  }
  if (others.length > 0) {
    const names = [entry, ...others].map((each) => each.name).join(', ')
    throw new Fault('policy_ambiguous', `More than one policy entry admits this build: ${names}.`)
  }
  return admit(entry, build, trustClass)
}

/** Passes when something may be issued through the admission; throws policy_audit_only for one on trial. */
export function checkMode({ entry, mode, subject }: Admission): void {
  if (mode === 'enforce') return
  throw new Fault(
    'policy_audit_only',
    `The policy entry "${entry.name}" is on trial (mode: audit): it would admit this build as ${subject}, and issues nothing.`,
  )
}

/** Passes when the entry allows a token for this audience; throws policy_audience_denied. */
export function checkAudience(entry: PolicyEntry, audience: string): void {
  if (entry.audiences.includes(audience)) return
  throw new Fault(
    'policy_audience_denied',
    `The policy entry "${entry.name}" allows no token for the audience "${audience}"; it allows ${entry.audiences.join(', ')}.`,
  )
}

function admit(entry: PolicyEntry, build: Build, trustClass: TrustClass): Admission {
  return { entry, mode: entry.mode, trustClass, subject: subjectOf(entry, build, trustClass) }
}

/** What the entry calls a build of this class towards the cloud; throws identity_*. */
export function subjectOf(entry: PolicyEntry, build: Build, trustClass: TrustClass): Subject {
  switch (entry.subjectForm) {
    case 'policy':
      return toNamedSubject(build, 'policy', entry.name)
    case 'identity':
      return toNamedSubject(build, 'identity', entry.identity.name)
    default:
      return toSubject(build, trustClass)
  }
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

/** Why a subject of an entry does not admit a build. */
export type RefusalCode = (typeof refusalCodes)[number]

/** The first field in which the subject and the build differ; undefined when it admits the build. */
export function refusalOf(
  { subject, matchesRef }: IndexedSubject,
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
  return matchesRef(build.ref) ? undefined : 'policy_ref_denied'
}

function nearer(one: RefusalCode, other: RefusalCode): RefusalCode {
  return refusalCodes.indexOf(one) > refusalCodes.indexOf(other) ? one : other
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
    const source = build.sourceRepository || (build.isFork ? 'a fork' : 'a deleted repository')
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
  const sameId = entry.subjects.find(
    (subject) => subject.repositoryId === uid && subject.instance === build.instance,
  )
  const who = `The policy entry "${entry.name}" does not name the repository ${slug} (id ${uid}) of instance ${build.instance}`
  if (sameId) {
    return new Fault(
      'policy_repository_denied',
      `${who}, which it knows as ${sameId.repository}: the repository was renamed before the policy knew.`,
      { hint: adviseRename(sameId.repository, slug) },
    )
  }
  const sameSlug = entry.subjects.find((subject) => subject.repository === slug)
  const known = sameSlug
    ? ` The entry knows ${slug} with the id ${sameSlug.repositoryId}: is this another repository of the same name?`
    : ''
  return new Fault('policy_repository_denied', `${who}.${known}`)
}

// A person pastes it into a shell, and the new name came with the build.
function adviseRename(from: string, to: string): string {
  const isPlain = [from, to].every((slug) => /^\w[\w.-]*(\/\w[\w.-]*)+$/.test(slug))
  const names = isPlain ? `${from}=${to}` : 'OLD=NEW'
  return `If the new name is right, run \`azure-storage-drone trust rotate --rename ${names}\` with the policy file; until then builds of it get nothing.`
}

function describe(build: Build, trustClass: TrustClass): string {
  const kind = trustClass.startsWith('params:')
    ? `a ${trustClass.slice(7)} build whose caller set parameters (${build.parameterNames.join(', ')})`
    : trustClass === 'fork'
      ? 'a fork pull request'
      : `a ${trustClass} build`
  return `${kind} of ${build.repository.slug}, ref "${build.ref}"`
}
