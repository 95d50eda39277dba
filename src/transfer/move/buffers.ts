// Buffers that are used again: fresh ones would wait for the garbage collector outside of the heap
// and let the step's memory grow far beyond the byte budget.

/** A store of buffers in a few dozen lengths. */
export type BufferPool = {
  /** A buffer of exactly `sizeBytes`, part of a pooled one; its content is arbitrary. */
  take: (sizeBytes: number) => Buffer
  /** Gives back what `take` gave; the caller must not look at it any more. */
  give: (buffer: Buffer) => void
}

const smallestBytes = 4096
const emptyBuffer = Buffer.alloc(0)

/** A pool that keeps at most `keepBytes` of unused memory; what is given back beyond that is let go. */
export function createBufferPool(keepBytes: number): BufferPool {
  const free = new Map<number, ArrayBufferLike[]>()
  let keptBytes = 0
  return {
    take: (sizeBytes) => {
      if (sizeBytes === 0) return emptyBuffer
      const length = toPooledBytes(sizeBytes)
      const memory = free.get(length)?.pop()
      if (memory === undefined) return Buffer.allocUnsafeSlow(length).subarray(0, sizeBytes)
      keptBytes -= length
      return Buffer.from(memory, 0, sizeBytes)
    },
    give: ({ buffer: memory }) => {
      const length = memory.byteLength
      if (length < smallestBytes || keptBytes + length > keepBytes) return
      keptBytes += length
      const sameLength = free.get(length)
      if (sameLength) sameLength.push(memory)
      else free.set(length, [memory])
    },
  }
}

/** The memory behind a buffer of `sizeBytes`: at least 4 KiB, and at most a quarter more than asked for. */
export function toPooledBytes(sizeBytes: number): number {
  if (sizeBytes <= smallestBytes) return smallestBytes
  // Four lengths from one power of two to the next.
  const step = 2 ** Math.floor(Math.log2(sizeBytes - 1)) / 4
  return Math.ceil(sizeBytes / step) * step
}
