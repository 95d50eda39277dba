// The frames that a restore needs, read ahead in the order of their first use: neighbours of a pack in one
// request, several requests and several frames at once. A frame is kept until its last use, or until
// memory runs short; then it is read again.
import { Fault } from '../../core/fault.ts'
import { mapInOrder } from '../archive/in-order.ts'
import { decompressFrame } from '../archive/zstd-frame.ts'
import type { CacheStore } from '../store.ts'
import { type Frame, packName, type Piece } from './manifest.ts'

/** Frames of one restore. */
export type FrameReader = {
  /** The plain bytes of a frame, for one use of it; throws `ContentGone`, `cache_archive_invalid`. */
  use: (frame: Frame) => Promise<Buffer> | Buffer
  /** Bytes that came from storage. */
  readBytes: () => number
  /** Waits until nothing is under way any more. */
  close: () => Promise<void>
}

/** Neighbouring frames that one request reads. */
type Span = { pack: string; from: number; sizeBytes: number; frames: Frame[] }

const spanBytes = 4 * 1024 * 1024
// What lies between two frames is read along when it costs less than another request.
const gapBytes = 128 * 1024
const [readsUnderWay, framesUnderWay] = [6, 4]
const memoryBytes = 64 * 1024 * 1024

/** Begins to read the frames of these pieces, given in the order of their use. */
export function openFrames(store: CacheStore, pieces: readonly Piece[]): FrameReader {
  const uses = new Map<Frame, number>()
  for (const { frame } of pieces) uses.set(frame, (uses.get(frame) ?? 0) + 1)
  const held = new Map<Frame, Buffer>()
  let [heldBytes, readBytes] = [0, 0]
  const readSpan = async (span: Span) => {
    const bytes = await store.readRange(packName(span.pack), span)
    readBytes += bytes?.length ?? 0
    return { span, bytes }
  }
  const ahead = unpackAhead(readSpan, [...uses.keys()])

  const hold = (frame: Frame, bytes: Buffer) => {
    for (const [other, { length }] of held) {
      if (heldBytes + bytes.length <= memoryBytes) break
      held.delete(other)
      heldBytes -= length
    }
    held.set(frame, bytes)
    heldBytes += bytes.length
  }
  const count = (frame: Frame, bytes: Buffer): Buffer => {
    const left = (uses.get(frame) ?? 1) - 1
    uses.set(frame, left)
    const isHeld = held.has(frame)
    if (left > 0 && !isHeld) hold(frame, bytes)
    if (left === 0 && isHeld) {
      held.delete(frame)
      heldBytes -= bytes.length
    }
    return bytes
  }
  // Those told already and not held any more are not told again.
  const told = new Set<Frame>()
  const fetch = async (frame: Frame): Promise<Buffer> => {
    if (told.has(frame)) {
      const span = {
        pack: frame.pack,
        from: frame.offset,
        sizeBytes: frame.packedBytes,
        frames: [frame],
      }
      return count(frame, await unpack(frame, (await readSpan(span)).bytes, 0))
    }
    for (;;) {
      const next = await ahead.next()
      if (next.done === true) throw new Error('a frame was asked for that nobody announced')
      told.add(next.value.frame)
      if (next.value.frame === frame) return count(frame, next.value.bytes)
      hold(next.value.frame, next.value.bytes)
    }
  }
  return {
    use: (frame) => {
      const bytes = held.get(frame)
      return bytes ? count(frame, bytes) : fetch(frame)
    },
    readBytes: () => readBytes,
    close: async () => {
      await ahead.return(undefined)
    },
  }
}

/** Thrown in place of content that is not there any more. */
export class ContentGone extends Error {}

type Read = { span: Span; bytes: Buffer | undefined }

async function* unpackAhead(
  readSpan: (span: Span) => Promise<Read>,
  frames: readonly Frame[],
): AsyncGenerator<{ frame: Frame; bytes: Buffer }> {
  async function* packed() {
    for await (const { span, bytes } of mapInOrder(spansOf(frames), readsUnderWay, readSpan)) {
      for (const frame of span.frames) yield { frame, bytes, at: frame.offset - span.from }
    }
  }
  yield* mapInOrder(packed(), framesUnderWay, async ({ frame, bytes, at }) => ({
    frame,
    bytes: await unpack(frame, bytes, at),
  }))
}

async function unpack(frame: Frame, bytes: Buffer | undefined, at: number): Promise<Buffer> {
  if (!bytes) throw new ContentGone(`${packName(frame.pack)} is gone`)
  const packed = bytes.subarray(at, at + frame.packedBytes)
  if (packed.length === frame.packedBytes) return await decompressFrame(packed, frame.plainBytes)
  throw new Fault(
    'cache_archive_invalid',
    'A pack is damaged: it is shorter than its manifest tells.',
  )
}

function* spansOf(frames: readonly Frame[]): Generator<Span> {
  let span: Span | undefined
  for (const frame of frames) {
    const end = span && span.from + span.sizeBytes
    const isNext =
      span?.pack === frame.pack &&
      end !== undefined &&
      frame.offset >= end &&
      frame.offset - end <= gapBytes &&
      frame.offset + frame.packedBytes - span.from <= spanBytes
    if (span && isNext) {
      span.sizeBytes = frame.offset + frame.packedBytes - span.from
      span.frames.push(frame)
      continue
    }
    if (span) yield span
    span = { pack: frame.pack, from: frame.offset, sizeBytes: frame.packedBytes, frames: [frame] }
  }
  if (span) yield span
}
