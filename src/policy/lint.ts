// What a policy file may say but probably should not: warnings for people, and who enforces each grant.
import { formatSubject, subjectLimitBytes } from '../identity/subject.ts'
import type { TrustClass } from '../identity/trust-class.ts'
import { findEnforcer, type Enforcer } from './grant.ts'
import { isSameIdentity, keyOfIdentity } from './place.ts'
import { findRole } from './roles.ts'
import type { Policy, PolicyEntry, PolicySubject } from './schema.ts'

/** One warning; the code is stable. */
export type Finding = { code: LintCode; entry: string; message: string }

/** Codes of warnings. */
export type LintCode =
  | 'lint_subjects_unbounded'
  | 'lint_subjects_many'
  | 'lint_subject_too_long'
  | 'lint_refs_case'
  | 'lint_fork_shares_identity'
  | 'lint_identity_shared'
  | 'lint_clouds_mixed'
  | 'lint_role_wider'
  | 'lint_link_outlives_build'
  | 'lint_role_custom'

/** A grant with who enforces it and the Azure role that takes. */
export type MarkedGrant = {
  grant: string
  place: string
  verbs: readonly string[]
  enforcedBy: Enforcer
  why: string
  role: string
}

/** Everything lint has to say of a policy that loads. */
export type LintReport = { findings: Finding[]; grants: MarkedGrant[] }

// Federated credentials per application (facts/federation.md §1.1).
const credentialLimit = 20

/** Lints a policy. */
export function lint(policy: Policy): LintReport {
  const entries = [...policy.entries.values()]
  return {
    findings: [
      ...entries.flatMap((entry) => [
        ...lintSubjects(entry),
        ...lintRefs(entry),
        ...lintSharing(entry, entries),
        ...lintAudiences(entry),
        ...lintRoles(entry),
      ]),
      ...lintCredentials(entries),
    ],
    grants: entries.flatMap((entry) => markGrants(entry)),
  }
}

/** The subjects builds of the entry can have as `<instance> <subject>`; `isFinite` false when more are possible. */
export function listSubjects(entry: PolicyEntry): { subjects: string[]; isFinite: boolean } {
  const found = new Set<string>()
  let isFinite = true
  for (const subject of entry.subjects) {
    for (const trustClass of subject.events) {
      const tails = listTails(entry, subject, trustClass)
      if (!tails) isFinite = false
      for (const tail of tails ?? []) found.add(`${subject.instance} ${tail}`)
    }
  }
  return { subjects: [...found], isFinite }
}

function listTails(
  entry: PolicyEntry,
  subject: PolicySubject,
  trustClass: TrustClass,
): string[] | undefined {
  if (entry.subjectForm === 'policy') return [`policy:${entry.name}`]
  if (entry.subjectForm === 'identity') return [`identity:${entry.identity.name}`]
  const facts = { slug: subject.repository, uid: subject.repositoryId }
  switch (trustClass) {
    case 'push':
    case 'custom': {
      const kind = trustClass === 'push' ? 'ref' : 'custom'
      const literal = subject.refs.filter((ref) => !ref.includes('*'))
      if (literal.length < subject.refs.length) return undefined
      return literal.map((value) => formatSubject({ ...facts, kind, value }))
    }
    case 'promote':
    case 'rollback':
    case 'cron':
      return undefined
    case 'tag':
    case 'pull_request':
    case 'fork':
      return [formatSubject({ ...facts, kind: trustClass, value: '' })]
    default:
      return [
        formatSubject({ ...facts, kind: 'params', value: trustClass.slice('params:'.length) }),
      ]
  }
}

function lintSubjects(entry: PolicyEntry): Finding[] {
  const { subjects } = listSubjects(entry)
  const long = subjects
    .map((each) => each.slice(each.indexOf(' ') + 1))
    .filter((subject) => subject.length > subjectLimitBytes)
  const isWide = entry.subjects.some(
    ({ events, refs }) =>
      (events.includes('push') || events.includes('custom')) &&
      refs.some((ref) => ref.includes('*')),
  )
  const found: Finding[] = long.map((subject) => ({
    code: 'lint_subject_too_long',
    entry: entry.name,
    message: `The subject ${subject} has ${subject.length} bytes, more than ${subjectLimitBytes}: such builds are refused. Use subject: policy.`,
  }))
  if (isWide && entry.subjectForm === 'repository') {
    found.push({
      code: 'lint_subjects_unbounded',
      entry: entry.name,
      message: `A pattern for branches gives every branch a subject of its own, and Entra takes ${credentialLimit} per application, letter by letter. Use subject: policy, which is one for all.`,
    })
  }
  return found
}

function lintCredentials(entries: readonly PolicyEntry[]): Finding[] {
  const byIdentity = Map.groupBy(entries, (entry) => keyOfIdentity(entry))
  return [...byIdentity.values()].flatMap((group) => {
    const subjects = new Set(group.flatMap((entry) => listSubjects(entry).subjects))
    const [first] = group
    if (!first || subjects.size <= credentialLimit) return []
    const names = group.map(({ name }) => name).join(', ')
    const message = `The application of identity "${first.identity.name}" would need ${subjects.size} federated credentials (entries ${names}); Entra takes ${credentialLimit}. Use subject: policy or subject: identity, or split the identity.`
    return [{ code: 'lint_subjects_many', entry: first.name, message }]
  })
}

function lintRefs(entry: PolicyEntry): Finding[] {
  return entry.subjects.flatMap(({ repository, refs }) => {
    const alike = [...Map.groupBy(new Set(refs), (ref) => ref.toLowerCase()).values()]
    return alike
      .filter((group) => group.length > 1)
      .map((group) => ({
        code: 'lint_refs_case' as const,
        entry: entry.name,
        message: `The refs ${group.join(' and ')} of ${repository} differ in case only; refs are compared letter by letter.`,
      }))
  })
}

function lintSharing(entry: PolicyEntry, entries: readonly PolicyEntry[]): Finding[] {
  const others = entries.filter((other) => other !== entry && isSameIdentity(other, entry))
  if (others.length === 0) return []
  const names = others.map(({ name }) => name).join(', ')
  const found: Finding[] = []
  if (entry.subjects.some(({ events }) => events.includes('fork'))) {
    const message = `Forks become the application of identity "${entry.identity.name}" like the builds of ${names}. Give quarantine an application of its own.`
    found.push({ code: 'lint_fork_shares_identity', entry: entry.name, message })
  }
  const differing = others.filter(
    (other) => other.mode === 'enforce' && grantText(other) !== grantText(entry),
  )
  if (entry.mode === 'enforce' && differing.length > 0) {
    const message = `It shares the application of identity "${entry.identity.name}" with ${differing.map(({ name }) => name).join(', ')}, whose grants are others. Azure sees the application alone: each has what all have, save what a gateway enforces.`
    found.push({ code: 'lint_identity_shared', entry: entry.name, message })
  }
  return found
}

function grantText({ grants }: PolicyEntry): string {
  const enforced = grants.filter(({ enforcedBy }) => enforcedBy !== 'gateway')
  return enforced
    .map(({ account, service, container, prefix, verbs }) =>
      [account, service, container, prefix, ...verbs].join('\n'),
    )
    .toSorted()
    .join('\n\n')
}

function lintAudiences(entry: PolicyEntry): Finding[] {
  const clouds = [...new Set(entry.audiences.map((audience) => cloudOf(audience)))]
  if (clouds.length < 2) return []
  const message = `Its tokens go to more than one cloud (${clouds.join(', ')}): whoever holds the entry's request token may become something in each. Give each cloud an entry of its own.`
  return [{ code: 'lint_clouds_mixed', entry: entry.name, message }]
}

function cloudOf(audience: string): string {
  if (audience.startsWith('api://AzureADTokenExchange')) {
    const suffix = audience.slice('api://AzureADTokenExchange'.length)
    return suffix === '' ? 'Azure' : `Azure ${suffix}`
  }
  if (/^sts(\.[a-z0-9-]+)?\.amazonaws\.com(\.cn)?$/.test(audience)) return 'AWS'
  return /^(https:)?\/\/iam\.googleapis\.com\//.test(audience) ? 'Google Cloud' : audience
}

function lintRoles(entry: PolicyEntry): Finding[] {
  return entry.grants.flatMap((grant): Finding[] => {
    const role = findRole(grant)
    const at = `The grant ${entry.name}/${grant.id}`
    const link = lintLink(entry, grant.verbs, at)
    if (!role) return link
    if (role.builtIn === undefined) {
      const message = `${at} fits no built-in role: ${role.nearest} would give more. Make a custom role with ${role.dataActions.join(', ')}.`
      return [{ code: 'lint_role_custom', entry: entry.name, message }, ...link]
    }
    if (role.excess === '') return link
    const message = `${at} takes the role ${role.builtIn}, which is wider than its verbs: ${role.excess}.`
    return [{ code: 'lint_role_wider', entry: entry.name, message }, ...link]
  })
}

function lintLink(entry: PolicyEntry, verbs: readonly string[], at: string): Finding[] {
  if (!verbs.includes('sas.delegate')) return []
  const message = `${at} makes links, which outlive the build by up to an hour, work for whoever has them, and stand in the storage log under a hash of their own.`
  return [{ code: 'lint_link_outlives_build', entry: entry.name, message }]
}

function markGrants(entry: PolicyEntry): MarkedGrant[] {
  return entry.grants.map((grant) => {
    const role = findRole(grant)
    return {
      grant: `${entry.name}/${grant.id}`,
      place: `${grant.service}:${grant.account}/${grant.container}/${grant.prefix}`,
      verbs: grant.verbs,
      ...findEnforcer(grant),
      role: role ? (role.builtIn ?? 'a custom role') : '',
    }
  })
}
