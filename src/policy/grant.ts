// What an entry may do in storage, and who can hold it to that: an Azure role (`rbac`), a role with a
// condition on the path (`abac`), or only our gateway. Facts: facts/federation.md §3, guardrails.md §2a.

/** Storage services a grant can name. */
export const storageServices = ['blob', 'file'] as const

/** One of Azure Storage's services. */
export type StorageService = (typeof storageServices)[number]

const actions = ['read', 'list', 'create', 'write', 'delete'] as const

/** Every verb, in the one order that rights are written in. */
export const verbs = [
  ...actions.map((action) => `blob.${action}` as const),
  ...actions.map((action) => `file.${action}` as const),
  // A short link to one blob, signed with a key that Entra's word buys: it outlives the build.
  'sas.delegate',
] as const

/** One thing to be done with objects; `write` includes `create`, `create` alone never overwrites. */
export type Verb = (typeof verbs)[number]

/** Who can enforce a grant exactly as it is written. */
export type Enforcer = 'rbac' | 'abac' | 'gateway'

/** One right of an entry as its policy file has it. */
export type Grant = {
  id: string
  account: string
  service: StorageService
  /** A blob container or a file share. */
  container: string
  /** `''` is the whole container; otherwise it ends in `/` and may hold template variables. */
  prefix: string
  /** Closed (`write` brings `create`) and in the order of `verbs`. */
  verbs: readonly Verb[]
  enforcedBy: Enforcer
}

/** Template variables of a prefix: numbers and ids that nobody outside the CI server can choose. */
export const prefixVariables = ['build.number', 'repository.id'] as const

/** Whether a text is one of the verbs. */
export function isVerb(text: string): text is Verb {
  return (verbs as readonly string[]).includes(text)
}

/** The verbs with all they bring along, each once, in the one order. */
export function closeVerbs(some: readonly Verb[]): Verb[] {
  return verbs.filter(
    (verb) =>
      some.includes(verb) ||
      (verb.endsWith('.create') && some.includes(`${serviceOf(verb)}.write` as const)),
  )
}

/** The service a verb belongs to. */
export function serviceOf(verb: Verb): StorageService {
  return verb.startsWith('file.') ? 'file' : 'blob'
}

/** Why a text may not be a prefix; undefined when it may. */
export function explainBadPrefix(prefix: string): string | undefined {
  if (prefix.length > 900) return 'is longer than 900 signs'
  if (!prefix.endsWith('/')) return 'must end in "/", so that "app/" never reaches "app2/"'
  if (!prefix.isWellFormed()) return 'is not valid Unicode text'
  if (/\p{Cc}|[\u2028\u2029]/u.test(prefix)) return 'holds a control character'
  if (prefix.includes('\\')) return 'holds a backslash'
  // A percent sign hides another spelling, the others mean something in role conditions.
  if (/[%*?"']/.test(prefix)) return 'uses one of % * ? " \', which mean something elsewhere'
  for (const segment of prefix.slice(0, -1).split('/')) {
    const why = explainBadSegment(segment)
    if (why) return why
  }
  return undefined
}

function explainBadSegment(segment: string): string | undefined {
  if (segment === '') return 'has an empty segment'
  // Azure drops dots at the end of a name, and a second spelling would reach the same place.
  if (segment.endsWith('.')) return 'has a segment that is or ends in "."'
  if (segment !== segment.trim()) return 'has a segment with a blank at its edge'
  if (!/[${}]/.test(segment) || variableOf(segment) !== undefined) return undefined
  const known = prefixVariables.map((name) => `\${${name}}`).join(' and ')
  return `uses "$", "{" or "}" for something else than a whole segment ${known}`
}

/** The variable a segment stands for, if it is one. */
export function variableOf(segment: string): (typeof prefixVariables)[number] | undefined {
  return prefixVariables.find((name) => segment === `\${${name}}`)
}

/** Whether a prefix differs from build to build or repository to repository. */
export function isTemplate(prefix: string): boolean {
  return prefix.includes('${')
}

/** Whether a grant lets new objects in and keeps the old ones as they are. */
export function isCreateOnly({ verbs: some }: Pick<Grant, 'verbs'>): boolean {
  return some.some((verb) => verb.endsWith('.create')) && !can(some, 'write')
}

/** Whether one of the verbs does this, in whichever service. */
export function can(some: readonly Verb[], action: (typeof actions)[number]): boolean {
  return some.some((verb) => verb.endsWith(`.${action}`))
}

/** Who can enforce this grant exactly, and in one sentence why it needs that. */
export function findEnforcer(grant: Pick<Grant, 'service' | 'prefix' | 'verbs'>): {
  enforcedBy: Enforcer
  why: string
} {
  const { service, prefix } = grant
  const isHalfRead = can(grant.verbs, 'read') !== can(grant.verbs, 'list')
  if (isTemplate(prefix)) return gateway('the prefix differs from build to build')
  if (isCreateOnly(grant)) return gateway('no Azure role lets create without overwriting')
  if (service === 'file') {
    if (prefix !== '') return gateway('Azure Files knows no rights below a share')
    if (isHalfRead) return gateway('no Azure Files role tells reading from listing')
    return { enforcedBy: 'rbac', why: 'a role on the whole share' }
  }
  if (prefix !== '')
    return { enforcedBy: 'abac', why: 'a role with a condition on the path of the blob' }
  if (isHalfRead)
    return { enforcedBy: 'abac', why: 'a role with a condition that tells reading from listing' }
  return { enforcedBy: 'rbac', why: 'a role on the whole container' }
}

function gateway(why: string): { enforcedBy: Enforcer; why: string } {
  return { enforcedBy: 'gateway', why }
}
