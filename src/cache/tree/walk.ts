// Walks the paths of a step and tells everything in them, a folder before what it holds, in an order
// that depends on the names alone, so that the same tree makes the same archive.
import { lstatSync, readdirSync, readlinkSync, type Stats } from 'node:fs'

import { Fault, messageOf } from '../../core/fault.ts'
import { describeEntry, type Entry, stagingPrefix } from './entry.ts'

/** What the file system says of an entry beside what is kept: whether it has changed since. */
export type Sighting = {
  entry: Entry
  /** Where it is on this disk. */
  file: string
  device: number
  inode: number
  changedAtMs: number
}

/** What a walk left out: nobody can keep a socket. */
export type Walked = { special: number }

type At = { root: number; path: string; file: string }

/** Tells everything below `roots`; the value it ends with says what was left out. Throws `cache_tree_unreadable`. */
export function* walkTree(roots: readonly string[]): Generator<Sighting, Walked> {
  const firstNames = new Map<string, string>()
  const walked: Walked = { special: 0 }
  // What is still to be seen, the next one last. Generators within generators would cost more than the
  // file system does.
  const waiting: At[] = []
  for (const [root, top] of roots.entries()) {
    waiting.push({ root, path: '', file: top })
    for (let at = waiting.pop(); at; at = waiting.pop()) {
      const stats = look(at)
      // A build that made no such folder has nothing of it to keep.
      if (!stats) continue
      const kind = kindOf(at, stats, firstNames)
      if (kind) yield see(at, stats, kind)
      else walked.special += 1
      if (kind?.kind === 'folder') pushInside(waiting, at)
    }
  }
  return walked
}

function pushInside(waiting: At[], { root, path, file }: At): void {
  const names = guarded(file, () => readdirSync(file)).toSorted()
  const [above, around] = [path === '' ? '' : `${path}/`, file.endsWith('/') ? file : `${file}/`]
  for (let index = names.length - 1; index >= 0; index -= 1) {
    const name = names[index] ?? ''
    if (name.startsWith(stagingPrefix)) continue
    waiting.push({ root, path: above + name, file: around + name })
  }
}

type Kind = Pick<Entry, 'kind'> & Partial<Pick<Entry, 'sizeBytes' | 'target'>>

function kindOf(at: At, stats: Stats, firstNames: Map<string, string>): Kind | undefined {
  if (stats.isFile()) {
    const first = stats.nlink > 1 ? firstOf(firstNames, at, stats) : undefined
    return first === undefined
      ? { kind: 'file', sizeBytes: stats.size }
      : { kind: 'hardlink', target: first }
  }
  if (stats.isDirectory()) return { kind: 'folder' }
  if (!stats.isSymbolicLink()) return undefined
  return { kind: 'symlink', target: guarded(at.file, () => readlinkSync(at.file)) }
}

// The path under which the same file was seen first in this root.
function firstOf(
  firstNames: Map<string, string>,
  { root, path }: At,
  { dev, ino }: Stats,
): string | undefined {
  const key = `${root} ${dev} ${ino}`
  const first = firstNames.get(key)
  if (first === undefined) firstNames.set(key, path)
  return first
}

function see(
  { root, path, file }: At,
  stats: Stats,
  { kind, sizeBytes = 0, target = '' }: Kind,
): Sighting {
  const entry: Entry = {
    root,
    path,
    kind,
    mode: stats.mode & 0o7777,
    modifiedAtMs: stats.mtimeMs,
    sizeBytes,
    target,
  }
  assertUtf8(entry)
  return { entry, file, device: stats.dev, inode: stats.ino, changedAtMs: stats.ctimeMs }
}

function look({ file, path }: At): Stats | undefined {
  // What a folder lists has to be there; a path of the step need not.
  return guarded(file, () => lstatSync(file, { throwIfNoEntry: path !== '' }))
}

// A replacement character stands for bytes that are no UTF-8, and such a name would come back as another.
function assertUtf8(entry: Entry): void {
  if (!entry.path.includes('\ufffd') && !entry.target.includes('\ufffd')) return
  throw new Fault(
    'cache_tree_unreadable',
    `The name of ${describeEntry(entry)} is not valid UTF-8 and could not be restored as it is.`,
  )
}

function guarded<Value>(file: string, work: () => Value): Value {
  try {
    return work()
  } catch (cause) {
    throw new Fault('cache_tree_unreadable', `“${file}” cannot be read: ${messageOf(cause)}.`, {
      cause,
    })
  }
}
