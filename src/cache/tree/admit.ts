// Which entries may be planted: the one gate between what an archive says and what a disk is told. It
// knows all entries of the restore, so that it can say no to what only two of them together would do.
import type { Fault } from '../../core/fault.ts'
import { refuseEntry } from './entry.ts'
import type { Entry, EntryKind } from './entry.ts'

/** What a restore may come to at most: what the key says of itself. */
export type Bounds = { entries: number; bytes: number }

/** The gate of one restore. */
export type Gate = {
  /** Throws `cache_entry_refused` when this entry, after those before it, may not be planted. */
  admit: (entry: Entry) => void
}

const maxPathBytes = 4000
const maxSegmentBytes = 255

type Refuse = (why: string) => Fault

/** A gate for trees below `rootCount` roots; `fold` gives names that the disk takes for the same one spelling. */
export function createGate(
  { rootCount, fold }: { rootCount: number; fold: (path: string) => string },
  bounds: Bounds,
): Gate {
  const seen = new Map<string, EntryKind>()
  const folded = new Map<string, string>()
  const left = { ...bounds }
  const kindAt = ({ root }: Entry, path: string) => seen.get(keyOf(root, path))

  const checkPlace = (entry: Entry, refuse: Refuse) => {
    if (kindAt(entry, entry.path) !== undefined) throw refuse('it is there twice')
    // Folders come before what they hold: so nothing is written through a link, or into a file.
    const parent = parentOf(entry.path)
    if (parent !== undefined && kindAt(entry, parent) !== 'folder') {
      throw refuse(`${JSON.stringify(parent)}, which it lies in, is no folder of this cache`)
    }
    const twin = folded.get(keyOf(entry.root, fold(entry.path)))
    if (twin !== undefined) {
      throw refuse(`this disk takes its name for that of ${JSON.stringify(twin)}`)
    }
  }
  const checkLink = (entry: Entry, refuse: Refuse) => {
    if (entry.kind === 'hardlink' && kindAt(entry, entry.target) !== 'file') {
      throw refuse('it is a hard link to what is no file of this cache')
    }
    if (entry.kind === 'symlink' && (entry.target === '' || entry.target.includes('\0'))) {
      throw refuse('it is a link to nowhere')
    }
  }
  const count = ({ sizeBytes }: Entry, refuse: Refuse) => {
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) {
      throw refuse(`it has a length of ${sizeBytes}`)
    }
    left.entries -= 1
    left.bytes -= sizeBytes
    const { entries, bytes } = bounds
    if (left.entries < 0) throw refuse(`the key tells of ${entries} entries, and there are more`)
    if (left.bytes < 0) throw refuse(`the key tells of ${bytes} bytes, and there are more`)
  }
  return {
    admit: (entry) => {
      const { root, path, kind } = entry
      const refuse = (why: string) => refuseEntry(entry, why)
      if (!Number.isInteger(root) || root < 0 || root >= rootCount) {
        throw refuse(`it belongs to path ${root + 1}, and the step has ${rootCount}`)
      }
      checkPath(path, refuse)
      checkPlace(entry, refuse)
      checkLink(entry, refuse)
      count(entry, refuse)
      seen.set(keyOf(root, path), kind)
      folded.set(keyOf(root, fold(path)), path)
    },
  }
}

function checkPath(path: string, refuse: Refuse): void {
  if (path === '') return
  if (path.includes('\0')) throw refuse('its name has a NUL in it')
  if (!path.isWellFormed()) throw refuse('its name is not valid UTF-8')
  if (path.startsWith('/')) throw refuse('its name is absolute')
  if (Buffer.byteLength(path) > maxPathBytes) throw refuse('its name is too long')
  for (const segment of path.split('/')) {
    if (segment === '..' || segment === '.' || segment === '') {
      throw refuse(`its name has ${JSON.stringify(segment)} in it`)
    }
    if (Buffer.byteLength(segment) > maxSegmentBytes) throw refuse('its name is too long')
  }
}

function parentOf(path: string): string | undefined {
  if (path === '') return undefined
  return path.slice(0, Math.max(path.lastIndexOf('/'), 0))
}

function keyOf(root: number, path: string): string {
  return `${root}/${path}`
}
