// Packs a tree into the bytes of a tar archive, frame by frame in memory that is used again. Small files
// are read at once and synchronously, which is several times faster than by promises; long ones on the
// thread pool. A file that changes while it is read ends the save: what was half of one state and half
// of another would come back under its key for as long as the key lives.
import { closeSync, constants, fstatSync, openSync, read, readSync } from 'node:fs'
import { promisify } from 'node:util'

import { Fault, messageOf } from '../../core/fault.ts'
import { describeEntry } from '../tree/entry.ts'
import { type Sighting, walkTree } from '../tree/walk.ts'
import { encodeHeader, endOfArchive, paddingOf } from './tar-header.ts'

/** What a tree came to. */
export type Packed = { entries: number; bytes: number; files: number; special: number }

// Reads from here on go to the thread pool.
const longReadBytes = 256 * 1024
// Whatever has taken the place of a file since: a link is not followed, a pipe does not block.
const toRead = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK
const readLong = promisify(read)
const padding: Readonly<Buffer> = Buffer.alloc(512)

/**
 * Packs everything below `roots`; each frame told is full but the last, and lies in a buffer that came from
 * `takeBuffer`. Counts into `packed` as it goes. Throws `cache_tree_unreadable`, `cache_tree_changed`.
 */
export async function* packTree(
  roots: readonly string[],
  takeBuffer: () => Buffer,
  packed: Packed,
): AsyncGenerator<Buffer> {
  let frame = takeBuffer()
  let at = 0
  // Puts what fits, and tells how much that was.
  const put = (bytes: Readonly<Buffer>, from: number, to: number) => {
    const done = bytes.copy(frame, at, from, to)
    at += done
    return done
  }
  async function* putAll(bytes: Readonly<Buffer>, length: number) {
    for (let done = put(bytes, 0, length); done < length; done += put(bytes, done, length)) {
      yield frame
      frame = takeBuffer()
      at = 0
    }
  }
  async function* putFile(fd: number, sighting: Sighting) {
    const { sizeBytes } = sighting.entry
    for (let left = sizeBytes; left > 0;) {
      if (at === frame.length) {
        yield frame
        frame = takeBuffer()
        at = 0
      }
      const length = Math.min(left, frame.length - at)
      const done = await readPiece(fd, frame, at, length)
      if (done === 0) throw changed(sighting)
      left -= done
      at += done
    }
    const { size, mtimeMs } = fstatSync(fd)
    if (size !== sizeBytes || mtimeMs !== sighting.entry.modifiedAtMs) throw changed(sighting)
  }

  const walk = walkTree(roots)
  let next = walk.next()
  for (; next.done !== true; next = walk.next()) {
    const sighting = next.value
    const { sizeBytes } = sighting.entry
    packed.entries += 1
    packed.bytes += sizeBytes
    if (sighting.entry.kind === 'file') packed.files += 1
    const header = encodeHeader(sighting.entry)
    if (frame.length - at >= header.length) put(header, 0, header.length)
    else yield* putAll(header, header.length)
    if (sizeBytes === 0) continue
    const fd = open(sighting)
    try {
      // One byte more than it has, to see whether it still has no more.
      if (sizeBytes < longReadBytes && frame.length - at > sizeBytes) {
        const done = guarded(sighting, () => readSync(fd, frame, at, sizeBytes + 1, null))
        if (done !== sizeBytes) throw changed(sighting)
        at += done
      } else yield* putFile(fd, sighting)
    } finally {
      closeSync(fd)
    }
    const pad = paddingOf(sizeBytes)
    if (frame.length - at >= pad) at += padding.copy(frame, at, 0, pad)
    else yield* putAll(padding, pad)
  }
  packed.special = next.value.special
  yield* putAll(endOfArchive, endOfArchive.length)
  yield frame.subarray(0, at)
}

async function readPiece(fd: number, into: Buffer, at: number, length: number): Promise<number> {
  if (length < longReadBytes) return readSync(fd, into, at, length, null)
  const { bytesRead } = await readLong(fd, into, at, length, null)
  return bytesRead
}

function open(sighting: Sighting): number {
  return guarded(sighting, () => openSync(sighting.file, toRead))
}

function guarded<Value>(sighting: Sighting, work: () => Value): Value {
  try {
    return work()
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : ''
    if (code === 'ENOENT' || code === 'ELOOP' || code === 'EISDIR' || code === 'ENOTDIR') {
      throw changed(sighting)
    }
    throw new Fault(
      'cache_tree_unreadable',
      `“${sighting.file}” cannot be read: ${messageOf(cause)}.`,
      { cause },
    )
  }
}

function changed({ entry }: Sighting): Fault {
  return new Fault(
    'cache_tree_changed',
    `The file ${describeEntry(entry)} changed while it was saved, and no cache was made of it.`,
  )
}
