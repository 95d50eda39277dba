// What a Gitea says of repositories, users, commits and events, as far as Drone's driver reads it
// (go-scm/scm/driver/gitea; facts/drone.md §4.4).

/** A repository of the scripted Gitea. */
export type ScmRepository = { id: number; slug: string; isPrivate: boolean }

/** A commit: its tree is one pipeline file. */
export type ScmCommit = { sha: string; message: string; file: string }

/** What a push tells; `before` is the commit that the branch was at. */
export type ScmPush = { branch: string; before: string; commit: ScmCommit }

/** What a pull request tells; a head repository that was deleted has no name. */
export type ScmPullRequest = { number: number; commit: ScmCommit; from: string | undefined }

/** The one user, who is also everybody's author. */
export const scmUser = {
  id: 1,
  login: 'octo',
  username: 'octo',
  full_name: 'Octo Cat',
  email: 'octo@scm.example',
  avatar_url: 'https://scm.example/octo.png',
}

/** A repository in answers and hooks. */
export function scmRepositoryJson({ id, slug, isPrivate }: ScmRepository): Record<string, unknown> {
  const [login = '', name = ''] = slug.split('/')
  const link = `https://scm.example/${slug}`
  return {
    id,
    name,
    full_name: slug,
    owner: { ...scmUser, login, username: login },
    private: isPrivate,
    html_url: link,
    clone_url: `${link}.git`,
    ssh_url: `git@scm.example:${slug}.git`,
    default_branch: 'main',
    permissions: { admin: true, push: true, pull: true },
    created_at: '2026-01-01T00:00:00Z',
    updated_at: '2026-01-01T00:00:00Z',
  }
}

/** A commit as `git/commits` shows it. */
export function scmCommitJson({ sha, message }: ScmCommit): Record<string, unknown> {
  const person = { name: scmUser.full_name, email: scmUser.email, date: '2026-01-01T00:00:00Z' }
  return {
    sha,
    html_url: `https://scm.example/commit/${sha}`,
    commit: { message, author: person, committer: person },
    author: scmUser,
    committer: scmUser,
  }
}

/** The head of a branch as `branches` shows it. */
export function scmBranchJson(name: string, { sha, message }: ScmCommit): Record<string, unknown> {
  return { name, commit: { ...hookCommit(sha, message), url: `https://scm.example/commit/${sha}` } }
}

/** The body of a push hook. */
export function pushHookJson(
  repository: ScmRepository,
  { branch, before, commit: { sha, message } }: ScmPush,
): Record<string, unknown> {
  return {
    ref: `refs/heads/${branch}`,
    before,
    after: sha,
    compare_url: `https://scm.example/${repository.slug}/compare/${before}...${sha}`,
    commits: [hookCommit(sha, message)],
    repository: scmRepositoryJson(repository),
    pusher: scmUser,
    sender: scmUser,
  }
}

/** The body of a pull request's hook. */
export function pullRequestHookJson(
  repository: ScmRepository,
  { number, commit, from }: ScmPullRequest,
): Record<string, unknown> {
  const author = from === undefined ? 'ghost' : (from.split('/')[0] ?? '')
  const user = { ...scmUser, login: author, username: author }
  const head =
    from === undefined ? null : scmRepositoryJson({ id: 900, slug: from, isPrivate: false })
  return {
    action: 'opened',
    number,
    pull_request: {
      id: number,
      number,
      user,
      title: commit.message,
      body: '',
      state: 'open',
      html_url: `https://scm.example/${repository.slug}/pulls/${number}`,
      head: { label: 'topic', ref: 'topic', sha: commit.sha, repo: head },
      base: {
        label: 'main',
        ref: 'main',
        sha: commit.sha,
        repo: scmRepositoryJson(repository),
      },
      created_at: '2026-01-01T00:00:00Z',
      updated_at: '2026-01-01T00:00:00Z',
    },
    repository: scmRepositoryJson(repository),
    sender: user,
  }
}

function hookCommit(id: string, message: string): Record<string, unknown> {
  const person = { name: scmUser.full_name, email: scmUser.email, username: scmUser.login }
  return { id, message, author: person, committer: person, timestamp: '2026-01-01T00:00:00Z' }
}
