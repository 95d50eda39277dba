// Whose caches a build may read and write. Three scopes of a repository can be told apart by Azure itself, by
// the identity of the build and a condition on the path: the default branch, other branches, pull requests.
// Finer ones (this branch, this pull request) are kept by the plugin alone.

/** What decides; texts are empty when nobody says. */
export type ScopeFacts = {
  event: string
  /** The branch that was built; of a pull request the one it goes to. */
  branch: string
  defaultBranch: string
  pullRequest: string
}

/** Folders below that of the repository, each ending in a slash; without `writes` the build saves nothing. */
export type Scopes = { writes: string | undefined; reads: readonly string[] }

const defaultScope = 'default/'

/** The scopes of a build; undefined when the facts do not say which. */
export function chooseScopes(facts: ScopeFacts): Scopes | undefined {
  const { event, branch, defaultBranch, pullRequest } = facts
  // Of a tag nobody can say which branch it is on, and nothing that follows would read what it saved.
  if (event === 'tag') return { writes: undefined, reads: [defaultScope] }
  const own = scopeOf(branch, defaultBranch)
  if (event.startsWith('pull_request')) {
    if (!/^\d+$/.test(pullRequest)) return undefined
    const writes = `pulls/${pullRequest}/`
    return { writes, reads: unique([writes, own ?? defaultScope, defaultScope]) }
  }
  return own === undefined ? undefined : { writes: own, reads: unique([own, defaultScope]) }
}

/** The scope that a person names: `default`, `branches/NAME`, `pulls/NUMBER`; undefined when it is none. */
export function readScope(text: string): string | undefined {
  if (text === 'default') return defaultScope
  const [kind, ...rest] = text.split('/')
  const name = rest.join('/')
  if (kind === 'branches' && name !== '') return `branches/${encodeName(name)}/`
  return kind === 'pulls' && /^\d+$/.test(name) ? `pulls/${name}/` : undefined
}

function scopeOf(branch: string, defaultBranch: string): string | undefined {
  if (branch === '') return undefined
  return branch === defaultBranch ? defaultScope : `branches/${encodeName(branch)}/`
}

// One segment, and no name is another's: `feature/a` is not a folder, and `..` leads nowhere.
function encodeName(branch: string): string {
  return encodeURIComponent(branch.toWellFormed()).replaceAll(
    /[.!~*'()]/g,
    (letter) => `%${letter.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}

function unique(scopes: readonly string[]): string[] {
  return [...new Set(scopes)]
}
