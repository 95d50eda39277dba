// Buffers that are used again: fresh ones would wait for the garbage collector outside of the heap
// and let the step's memory grow far beyond the byte budget.

/** A store of equally long buffers. */
export type BufferPool = {
  /** A buffer of exactly `sizeBytes`, part of a pooled one; its content is arbitrary. */
  take: (sizeBytes: number) => Buffer
  /** Gives back what `take` gave; the caller must not look at it any more. */
  give: (buffer: Buffer) => void
}

/** A pool of buffers of `pieceBytes`; longer wishes get a buffer of their own. */
export function createBufferPool(pieceBytes: number): BufferPool {
  const free: ArrayBufferLike[] = []
  return {
    take: (sizeBytes) => {
      // Node's own slab serves the small ones well.
      if (sizeBytes <= pieceBytes / 8 || sizeBytes > pieceBytes)
        return Buffer.allocUnsafe(sizeBytes)
      const memory = free.pop() ?? Buffer.allocUnsafeSlow(pieceBytes).buffer
      return Buffer.from(memory, 0, sizeBytes)
    },
    give: (buffer) => {
      const { buffer: memory, byteOffset } = buffer
      if (byteOffset === 0 && memory.byteLength === pieceBytes) free.push(memory)
    },
  }
}
