// A build in few words, as people describe one to `policy explain` and in test cases.
import * as z from 'zod'

import type { Build, InstanceId, ScmKind } from '../ci/build.ts'

const scmKinds = ['github', 'gitea', 'gitlab', 'gogs', 'bitbucket', 'stash'] as const

/** The form of these words in a cases file. */
export const wordsSchema = z.strictObject({
  instance: z.string().min(1),
  repository: z.string().min(1),
  repository_id: z.string({ error: 'must be the SCM id in quotes, such as "42"' }).min(1),
  event: z.string().min(1),
  ref: z.string().optional(),
  source: z.string().optional(),
  scm: z.enum(scmKinds).optional(),
  trigger: z.string().optional(),
  parent: z.number().int().min(0).optional(),
  cron: z.string().optional(),
  target: z.string().optional(),
  params: z.array(z.string()).optional(),
  number: z.number().int().min(1).optional(),
})

/** A build in few words. */
export type BuildWords = z.output<typeof wordsSchema>

/** Hosts whose behaviour towards pull requests is known. */
export const knownScms: readonly string[] = scmKinds

/**
 * The build these words mean. Left out: GitHub; started by the host's hook, by the schedule for cron and
 * by a person for promote, rollback and custom; a pull request of the repository itself (`source: ''`
 * is one whose repository is gone).
 */
export function toBuild(words: BuildWords): Build {
  const isPullRequest = words.event === 'pull_request'
  return {
    instance: words.instance as InstanceId,
    scm: (words.scm ?? 'github') satisfies ScmKind,
    repository: {
      uid: words.repository_id,
      slug: words.repository,
      defaultBranch: 'main',
      visibility: 'private',
      isTrusted: false,
      isProtected: false,
      timeoutMinutes: 60,
    },
    id: 1,
    number: words.number ?? 1,
    parent: words.parent ?? 0,
    event: words.event,
    action: '',
    status: 'running',
    ref: words.ref ?? (isPullRequest ? 'refs/pull/1/head' : 'refs/heads/main'),
    sha: '0'.repeat(40),
    sourceRepository: words.source ?? (isPullRequest ? words.repository : ''),
    sourceBranch: '',
    targetBranch: '',
    sender: '',
    trigger: words.trigger ?? defaultTrigger(words.event),
    cron: words.cron ?? '',
    deployTo: words.target ?? '',
    parameterNames: words.params ?? [],
    version: 1,
    stages: [],
  }
}

function defaultTrigger(event: string): string {
  if (event === 'cron') return '@cron'
  return ['push', 'tag', 'pull_request'].includes(event) ? '@hook' : 'somebody'
}
