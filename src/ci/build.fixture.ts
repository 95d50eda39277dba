// One ordinary build for tests of every room: a push to main of octo/hello, seen by the webhook.
import type { Build, InstanceId } from './build.ts'

/** A pushed build of `refs/heads/main`, running; `changes` makes it another one. */
export function sampleBuild(changes: Partial<Build> = {}): Build {
  return {
    instance: 'ci-main' as InstanceId,
    scm: 'github',
    repository: {
      uid: '42',
      slug: 'octo/hello',
      defaultBranch: 'main',
      visibility: 'private',
      isTrusted: false,
      isProtected: false,
      timeoutMinutes: 60,
    },
    id: 1001,
    number: 7,
    parent: 0,
    event: 'push',
    action: '',
    status: 'running',
    ref: 'refs/heads/main',
    sha: 'c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00',
    sourceRepository: '',
    sourceBranch: 'main',
    targetBranch: 'main',
    sender: 'octocat',
    trigger: '@hook',
    cron: '',
    deployTo: '',
    parameterNames: [],
    version: 2,
    stages: [
      { number: 1, name: 'default', status: 'running', machine: 'docker-1', type: 'docker' },
    ],
    ...changes,
  }
}
