// Unpacks content that was compressed on the way, piece by piece, and ends it when it grows beyond all
// reason: whoever may write to the remote place must not fill the disk of the build machine.
import { createBrotliDecompress, createGunzip, createZstdDecompress } from 'node:zlib'

import { Fault, messageOf } from '../../core/fault.ts'
import type { Compression } from '../job.ts'

/** How far content may grow: always to `freeBytes`, beyond that `ratio` times what came in. */
export type Bounds = { freeBytes: number; ratio: number }

/** 256 MiB are free; beyond that a text may shrink to 1/500 (gzip cannot do better than 1/1,032). */
export const usualBounds: Bounds = { freeBytes: 256 * 1024 * 1024, ratio: 500 }

/** A running decompression; exactly one of `end` and `destroy` ends it. */
export type Decompressor = {
  /** Takes a piece in order; its memory is free again when this has ended. */
  write: (piece: Buffer) => Promise<void>
  /** After the last piece; throws `transfer_encoding_invalid` when the content is not whole. */
  end: () => Promise<void>
  /** Lets go of everything; never throws. */
  destroy: () => void
}

/**
 * Unpacks what is written to it into `onPiece`, whose promise holds back the next piece. Throws
 * `transfer_encoding_invalid`, `transfer_expands_too_far`, and whatever `onPiece` throws.
 */
export function createDecompressor(
  compression: Compression,
  onPiece: (piece: Buffer) => Promise<void> | undefined,
  { name, bounds = usualBounds }: { name: string; bounds?: Bounds },
): Decompressor {
  let [cameIn, wentOut] = [0, 0]
  const take = async (piece: Buffer) => {
    wentOut += piece.length
    if (wentOut > Math.max(bounds.freeBytes, cameIn * bounds.ratio)) {
      throw new Fault(
        'transfer_expands_too_far',
        `“${name}” grew from ${cameIn} to ${wentOut} bytes and more while it was unpacked; ${bounds.ratio} times its length is the limit.`,
      )
    }
    await onPiece(piece)
  }
  const start = () => startFrame(createStream(compression), take)
  const guarded = async (work: Promise<void>) => {
    try {
      await work
    } catch (error) {
      throw isOfStream(error) ? damaged(name, compression, error) : error
    }
  }
  let frame = start()
  return {
    write: async (piece) => {
      cameIn += piece.length
      for (let rest = piece; rest.length > 0;) {
        const before = frame.stream.bytesWritten
        await guarded(Promise.race([frame.write(rest), frame.done]))
        rest = rest.subarray(frame.stream.bytesWritten - before)
        if (rest.length === 0) return
        // Bytes are left over only when the frame has ended, or has failed.
        await guarded(frame.done)
        // Only zstd is allowed to be several frames, which Node reads one of at a time.
        if (compression !== 'zstd')
          throw damaged(name, compression, 'something lies behind its end')
        frame = start()
      }
    },
    end: async () => {
      frame.stream.end()
      await guarded(frame.done)
    },
    destroy: () => {
      frame.stream.destroy()
    },
  }
}

type Stream = ReturnType<typeof createStream>

type Frame = {
  stream: Stream
  /** Resolves when the frame needs the bytes no more; it may have left some over. */
  write: (bytes: Buffer) => Promise<void>
  /** Resolves at the end of the frame, when all of it was passed on. */
  done: Promise<void>
}

function startFrame(stream: Stream, take: (piece: Buffer) => Promise<void>): Frame {
  // Errors reach the loop below; one that comes after it must not end the process.
  stream.on('error', () => undefined)
  const pump = async () => {
    for await (const piece of stream) if (Buffer.isBuffer(piece)) await take(piece)
  }
  const done = pump()
  // Whoever waits for it gets the error; when nobody does, there is nobody to tell.
  done.catch(() => undefined)
  return {
    stream,
    done,
    write: (bytes) =>
      new Promise((resolve) => {
        stream.write(bytes, () => resolve())
      }),
  }
}

function createStream(compression: Compression) {
  if (compression === 'gzip') return createGunzip()
  return compression === 'br' ? createBrotliDecompress() : createZstdDecompress()
}

function isOfStream(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return /^(Z_|ERR_|ZSTD_)/.test(code)
}

function damaged(name: string, compression: Compression, cause: unknown): Fault {
  return new Fault(
    'transfer_encoding_invalid',
    `“${name}” says it is ${compression}, and cannot be unpacked: ${messageOf(cause).replace(/\.$/, '')}.`,
    { cause },
  )
}
