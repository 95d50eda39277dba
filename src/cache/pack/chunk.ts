// Cuts long files where their content says so (FastCDC, Xia et al., USENIX ATC 2016: two masks around the
// wanted length), so that a change moves few cuts. Files up to one longest piece are one piece.
import { createHash } from 'node:crypto'

const mebibyte = 1024 * 1024

/** Shortest, usual and longest piece of a long file, bytes. */
export const pieceLimits = { least: mebibyte / 4, usual: mebibyte, most: 4 * mebibyte } as const

// Where a piece is still short a cut has to be rarer, where it is long more frequent, than one in 2^20.
const [strictMask, looseMask] = [maskOf(22), maskOf(18)]
const gears = makeGears()

/** Length of the piece that `bytes` begin with; `isWhole` says that nothing comes after them. */
export function cutPiece(bytes: Buffer, isWhole: boolean): number | undefined {
  const { least, usual, most } = pieceLimits
  const end = Math.min(bytes.length, most)
  const middle = Math.min(end, usual)
  let gear = 0
  let at = Math.min(end, least)
  for (; at < middle; at += 1) {
    gear = ((gear << 1) + (gears[bytes[at] ?? 0] ?? 0)) | 0
    if ((gear & strictMask) === 0) return at + 1
  }
  for (; at < end; at += 1) {
    gear = ((gear << 1) + (gears[bytes[at] ?? 0] ?? 0)) | 0
    if ((gear & looseMask) === 0) return at + 1
  }
  return isWhole || end === most ? end : undefined
}

// The upper bits depend on the most bytes before them.
function maskOf(bits: number): number {
  return (-1 << (32 - bits)) | 0
}

// The same for ever: other numbers would cut everything elsewhere.
function makeGears(): Int32Array {
  const gear = (byte: number) =>
    createHash('sha256').update(`azure-storage-drone gear ${byte}`).digest().readInt32LE()
  return Int32Array.from({ length: 256 }, (_, byte) => gear(byte))
}
