// The sums a job asked for, over whole contents and over files on disk.
import { createHash, hash } from 'node:crypto'

import { crc64Of, createCrc64 } from '../crc64/crc64.ts'
import { pieceBytes } from '../engine-deps.ts'
import type { Integrity } from '../job.ts'
import { openSource, readWholeSync, type Source, type SourceFile } from '../local/read.ts'
import type { Digests } from '../remote.ts'
import type { BufferPool } from './buffers.ts'

/** A sum in progress. */
export type Checksum = { update: (bytes: Buffer) => void; digest: () => string }

// Up to here reading at once beats reading in pieces.
const wholeFromDiskBytes = 1024 * 1024

/** Starts a sum. */
export function createChecksum(kind: 'crc64' | 'md5'): Checksum {
  if (kind === 'crc64') return createCrc64()
  const md5 = createHash('md5')
  return { update: (bytes) => md5.update(bytes), digest: () => md5.digest('base64') }
}

/** The sum of a whole content; with `none` there is nothing in it. */
export function digestsOf(kind: Integrity, content: Buffer): Digests {
  if (kind === 'none') return {}
  return kind === 'crc64' ? { crc64: crc64Of(content) } : { md5: hash('md5', content, 'base64') }
}

/** Reads part of a file once and tells all sums of it; the next piece is read meanwhile. */
export async function updateFromFile(
  file: SourceFile,
  pool: BufferPool,
  { from, to }: { from: number; to: number },
  sums: readonly Checksum[],
): Promise<void> {
  const buffers = [pool.take(pieceBytes), pool.take(pieceBytes)] as const
  const read = async (at: number, turn: number): Promise<Buffer> => {
    const piece = buffers[turn % 2 === 0 ? 0 : 1].subarray(0, Math.min(pieceBytes, to - at))
    await file.readInto(piece, at)
    return piece
  }
  let turn = 0
  let next = from < to ? read(from, turn) : undefined
  try {
    for (let at = from; next !== undefined;) {
      const piece = await next
      at += piece.length
      next = at < to ? read(at, ++turn) : undefined
      for (const sum of sums) sum.update(piece)
    }
  } finally {
    await next?.catch(() => undefined)
    for (const buffer of buffers) pool.give(buffer)
  }
}

/** The sum of a file on disk; throws `transfer_source_unreadable` and `transfer_file_changed`. */
export async function digestFile(
  pool: BufferPool,
  source: Source,
  kind: 'crc64' | 'md5',
): Promise<string> {
  const sum = createChecksum(kind)
  if (source.sizeBytes <= wholeFromDiskBytes) {
    const buffer = pool.take(source.sizeBytes)
    try {
      readWholeSync(source, buffer)
      sum.update(buffer)
    } finally {
      pool.give(buffer)
    }
    return sum.digest()
  }
  const file = await openSource(source)
  try {
    await updateFromFile(file, pool, { from: 0, to: source.sizeBytes }, [sum])
    await file.assertUnchanged()
  } finally {
    await file.close()
  }
  return sum.digest()
}
