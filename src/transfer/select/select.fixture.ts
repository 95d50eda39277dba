// A choice of files for tests, with what is usual for everything a test does not speak of.
import type { Selecting } from '../job.ts'

/** What a person asks for by naming sources and nothing else. */
export function selecting(sources: readonly string[], more: Partial<Selecting> = {}): Selecting {
  return {
    sources,
    include: [],
    exclude: [],
    dotfiles: false,
    caseSensitive: true,
    symlinks: 'skip',
    emptyFolders: false,
    ifNoFiles: 'error',
    ...more,
  }
}
