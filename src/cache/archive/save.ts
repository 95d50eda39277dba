// Saves a tree as one archive: walked, packed, compressed and sent at the same time, without a copy on
// the disk. A `.tar.zst` that every tar reads, with a table of its frames at the end.
import { createHash } from 'node:crypto'

import type { Saved } from '../outcome.ts'
import type { CacheStore } from '../store.ts'
import { mapInOrder } from './in-order.ts'
import { encodeSeekTable, type FrameSize } from './seek-table.ts'
import { packTree, type Packed } from './tar-write.ts'
import { compressFrame, frameBytes } from './zstd-frame.ts'

/** The level at which what a higher one saves costs more time than it is worth on the way. */
export const usualLevel = 3

// The tables of the thorough levels take up to 50 MiB for each frame.
const thoroughLevel = 13
const mostBytes = 1024 ** 4

/** Saves everything below `roots`; throws `cache_tree_unreadable`, `cache_tree_changed`, and what the store throws. */
export async function saveArchive(
  { store, newId }: { store: CacheStore; newId: () => string },
  { roots, level }: { roots: readonly string[]; level: number },
): Promise<Saved> {
  const name = `archives/${newId()}.tar.zst`
  const packed: Packed = { entries: 0, bytes: 0, files: 0, special: 0 }
  const digest = createHash('sha256')
  let sentBytes = 0
  async function* pieces() {
    for await (const piece of compressTree({ roots, level }, packed)) {
      digest.update(piece)
      sentBytes += piece.length
      yield piece
    }
  }
  if (!(await store.writeStream(name, pieces(), mostBytes, 'absent'))) {
    throw new Error(`${name} is there already`)
  }
  const { entries, bytes, files, special } = packed
  const archive = { name, sha256: digest.digest('hex'), sizeBytes: sentBytes }
  const content = { mode: 'archive', archive } as const
  return { content, entries, bytes, sentBytes, newFiles: files, special }
}

async function* compressTree(
  { roots, level }: { roots: readonly string[]; level: number },
  packed: Packed,
): AsyncGenerator<Buffer> {
  const free: Buffer[] = []
  const takeBuffer = () => free.pop() ?? Buffer.allocUnsafeSlow(frameBytes)
  const frames = packTree(roots, takeBuffer, packed)
  const sizes: FrameSize[] = []
  const window = level < thoroughLevel ? 4 : 2
  const compress = async (plain: Buffer) => {
    const plainBytes = plain.length
    const frame = await compressFrame(plain, level)
    if (plainBytes === frameBytes) free.push(plain)
    return { frame, plainBytes }
  }
  for await (const { frame, plainBytes } of mapInOrder(frames, window, compress)) {
    sizes.push({ packedBytes: frame.length, plainBytes })
    yield frame
  }
  yield encodeSeekTable(sizes)
}
