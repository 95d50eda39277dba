// What a build may pass for. The class comes from the event, the ref, the source repository, the
// trigger and the caller's parameters together, because each of them alone can be chosen by somebody
// without the right to it (DESIGN §5.4; facts/drone.md §3.1).
import type { Build } from '../ci/build.ts'

/** Kinds of builds that can be trusted with something, if the policy says so. */
export const plainClasses = [
  'push',
  'tag',
  'pull_request',
  'promote',
  'rollback',
  'cron',
  'custom',
] as const

/** A class without caller-supplied parameters. */
export type PlainClass = (typeof plainClasses)[number]

/** Every trust class; `params:<class>` is a build whose caller added variables of its own choosing. */
export type TrustClass = PlainClass | `params:${PlainClass}` | 'fork'

/** All trust classes a policy entry can name. */
export const trustClasses: readonly TrustClass[] = [
  ...plainClasses,
  ...plainClasses.map((plain) => `params:${plain}` as const),
  'fork',
]

const pullRequestRef = /^refs\/(pull|pull-requests|merge-requests|pullreq|changes)\//

/** Whether a ref belongs to a pull request at any of the known source-code hosts. */
export function isPullRequestRef(ref: string): boolean {
  return pullRequestRef.test(ref)
}

/** The one class of a build; undefined when its event is none this service knows. */
export function classify(build: Build): TrustClass | undefined {
  const plain = classifyPlain(build)
  if (plain === undefined || plain === 'fork') return plain
  return build.parameterNames.length > 0 ? `params:${plain}` : plain
}

function classifyPlain(build: Build): PlainClass | 'fork' | undefined {
  if (isForeign(build)) return 'fork'
  // A promoted or restarted pull request still runs the pull request's code.
  if (build.event === 'pull_request' || isPullRequestRef(build.ref)) return 'pull_request'
  switch (build.event) {
    case 'push':
      if (!isFromTheHook(build)) return 'custom'
      // Drone reports a tag as its own event; a push of one is a tag all the same.
      return build.ref.startsWith('refs/tags/') ? 'tag' : 'push'
    case 'tag':
      return isFromTheHook(build) ? 'tag' : 'custom'
    case 'cron':
      return build.cron === '' ? 'custom' : 'cron'
    case 'promote':
    case 'rollback':
      return build.deployTo === '' ? 'custom' : build.event
    case 'custom':
      return 'custom'
    default:
      return undefined
  }
}

function isForeign(build: Build): boolean {
  // Woodpecker compares both repositories by their ids; where it says nothing, the rules below hold.
  if (build.isFork !== undefined) return build.isFork
  const isPullRequest = build.event === 'pull_request' || isPullRequestRef(build.ref)
  if (isPullRequest) {
    // GitLab's driver builds source_repo from display names anybody can choose.
    if (build.scm === 'gitlab') return true
    // An empty source repository is a deleted head repository: unknown means foreign.
    return !isSameRepository(build)
  }
  return build.sourceRepository !== '' && !isSameRepository(build)
}

function isSameRepository(build: Build): boolean {
  return foldCase(build.sourceRepository) === foldCase(build.repository.slug)
}

// ASCII only: toLowerCase() makes a "k" of the Kelvin sign, and so one repository of two.
function foldCase(slug: string): string {
  return slug.replace(/[A-Z]/g, (letter) => letter.toLowerCase())
}

// A restart keeps event and ref and names its parent; anything else that a person started through
// the API chose its own commit.
function isFromTheHook(build: Build): boolean {
  return build.trigger === '@hook' || build.trigger === '@cron' || build.parent > 0
}
