// Claims of an ID token beside the registered ones: GitHub's names where GitHub has one, Drone's own
// otherwise, all strings, so that IAM conditions elsewhere can compare them (facts/drone.md §3.3).
import type { Build } from '../ci/build.ts'
import { isPullRequestRef, type TrustClass } from './trust-class.ts'

/** What a token says of a build; values are strings, absent facts are left out. */
export type BuildClaims = Readonly<Record<string, string>>

/** The claims of a build; `verifiedBy` names the second witness that confirmed it. */
export function toClaims(
  build: Build,
  trustClass: TrustClass,
  verifiedBy: 'webhook' | 'api',
): BuildClaims {
  const stage = build.stages.find((each) => isLiveStage(each.status)) ?? build.stages[0]
  const owner = build.repository.slug.slice(0, build.repository.slug.lastIndexOf('/'))
  return withoutEmpty({
    instance: build.instance,
    repository: build.repository.slug,
    repository_id: build.repository.uid,
    repository_owner: owner,
    repository_visibility: build.repository.visibility,
    repository_protected: String(build.repository.isProtected),
    repository_trusted: String(build.repository.isTrusted),
    trust_class: trustClass,
    event_name: build.event,
    event_action: build.action,
    ref: build.ref,
    ref_type: refType(build.ref),
    sha: build.sha,
    head_ref: build.event === 'pull_request' ? build.sourceBranch : '',
    base_ref: build.event === 'pull_request' ? build.targetBranch : '',
    source_repository: build.sourceRepository,
    is_fork: String(trustClass === 'fork'),
    has_params: String(build.parameterNames.length > 0),
    actor: build.sender,
    trigger: build.trigger,
    run_id: String(build.id),
    run_number: String(build.number),
    run_parent: build.parent > 0 ? String(build.parent) : '',
    environment: build.deployTo,
    cron: build.cron,
    runner_name: stage?.machine ?? '',
    runner_type: stage?.type ?? '',
    verified_by: verifiedBy,
  })
}

function isLiveStage(status: string): boolean {
  return status === 'running' || status === 'pending'
}

function refType(ref: string): string {
  if (ref.startsWith('refs/heads/')) return 'branch'
  if (ref.startsWith('refs/tags/')) return 'tag'
  return isPullRequestRef(ref) ? 'pull' : ''
}

function withoutEmpty(claims: Record<string, string>): BuildClaims {
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== ''))
}
