// Where things lie in the memory of the CRC-64 module; its code and its caller agree on this. What
// lies before the data stays zero, and sixteen-byte steps may run over the end of an area into a gap.

/** The longest piece that is summed at once. */
export const pieceBytes = 128 * 1024
/** How much of a long piece the tables see: the rest is folded into it. */
export const foldBytes = 2210
/** Room behind an area. */
export const gapBytes = 64
/** 256 rows of eight bytes. */
export const tableBytes = 256 * 8
/** The eight tables; the running value lies before them, at 0. */
export const tablesAt = 64
/** Where the bytes to be summed are put. */
export const dataAt = tablesAt + 8 * tableBytes + 2240
/** The length of the memory in pages of 64 KiB: all this, and the tail of a folded piece. */
export const memoryPages = Math.ceil((dataAt + pieceBytes + foldBytes + 4 * gapBytes) / 65_536)
