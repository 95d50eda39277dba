// The content of a lab file: written stretches in order, holes between them that read as zeros
// (Azure Files REST, "Put Range", "List Ranges").

/** One written stretch. */
export type Extent = { offset: number; bytes: Buffer }

/** Bytes `from` to `to`, both included. */
export type ByteRange = { from: number; to: number }

/** The extents with this stretch written over them; without bytes it becomes a hole. */
export function overwrite(
  extents: readonly Extent[],
  { from, to }: ByteRange,
  bytes?: Buffer,
): Extent[] {
  const kept = extents.flatMap((extent) => withoutRange(extent, from, to))
  if (bytes === undefined || bytes.length === 0) return kept
  const at = kept.findIndex((extent) => extent.offset > from)
  return kept.toSpliced(at < 0 ? kept.length : at, 0, { offset: from, bytes })
}

/** The bytes of a range, holes filled with zeros, in pieces to be sent one after the other. */
export function readPieces(extents: readonly Extent[], { from, to }: ByteRange): Buffer[] {
  const pieces: Buffer[] = []
  let at = from
  for (const { offset, bytes } of extents) {
    const end = offset + bytes.length
    if (end <= at || offset > to) continue
    if (offset > at) pieces.push(Buffer.alloc(offset - at))
    const start = Math.max(offset, at)
    pieces.push(bytes.subarray(start - offset, Math.min(end, to + 1) - offset))
    at = Math.min(end, to + 1)
  }
  if (at <= to) pieces.push(Buffer.alloc(to + 1 - at))
  return pieces
}

/** The written ranges inside of `within`, neighbours joined. */
export function listRanges(extents: readonly Extent[], within: ByteRange): ByteRange[] {
  const ranges: ByteRange[] = []
  for (const { offset, bytes } of extents) {
    const from = Math.max(offset, within.from)
    const to = Math.min(offset + bytes.length - 1, within.to)
    if (from > to) continue
    const last = ranges.at(-1)
    if (last && last.to + 1 === from) last.to = to
    else ranges.push({ from, to })
  }
  return ranges
}

/** How many bytes the extents hold. */
export function storedBytes(extents: readonly Extent[]): number {
  return extents.reduce((sum, { bytes }) => sum + bytes.length, 0)
}

function withoutRange({ offset, bytes }: Extent, from: number, to: number): Extent[] {
  const end = offset + bytes.length
  if (end <= from || offset > to) return [{ offset, bytes }]
  const rest: Extent[] = []
  if (offset < from) rest.push({ offset, bytes: bytes.subarray(0, from - offset) })
  if (end > to + 1) rest.push({ offset: to + 1, bytes: bytes.subarray(to + 1 - offset) })
  return rest
}
