// Unpacks what was compressed on the way, from one part file into another, and checks it against the
// sum the file had before it was compressed.
import { toCompression } from '../compress/content-encoding.ts'
import { createCrc64 } from '../crc64/crc64.ts'
import { pieceBytes } from '../engine-deps.ts'
import type { DownloadJob } from '../job.ts'
import type { PartFile } from '../local/write-part.ts'
import type { RemoteFile } from '../remote.ts'
import { assertSum, attributesOf } from './download-sums.ts'
import type { FetchDeps } from './download.ts'
import { Halted } from './halt.ts'

/** Whether a remote content is stored compressed and wanted unpacked. */
export function isUnpacked(
  { decompress }: Pick<DownloadJob, 'decompress'>,
  { digests, properties }: RemoteFile,
): boolean {
  if (decompress === 'never' || !toCompression(properties.contentEncoding)) return false
  return decompress === 'always' || digests.sourceCrc64 !== undefined
}

/** Gives the unpacked content its final name; the part that held the packed one goes away. */
export async function commitUnpacked(
  deps: FetchDeps,
  segments: readonly string[],
  { packed, state }: { packed: PartFile; state: RemoteFile },
): Promise<void> {
  const unpacked = deps.folder.create(segments)
  try {
    const crc64 = await unpack(deps, state, { packed, unpacked })
    if (deps.job.integrity !== 'none') {
      assertSum(state.name, 'CRC-64 (unpacked)', state.digests.sourceCrc64, crc64)
    }
    unpacked.commit(attributesOf(deps, state))
  } catch (error) {
    unpacked.discard()
    throw error
  }
  packed.discard()
}

async function unpack(
  { pool, halt }: FetchDeps,
  { name, sizeBytes, properties }: RemoteFile,
  { packed, unpacked }: { packed: PartFile; unpacked: PartFile },
): Promise<string> {
  const compression = toCompression(properties.contentEncoding)
  if (compression === undefined) throw new Error(`“${name}” is not compressed`)
  const { createDecompressor } = await import('../compress/compress-undo.ts')
  const sum = createCrc64()
  let offset = 0
  const decompressor = createDecompressor(
    compression,
    (piece) => {
      const at = offset
      offset += piece.length
      sum.update(piece)
      return unpacked.write(piece, at)
    },
    { name },
  )
  const buffer = pool.take(pieceBytes)
  try {
    for (let at = 0; at < sizeBytes; at += pieceBytes) {
      if (halt.aborting.aborted) throw new Halted()
      const piece = buffer.subarray(0, Math.min(pieceBytes, sizeBytes - at))
      await packed.read(piece, at)
      await decompressor.write(piece)
    }
    await decompressor.end()
    return sum.digest()
  } finally {
    decompressor.destroy()
    pool.give(buffer)
  }
}
