// Every event × source × ref × trigger × parameters × SCM that matters, to its one class and subject: the
// data of the tests and of docs/trust-classes.md.
import type { Build } from '../ci/build.ts'

/** A case: what is changed of an ordinary push to main, and its `class` or `class | tail of the subject`. */
export type TrustCase = readonly [title: string, changes: Partial<Build>, verdict: string]

/** The verdict on an event nobody knows. */
export const none = 'none'
const same = { sourceRepository: 'octo/hello' }
const foreign = { sourceRepository: 'mallory/hello' }
const pull = { event: 'pull_request', ref: 'refs/pull/7/head' }
const params = { parameterNames: ['NODE_OPTIONS'] }
const byHand = { trigger: 'octocat' }
const tagged = { event: 'tag', ref: 'refs/tags/v1' }
const cron = { event: 'cron', cron: 'nightly', trigger: '@cron' }
const promote = { event: 'promote', deployTo: 'production', trigger: 'octocat', parent: 7 }
const rollback = { ...promote, event: 'rollback' }

/** Every case; the verdict is the tail of the subject, `class | tail` where the two have different names. */
export const trustCases: readonly TrustCase[] = [
  ['push', {}, 'push | ref:refs/heads/main'],
  ['push to a branch with slashes', { ref: 'refs/heads/a/b' }, 'push | ref:refs/heads/a/b'],
  ['push of a tag ref', { ref: 'refs/tags/v1' }, 'tag'],
  ['push restarted by hand', { ...byHand, parent: 6 }, 'push | ref:refs/heads/main'],
  ['push through the API, no parent', byHand, 'custom | custom:refs/heads/main'],
  ['push without a trigger', { trigger: '' }, 'custom | custom:refs/heads/main'],
  ['push by a person called hook', { trigger: 'hook' }, 'custom | custom:refs/heads/main'],
  ['push by a person called @HOOK', { trigger: '@HOOK' }, 'custom | custom:refs/heads/main'],
  ['push with params', params, 'params:push'],
  ['push with params, restarted', { ...params, ...byHand, parent: 6 }, 'params:push'],
  ['push with params through the API', { ...params, ...byHand }, 'params:custom'],
  ['push with one param without a name', { parameterNames: [''] }, 'params:push'],
  ['push naming its own repository', same, 'push | ref:refs/heads/main'],
  [
    'push naming it in other case',
    { sourceRepository: 'Octo/Hello' },
    'push | ref:refs/heads/main',
  ],
  ['push from a foreign repository', foreign, 'fork'],
  ['push from a foreign repository, params', { ...foreign, ...params }, 'fork'],
  ['push on a pull ref, no source', { ref: 'refs/pull/7/head' }, 'fork'],
  ['push on a pull ref, same source', { ref: 'refs/pull/7/head', ...same }, 'pull_request'],
  ['push on a pull ref, foreign', { ref: 'refs/pull/7/merge', ...foreign }, 'fork'],
  ['tag', tagged, 'tag'],
  ['tag restarted', { ...tagged, ...byHand, parent: 6 }, 'tag'],
  ['tag through the API', { ...tagged, ...byHand }, 'custom | custom:refs/tags/v1'],
  ['tag with params', { ...tagged, ...params }, 'params:tag'],
  ['tag from a foreign repository', { ...tagged, ...foreign }, 'fork'],
  ['tag event on a pull ref', { event: 'tag', ref: 'refs/pull/7/head', ...foreign }, 'fork'],
  ['cron by its schedule', cron, 'cron | cron:nightly'],
  ['cron by hand', { ...cron, ...byHand }, 'cron | cron:nightly'],
  ['cron restarted', { ...cron, ...byHand, parent: 6 }, 'cron | cron:nightly'],
  ['cron with params', { ...cron, ...params }, 'params:cron'],
  ['cron without a name', { ...cron, cron: '' }, 'custom | custom:refs/heads/main'],
  ['cron with colons in its name', { ...cron, cron: 'a:b' }, 'cron | cron:a%3Ab'],
  ['cron on a pull ref', { ...cron, ref: 'refs/pull/7/head' }, 'fork'],
  ['cron from a foreign repository', { ...cron, ...foreign }, 'fork'],
  ['custom', { event: 'custom', ...byHand }, 'custom | custom:refs/heads/main'],
  ['custom claiming the hook', { event: 'custom' }, 'custom | custom:refs/heads/main'],
  ['custom restarted', { event: 'custom', parent: 6 }, 'custom | custom:refs/heads/main'],
  ['custom with params', { event: 'custom', ...params }, 'params:custom'],
  ['custom without a ref', { event: 'custom', ref: '' }, 'custom'],
  ['custom on a pull ref', { event: 'custom', ref: 'refs/pull/7/head' }, 'fork'],
  [
    'custom on a pull ref, same',
    { event: 'custom', ref: 'refs/pull/7/head', ...same },
    'pull_request',
  ],
  ['custom from a foreign repository', { event: 'custom', ...foreign }, 'fork'],
  ['promote', promote, 'promote | environment:production'],
  [
    'promote by a deployment hook',
    { ...promote, trigger: '@hook' },
    'promote | environment:production',
  ],
  ['promote with params', { ...promote, ...params }, 'params:promote'],
  ['promote without a target', { ...promote, deployTo: '' }, 'custom | custom:refs/heads/main'],
  [
    'promote to a target that looks like a ref',
    { ...promote, deployTo: 'prod:ref:refs/heads/main' },
    'promote | environment:prod%3Aref%3Arefs/heads/main',
  ],
  ['promote of a tag', { ...promote, ref: 'refs/tags/v1' }, 'promote | environment:production'],
  ['promote of a fork PR', { ...promote, ref: 'refs/pull/7/head', ...foreign }, 'fork'],
  ['promote of a fork PR, deleted', { ...promote, ref: 'refs/pull/7/head' }, 'fork'],
  ['promote of a same-repo PR', { ...promote, ref: 'refs/pull/7/head', ...same }, 'pull_request'],
  [
    'the same with params',
    { ...promote, ref: 'refs/pull/7/head', ...same, ...params },
    'params:pull_request',
  ],
  [
    'promote of a GitLab MR',
    { ...promote, ref: 'refs/merge-requests/7/head', ...same, scm: 'gitlab' },
    'fork',
  ],
  ['promote from a foreign repository', { ...promote, ...foreign }, 'fork'],
  ['rollback', rollback, 'rollback | rollback:production'],
  ['rollback with params', { ...rollback, ...params }, 'params:rollback'],
  ['rollback without a target', { ...rollback, deployTo: '' }, 'custom | custom:refs/heads/main'],
  ['rollback of a fork PR', { ...rollback, ref: 'refs/pull/7/head', ...foreign }, 'fork'],
  ['rollback of a same-repo PR', { ...rollback, ref: 'refs/pull/7/head', ...same }, 'pull_request'],
  ['same-repo PR', { ...pull, ...same }, 'pull_request'],
  ['same-repo PR in other case', { ...pull, sourceRepository: 'OCTO/hello' }, 'pull_request'],
  ['same-repo PR restarted', { ...pull, ...same, ...byHand, parent: 6 }, 'pull_request'],
  ['same-repo PR with params', { ...pull, ...same, ...params }, 'params:pull_request'],
  ['same-repo PR on a branch ref', { ...pull, ...same, ref: 'refs/heads/main' }, 'pull_request'],
  ['fork PR', { ...pull, ...foreign }, 'fork'],
  ['fork PR with params', { ...pull, ...foreign, ...params }, 'fork'],
  ['fork PR from a branch called main', { ...pull, ...foreign, sourceBranch: 'main' }, 'fork'],
  ['fork PR restarted by a maintainer', { ...pull, ...foreign, ...byHand, parent: 6 }, 'fork'],
  ['fork PR with a branch ref', { ...pull, ...foreign, ref: 'refs/heads/main' }, 'fork'],
  ['PR of a deleted repository', pull, 'fork'],
  ['PR of a repository with a longer name', { ...pull, sourceRepository: 'octo/hello2' }, 'fork'],
  ['PR of a repository with a blank', { ...pull, sourceRepository: 'octo/hello ' }, 'fork'],
  [
    'PR whose name folds to ours (Kelvin K)',
    { ...pull, sourceRepository: 'octo/heLLo' },
    'pull_request',
  ],
  ['GitLab MR, same display name', { ...pull, ...same, scm: 'gitlab' }, 'fork'],
  ['GitLab MR, foreign', { ...pull, ...foreign, scm: 'gitlab' }, 'fork'],
  ['GitLab push', { scm: 'gitlab' }, 'push | ref:refs/heads/main'],
  ['push on a merge-request ref', { ref: 'refs/merge-requests/7/head', ...same }, 'pull_request'],
  ['push on a pull-requests ref', { ref: 'refs/pull-requests/7/from' }, 'fork'],
  ['push on a pullreq ref', { ref: 'refs/pullreq/7/head' }, 'fork'],
  ['push on a Gerrit change ref', { ref: 'refs/changes/01/1/1' }, 'fork'],
  [
    'push to a branch called refs/pull/1',
    { ref: 'refs/heads/refs/pull/1' },
    'push | ref:refs/heads/refs/pull/1',
  ],
  ['an unknown event', { event: 'deployment' }, none],
  ['an unknown event with params', { event: 'deployment', ...params }, none],
  ['an empty event', { event: '' }, none],
  ['an event in capitals', { event: 'PUSH' }, none],
  ['an event every object has', { event: 'constructor' }, none],
  ['an unknown event on a foreign repository', { event: 'deployment', ...foreign }, 'fork'],
  [
    'push to a branch named like a tag',
    { ref: 'refs/heads/refs/tags/v1' },
    'push | ref:refs/heads/refs/tags/v1',
  ],
  ['push to a branch with a colon', { ref: 'refs/heads/a:b' }, 'push | ref:refs/heads/a%3Ab'],
  ['push by cron trigger', { trigger: '@cron' }, 'push | ref:refs/heads/main'],
  ['push without a ref', { ref: '' }, 'push | ref'],
  ['tag with one param without a name', { ...tagged, parameterNames: [''] }, 'params:tag'],
  ['tag of a repository naming itself', { ...tagged, ...same }, 'tag'],
  ['cron with its own repository as source', { ...cron, ...same }, 'cron | cron:nightly'],
  ['cron on a same-repo pull ref', { ...cron, ref: 'refs/pull/7/head', ...same }, 'pull_request'],
  ['promote restarted', { ...promote, parent: 9 }, 'promote | environment:production'],
  ['rollback from a foreign repository', { ...rollback, ...foreign }, 'fork'],
  [
    'rollback of a fork PR with params',
    { ...rollback, ref: 'refs/pull/7/head', ...foreign, ...params },
    'fork',
  ],
  ['PR of a deleted repository with params', { ...pull, ...params }, 'fork'],
  ['PR from a repository ending like ours', { ...pull, sourceRepository: 'x/octo/hello' }, 'fork'],
  ['PR of Woodpecker from the repository itself', { ...pull, isFork: false }, 'pull_request'],
  [
    'PR of Woodpecker from the repository itself, at GitLab',
    { ...pull, scm: 'gitlab', isFork: false },
    'pull_request',
  ],
  ['PR of Woodpecker from a fork', { ...pull, ...same, isFork: true }, 'fork'],
  ['promote of Woodpecker from a fork', { ...promote, isFork: true }, 'fork'],
  [
    'promote of Woodpecker on a pull ref, which names no fork',
    { ...promote, ref: 'refs/pull/7/head' },
    'fork',
  ],
]
