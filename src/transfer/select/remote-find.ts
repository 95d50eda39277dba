// Finds the files a job means in a remote place, by the rule files on disk follow: a name is a file, or
// a folder when files lie below it, or a glob. One listing for each source, narrowed by its fixed part.
import { Fault } from '../../core/fault.ts'
import type { Selecting } from '../job.ts'
import type { Remote, RemoteFile } from '../remote.ts'
import {
  chooseAt,
  type Chooser,
  type Choosing,
  createChoosing,
  folderOf,
  type Found,
  joinName,
  lastSegment,
  nothingSkipped,
  parseSources,
  type Selection,
  type Skipped,
  type Source,
  unescapeGlob,
} from './select.ts'

type FoundRemote = RemoteFile & Found

/**
 * Every file, folder marker and kept link the sources mean, sorted by the path below its source; a name
 * that exists is taken literally before it is a glob. Throws what the remote place throws, and
 * `transfer_pattern_invalid`.
 */
export async function findRemote(
  remote: Remote,
  select: Selecting,
): Promise<Selection<RemoteFile>> {
  const choosing = await createChoosing(select)
  const selection: Selection<RemoteFile> = { found: [], skipped: nothingSkipped() }
  for (const source of parseSources(select)) {
    const found = source.pattern
      ? await findGlob(remote, source, choosing, selection.skipped)
      : await findLiteral(remote, source, choosing, selection.skipped)
    for (const each of found) selection.found.push(each)
  }
  selection.found.sort((a, b) => compare(a.below, b.below) || compare(a.name, b.name))
  return selection
}

async function findLiteral(
  remote: Remote,
  source: Source,
  choosing: Choosing,
  skipped: Skipped,
): Promise<FoundRemote[]> {
  const name = toName(source.literal)
  const file = source.text.endsWith('/') ? undefined : await statFile(remote, name)
  if (file) return namedFile(file, source, choosing)
  const selection: Selection<RemoteFile> = { found: [], skipped }
  const chooser = choose(source, name, choosing)
  for await (const page of remote.list(joinName(name, ''))) {
    for (const each of page) take(each, name, chooser, selection)
  }
  return selection.found
}

// Names may hold glob characters: the same listing shows whether a file or folder is called so.
async function findGlob(
  remote: Remote,
  source: Source,
  choosing: Choosing,
  skipped: Skipped,
): Promise<FoundRemote[]> {
  const { pattern } = source
  if (!pattern) return []
  const [base, literal] = [toName(pattern.base), toName(source.literal)]
  const asGlob = chooseAt(source, at(base), choosing(source, pattern))
  const asFolder = choose(source, literal, choosing)
  const folder: Selection<RemoteFile> = { found: [], skipped: nothingSkipped() }
  const globbed: Selection<RemoteFile> = { found: [], skipped: nothingSkipped() }
  let isFolder = false
  for await (const page of remote.list(joinName(base, pattern.prefix))) {
    for (const file of page) {
      if (file.name === literal && file.kind !== 'folder') return namedFile(file, source, choosing)
      if (file.name.startsWith(`${literal}/`)) {
        isFolder = true
        take(file, literal, asFolder, folder)
      }
      take(file, base, asGlob, globbed)
    }
  }
  const { found, skipped: left } = isFolder ? folder : globbed
  skipped.dotted += left.dotted
  return found
}

function take(
  file: RemoteFile,
  root: string,
  chooser: Chooser,
  { found, skipped }: Selection<RemoteFile>,
): void {
  const front = root === '' ? '' : `${root}/`
  if (!file.name.startsWith(front)) return
  // A marker may be kept under the folder's name with a slash behind it.
  const below = file.name.slice(front.length).replace(/(?<=[^/])\/$/, '')
  if (below === '') return
  if (chooser.keeps(below)) found.push({ ...file, root, below })
  else if (file.kind !== 'folder' && chooser.isHidden(below)) skipped.dotted++
}

function namedFile(file: RemoteFile, source: Source, choosing: Choosing): FoundRemote[] {
  const [root, below] = [folderOf(file.name), lastSegment(file.name)]
  return choose(source, root, choosing).keepsNamed(below) ? [{ ...file, root, below }] : []
}

function choose(source: Source, root: string, choosing: Choosing): Chooser {
  return chooseAt(source, at(root), choosing(source))
}

function at(root: string) {
  return { root, absolute: toName }
}

// Names in a remote place have no slash in front, whatever people write.
function toName(path: string): string {
  return unescapeGlob(path).replace(/^\/+/, '')
}

async function statFile(remote: Remote, name: string): Promise<RemoteFile | undefined> {
  if (name === '') return undefined
  try {
    const file = await remote.stat(name)
    return file?.kind === 'folder' ? undefined : file
  } catch (error) {
    // A role may allow what is below a folder and not a file of the folder's own name.
    if (error instanceof Fault && error.code === 'azure_storage_role_missing') return undefined
    throw error
  }
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
