// Takes the bytes of one range from the wire to the disk and sums them up. What the wire brings is the
// transport's own memory, so every piece is written or copied before the call ends.
import { createCrc64 } from '../crc64/crc64.ts'
import { pieceBytes } from '../engine-deps.ts'
import type { PartFile } from '../local/write-part.ts'
import type { BufferPool } from './buffers.ts'

/** A way to disk for the bytes of one range, in order. */
export type RangeSink = {
  accept: (piece: Buffer) => Promise<void> | undefined
  /** Writes what is left; the CRC-64 of everything accepted. */
  end: () => Promise<{ crc64: string; sizeBytes: number }>
  /** Waits for a write that still looks at our memory, and gives that memory back; never throws. */
  close: () => Promise<void>
}

// Pieces from here on are worth a system call of their own; smaller ones are gathered first.
const directBytes = 64 * 1024

/** A sink that begins at `start` of the file; without sums its CRC is that of nothing. */
export function createRangeSink(
  part: PartFile,
  pool: BufferPool,
  { start, isSummed }: { start: number; isSummed: boolean },
): RangeSink {
  const sum = createCrc64()
  let buffer: Buffer | undefined
  let filled = 0
  let writtenTo = start
  let writing: Promise<void> | undefined

  const write = (bytes: Buffer): Promise<void> | undefined => {
    if (isSummed) sum.update(bytes)
    const offset = writtenTo
    writtenTo += bytes.length
    const written = part.write(bytes, offset)
    if (written === undefined) return undefined
    writing = written.finally(() => {
      writing = undefined
    })
    return writing
  }
  const flush = (): Promise<void> | undefined => {
    const bytes = buffer?.subarray(0, filled)
    filled = 0
    return bytes && bytes.length > 0 ? write(bytes) : undefined
  }
  const gather = (piece: Buffer): Promise<void> | undefined => {
    buffer ??= pool.take(pieceBytes)
    const count = piece.copy(buffer, filled)
    filled += count
    if (filled < buffer.length) return undefined
    const rest = piece.subarray(count)
    const flushed = flush()
    if (flushed) return flushed.then(() => (rest.length > 0 ? gather(rest) : undefined))
    return rest.length > 0 ? gather(rest) : undefined
  }
  const take = (piece: Buffer): Promise<void> | undefined =>
    filled === 0 && piece.length >= directBytes ? write(piece) : gather(piece)
  return {
    accept: (piece) => (writing ? writing.then(() => take(piece)) : take(piece)),
    end: async () => {
      await writing
      await flush()
      return { crc64: sum.digest(), sizeBytes: writtenTo - start }
    },
    close: async () => {
      await writing?.catch(() => undefined)
      if (buffer) pool.give(buffer)
      buffer = undefined
    },
  }
}
