// Single frames of zstd (RFC 8878), each compressed for itself on the thread pool, so that several are
// made and read at once. Never by ZSTD_c_nbWorkers: Node's zlib then returns an empty buffer.
import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'

import { Fault } from '../../core/fault.ts'

/** Bytes of the archive in one frame; more would hardly compress better, and keep the threads waiting. */
export const frameBytes = 4 * 1024 * 1024

/** Most bytes that a frame of any archive may hold. */
export const maxFrameBytes = 16 * 1024 * 1024

const maxWindowLog = 24
const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

/** Compresses bytes into one frame. */
export async function compressFrame(plain: Buffer, level: number): Promise<Buffer> {
  const frame = await compress(plain, {
    // Room for everything: each time the room is full costs a turn through the thread pool.
    chunkSize: plain.length + Math.ceil(plain.length / 128) + 1024,
    pledgedSrcSize: plain.length,
    params: { [constants.ZSTD_c_compressionLevel]: level },
  })
  // The room is much larger than what came to lie in it.
  return frame.length < plain.length / 2 ? Buffer.from(frame) : frame
}

/** Reads one frame of exactly `plainBytes`, at most `maxFrameBytes`; throws `cache_archive_invalid`. */
export async function decompressFrame(frame: Buffer, plainBytes: number): Promise<Buffer> {
  const invalid = (cause?: unknown) =>
    new Fault('cache_archive_invalid', 'The archive is damaged: a frame of it cannot be read.', {
      cause,
    })
  let plain: Buffer
  try {
    plain = await decompress(frame, {
      chunkSize: Math.max(plainBytes, 64),
      maxOutputLength: plainBytes,
      params: { [constants.ZSTD_d_windowLogMax]: maxWindowLog },
    })
  } catch (cause) {
    throw invalid(cause)
  }
  if (plain.length !== plainBytes) throw invalid()
  return plain
}
