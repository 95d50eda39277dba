// Reads a tree for a save: every file is cut into pieces, and pieces that nobody has yet fill frames that
// are told as they get full. Small files are read straight into the frame, synchronously, which is several
// times faster than by promises.
import { hash } from 'node:crypto'
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs'

import { Fault, messageOf } from '../../core/fault.ts'
import { describeEntry } from '../tree/entry.ts'
import { type Sighting, type Walked, walkTree } from '../tree/walk.ts'
import { cutPiece, pieceLimits } from './chunk.ts'
import type { KnownPieces } from './known.ts'
import type { Frame, PackedEntry, Piece } from './manifest.ts'

/** A frame that is full; its pieces already name `frame`, which learns later in which pack it lies. */
export type PlainFrame = { frame: Frame; bytes: Buffer; buffer: Buffer }

/** What reading a tree needs. */
export type ReadTreeDeps = {
  known: KnownPieces
  /** The pieces of a file that needs no reading. */
  recall: (sighting: Sighting) => readonly Piece[] | undefined
  /** Memory of `frameRoomBytes` that nobody uses. */
  takeBuffer: () => Buffer
}

/** What was read: entries in their order, files that were new, what was left out. */
export type TreeRead = { manifest: PackedEntry[]; newFiles: number } & Walked

/** Length of the memory of one frame. */
export const frameRoomBytes = pieceLimits.most

// More in a frame compresses a little better, and makes a restore read more that it has already.
const fullBytes = 2 * 1024 * 1024
const toRead = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK

/** Reads everything below `roots`; throws `cache_tree_unreadable`, `cache_tree_changed`. */
export function* readTree(
  { known, recall, takeBuffer }: ReadTreeDeps,
  roots: readonly string[],
): Generator<PlainFrame, TreeRead> {
  const manifest: PackedEntry[] = []
  const made = new Map<string, Piece>()
  const findPiece = (sha256: string) => known.get(sha256) ?? made.get(sha256)
  let window: Buffer | undefined
  let newFiles = 0
  let open = openFrame(takeBuffer)

  const put = (sha256: string, sizeBytes: number): Piece => {
    const piece: Piece = { sha256, frame: open.frame, offset: open.used, sizeBytes }
    made.set(sha256, piece)
    open.used += sizeBytes
    return piece
  }
  const close = (): PlainFrame => {
    const { frame, buffer, used } = open
    frame.plainBytes = used
    open = openFrame(takeBuffer)
    return { frame, buffer, bytes: buffer.subarray(0, used) }
  }
  function* readSmall(fd: number, sighting: Sighting): Generator<PlainFrame, Piece[]> {
    const { sizeBytes } = sighting.entry
    // A byte more than it has, to see that it has no more; at the very end there is no room for that.
    if (open.used + sizeBytes > open.buffer.length) yield close()
    const { buffer, used } = open
    const room = Math.min(sizeBytes + 1, buffer.length - used)
    if (readFully(fd, buffer.subarray(used, used + room)) !== sizeBytes) throw changed(sighting)
    const sha256 = hash('sha256', buffer.subarray(used, used + sizeBytes))
    return [findPiece(sha256) ?? put(sha256, sizeBytes)]
  }
  function* readLong(fd: number, sighting: Sighting): Generator<PlainFrame, Piece[]> {
    window ??= Buffer.allocUnsafeSlow(2 * pieceLimits.most)
    const pieces: Piece[] = []
    let [from, to, bytes] = [0, 0, 0]
    let isWhole = false
    for (;;) {
      if (!isWhole && to - from < pieceLimits.most) {
        window.copyWithin(0, from, to)
        to -= from
        from = 0
        const room = window.subarray(to)
        const done = readFully(fd, room)
        to += done
        isWhole = done < room.length
      }
      if (from === to) break
      const length = cutPiece(window.subarray(from, to), isWhole) ?? to - from
      const piece = window.subarray(from, from + length)
      const sha256 = hash('sha256', piece)
      let found = findPiece(sha256)
      if (!found) {
        if (open.used + length > open.buffer.length) yield close()
        piece.copy(open.buffer, open.used)
        found = put(sha256, length)
        if (open.used >= fullBytes) yield close()
      }
      pieces.push(found)
      from += length
      bytes += length
    }
    if (bytes !== sighting.entry.sizeBytes) throw changed(sighting)
    return pieces
  }

  const walk = walkTree(roots)
  let next = walk.next()
  for (; next.done !== true; next = walk.next()) {
    const sighting = next.value
    const { entry } = sighting
    if (entry.kind !== 'file' || entry.sizeBytes === 0) {
      manifest.push({ entry, pieces: [] })
      continue
    }
    const recalled = recall(sighting)?.map(({ sha256 }) => findPiece(sha256))
    if (recalled?.every((piece) => piece !== undefined) === true) {
      manifest.push({ entry, pieces: recalled })
      continue
    }
    const before = made.size
    const fd = openFile(sighting)
    try {
      const isLong = entry.sizeBytes > pieceLimits.most
      const pieces = yield* isLong ? readLong(fd, sighting) : readSmall(fd, sighting)
      assertStill(fd, sighting)
      manifest.push({ entry, pieces })
    } finally {
      closeSync(fd)
    }
    if (made.size > before) newFiles += 1
    if (open.used >= fullBytes) yield close()
  }
  if (open.used > 0) yield close()
  return { manifest, newFiles, ...next.value }
}

function openFrame(takeBuffer: () => Buffer): { frame: Frame; buffer: Buffer; used: number } {
  const frame: Frame = { pack: '', offset: 0, packedBytes: 0, plainBytes: 0 }
  return { frame, buffer: takeBuffer(), used: 0 }
}

function readFully(fd: number, into: Buffer): number {
  let done = 0
  while (done < into.length) {
    const read = readSync(fd, into, done, into.length - done, null)
    if (read === 0) break
    done += read
  }
  return done
}

// Whatever has taken the place of a file since: a link is not followed, a pipe does not block.
function openFile(sighting: Sighting): number {
  try {
    return openSync(sighting.file, toRead)
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : ''
    if (['ENOENT', 'ELOOP', 'EISDIR', 'ENOTDIR'].includes(String(code))) throw changed(sighting)
    const sentence = `“${sighting.file}” cannot be read: ${messageOf(cause)}.`
    throw new Fault('cache_tree_unreadable', sentence, { cause })
  }
}

// Half of one state and half of another would come back under its key for as long as the key lives.
function assertStill(fd: number, sighting: Sighting): void {
  const { size, mtimeMs } = fstatSync(fd)
  const { sizeBytes, modifiedAtMs } = sighting.entry
  if (size !== sizeBytes || mtimeMs !== modifiedAtMs) throw changed(sighting)
}

function changed({ entry }: Sighting): Fault {
  return new Fault(
    'cache_tree_changed',
    `The file ${describeEntry(entry)} changed while it was saved, and no cache was made of it.`,
  )
}
