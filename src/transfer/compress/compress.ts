// Compresses a source file before it is sent: small ones in memory, others into a temporary file that
// has no name any more. The same file gives the same bytes on every run, so that sync can compare.
import { type FileHandle, mkdtemp, open, rmdir, unlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { promisify } from 'node:util'
import {
  brotliCompress,
  constants,
  createBrotliCompress,
  createGzip,
  createZstdCompress,
  gzip,
  zstdCompress,
} from 'node:zlib'

import { Fault } from '../../core/fault.ts'
import type { Compression } from '../job.ts'
import { writingFault } from '../local/faults.ts'
import type { SourceFile } from '../local/read.ts'

/** Files up to this length are compressed in memory, which takes about twice their length. */
export const compressInMemoryBytes = 8 * 1024 * 1024

// Every read but the last is full, because the compressors' output depends on how input is cut.
const pieceBytes = 256 * 1024

// About the speed of a gzip of level 6 each. Workers of zstd are never asked for: with them Node 24
// gives an empty result without an error.
const gzipOptions = { level: 6 }
const brotliOptions = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }
const zstdOptions = {
  params: { [constants.ZSTD_c_compressionLevel]: 6, [constants.ZSTD_c_checksumFlag]: 1 },
}

/** What sees the plain bytes while they are compressed, in order; the memory is used again. */
export type OnPlain = (piece: Buffer) => void

/**
 * The compressed form of a source. Its `assertUnchanged` and `close` reach through to the source;
 * when it cannot be made, the source is still open. Throws reading faults and `transfer_disk_full`.
 */
export async function compressSource(
  source: SourceFile,
  compression: Compression,
  onPlain?: OnPlain,
): Promise<SourceFile> {
  const packed =
    source.sizeBytes <= compressInMemoryBytes
      ? await compressInMemory(source, compression, onPlain)
      : await compressToDisk(source, compression, onPlain)
  return {
    ...packed,
    sourceId: `${source.sourceId}\n${compression}`,
    assertUnchanged: () => source.assertUnchanged(),
    close: async () => {
      await packed.close()
      await source.close()
    },
  }
}

type Packed = Pick<SourceFile, 'sizeBytes' | 'readInto' | 'close'>

async function compressInMemory(
  source: SourceFile,
  compression: Compression,
  onPlain?: OnPlain,
): Promise<Packed> {
  const plain = Buffer.allocUnsafe(source.sizeBytes)
  if (plain.length > 0) await source.readInto(plain, 0)
  onPlain?.(plain)
  const bytes = await compressBytes(plain, compression)
  return {
    sizeBytes: bytes.length,
    close: async () => undefined,
    readInto: async (buffer, offset) => {
      if (bytes.copy(buffer, 0, offset) < buffer.length) throw tooShort()
    },
  }
}

const compressors = {
  gzip: promisify<Buffer, typeof gzipOptions, Buffer>(gzip),
  br: promisify<Buffer, typeof brotliOptions, Buffer>(brotliCompress),
  zstd: promisify<Buffer, typeof zstdOptions, Buffer>(zstdCompress),
}

async function compressBytes(plain: Buffer, compression: Compression): Promise<Buffer> {
  if (compression === 'gzip') return compressors.gzip(plain, gzipOptions)
  if (compression === 'br') return compressors.br(plain, brotliOptions)
  return compressors.zstd(plain, zstdOptions)
}

function createCompressor(compression: Compression) {
  const chunkSize = pieceBytes
  if (compression === 'gzip') return createGzip({ ...gzipOptions, chunkSize })
  return compression === 'br'
    ? createBrotliCompress({ ...brotliOptions, chunkSize })
    : createZstdCompress({ ...zstdOptions, chunkSize })
}

async function compressToDisk(
  source: SourceFile,
  compression: Compression,
  onPlain?: OnPlain,
): Promise<Packed> {
  const handle = await openNameless()
  try {
    let sizeBytes = 0
    const pieces = Readable.from(readPieces(source, onPlain), { objectMode: false })
    await pipeline(pieces, createCompressor(compression), async (output: AsyncIterable<Buffer>) => {
      for await (const piece of output) {
        await writeFully(handle, piece, sizeBytes)
        sizeBytes += piece.length
      }
    })
    return {
      sizeBytes,
      close: () => handle.close(),
      readInto: async (buffer, offset) => {
        for (let filled = 0; filled < buffer.length;) {
          const left = buffer.length - filled
          const { bytesRead } = await handle.read(buffer, filled, left, offset + filled)
          if (bytesRead === 0) throw tooShort()
          filled += bytesRead
        }
      },
    }
  } catch (error) {
    await handle.close()
    throw error
  }
}

async function* readPieces(source: SourceFile, onPlain?: OnPlain): AsyncGenerator<Buffer> {
  for (let offset = 0; offset < source.sizeBytes; offset += pieceBytes) {
    // The stream keeps what it was given, so every piece has memory of its own.
    const piece = Buffer.allocUnsafe(Math.min(pieceBytes, source.sizeBytes - offset))
    await source.readInto(piece, offset)
    onPlain?.(piece)
    yield piece
  }
}

async function writeFully(handle: FileHandle, piece: Buffer, offset: number): Promise<void> {
  try {
    for (let done = 0; done < piece.length;) {
      const left = piece.length - done
      const { bytesWritten } = await handle.write(piece, done, left, offset + done)
      done += bytesWritten
    }
  } catch (error) {
    throw writingFault(error, tmpdir())
  }
}

// Without a name nobody else can open it, and it is gone with the process, however that ends.
async function openNameless(): Promise<FileHandle> {
  try {
    const folder = await mkdtemp(join(tmpdir(), 'asd-'))
    const path = join(folder, 'compressed')
    try {
      const handle = await open(path, 'wx+', 0o600)
      await unlink(path)
      return handle
    } finally {
      await rmdir(folder)
    }
  } catch (error) {
    throw writingFault(error, tmpdir())
  }
}

function tooShort(): Fault {
  return new Fault('transfer_file_changed', 'The compressed form of a file became shorter.')
}
