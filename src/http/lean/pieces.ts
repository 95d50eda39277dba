// Buffers that request bodies pass through; one is taken for each request that is being written.

/** A store of equal buffers; what was given back is taken again first. */
export type Pieces = { take: () => Buffer; give: (piece: Buffer) => void }

/** Makes a store that grows with the number of buffers in use at once, and keeps `keep` of them. */
export function createPieces(sizeBytes: number, keep: number): Pieces {
  const free: Buffer[] = []
  return {
    take: () => free.pop() ?? Buffer.allocUnsafeSlow(sizeBytes),
    give: (piece) => {
      if (free.length < keep) free.push(piece)
    },
  }
}
