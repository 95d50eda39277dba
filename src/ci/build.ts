// What a build is, as told by a signed request: the value every later room works on. Nothing here
// comes from inside a step, and nothing that must stay secret (`repo.secret`) has a place in it.

/** Name of one CI server in the service configuration; it is a path segment of the issuer. */
export type InstanceId = string & { readonly brand: 'InstanceId' }

/** Which source-code host the CI server works with; Drone's own `scm` field is empty, so it is configured. */
export type ScmKind = 'github' | 'gitea' | 'gitlab' | 'gogs' | 'bitbucket' | 'stash'

/** A repository as the CI server knows it; `uid` is the SCM's immutable id. */
export type Repository = {
  uid: string
  slug: string
  defaultBranch: string
  visibility: string
  isTrusted: boolean
  isProtected: boolean
  /** Longest time a build may run, in minutes. */
  timeoutMinutes: number
  /** The CI server's own number of it, where its API goes by that (Woodpecker). */
  serverId?: number
}

/** One stage of a build with the machine (runner) it was given to. */
export type Stage = { number: number; name: string; status: string; machine: string; type: string }

/** One build. Empty strings mean the CI server said nothing. */
export type Build = {
  instance: InstanceId
  scm: ScmKind
  repository: Repository
  id: number
  number: number
  parent: number
  event: string
  action: string
  status: string
  ref: string
  sha: string
  sourceRepository: string
  /** The server's own word on whether it is a fork's code (Woodpecker); otherwise the source repository tells. */
  isFork?: boolean
  sourceBranch: string
  targetBranch: string
  sender: string
  /** `@hook`, `@cron`, or the login of the person who started it by hand. */
  trigger: string
  cron: string
  deployTo: string
  /** Names of the variables the caller of the API added; any of them can change what steps do. */
  parameterNames: string[]
  /** Counts up with every change; an older version is old news. */
  version: number
  stages: Stage[]
}

const liveStates = new Set(['pending', 'running', 'blocked', 'waiting_on_dependencies'])

/** Whether a build in this state may still run steps; an unknown state counts as ended. */
export function isLive(status: string): boolean {
  return liveStates.has(status)
}

/** Whether steps of a build in this state run right now: not before its approval, and not after its end. */
export function isRunning(status: string): boolean {
  return status === 'running'
}

const identifyingFields = [
  'id',
  'number',
  'parent',
  'event',
  'ref',
  'sha',
  'sourceRepository',
  'isFork',
  'trigger',
  'cron',
  'deployTo',
] as const

/** The names of the facts two witnesses of one build disagree on; empty when they agree. */
export function contradictions(one: Build, other: Build): string[] {
  const found: string[] = identifyingFields.filter((field) => one[field] !== other[field])
  if (one.instance !== other.instance) found.push('instance')
  if (one.repository.uid !== other.repository.uid) found.push('repository id')
  if (one.repository.slug !== other.repository.slug) found.push('repository')
  const names = (build: Build) => JSON.stringify(build.parameterNames.toSorted())
  if (names(one) !== names(other)) found.push('params')
  return found
}
