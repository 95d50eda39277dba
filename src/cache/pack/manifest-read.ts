// Reads manifests, of which nothing is believed: who may write into a scope may write any bytes. Every number
// is held to its bounds, so that nothing outside of the scope's packs and of the roots can be named.
import { Fault } from '../../core/fault.ts'
import { decompressFrame, maxFrameBytes } from '../archive/zstd-frame.ts'
import type { Bounds } from '../tree/admit.ts'
import type { Entry, EntryKind } from '../tree/entry.ts'
import { type Columns, kindLetters, manifestHeadBytes, manifestMagic } from './manifest-write.ts'
import type { Frame, Manifest, PackedEntry, Piece } from './manifest.ts'

/** The longest manifest, compressed and not; half a million files have about as much. */
export const manifestLimits = { packedBytes: 64 * 1024 * 1024, plainBytes: 96 * 1024 * 1024 }

const hashBytes = 32
const kinds: ReadonlyMap<string, EntryKind> = new Map([
  [kindLetters.file, 'file'],
  [kindLetters.folder, 'folder'],
  [kindLetters.symlink, 'symlink'],
  [kindLetters.hardlink, 'hardlink'],
])

/** Decodes a tree that is within the bounds its key tells; throws `cache_archive_invalid`. */
export async function decodeManifest(bytes: Buffer, bounds: Bounds): Promise<Manifest> {
  if (bytes.length < manifestHeadBytes) throw invalid('it is too short')
  if (bytes.toString('latin1', 0, 8) !== manifestMagic) throw invalid('it is none')
  const [plainBytes, jsonBytes] = [bytes.readUInt32LE(8), bytes.readUInt32LE(12)]
  if (plainBytes > manifestLimits.plainBytes) throw invalid('it grows too long')
  const plain = await decompressFrame(bytes.subarray(manifestHeadBytes), plainBytes)
  if (jsonBytes > plainBytes) throw invalid('its columns end behind it')
  const columns = readColumns(plain.toString('utf8', 0, jsonBytes))
  const pieces = readPieces(columns, plain.subarray(jsonBytes))
  return readEntries(columns, pieces, bounds)
}

function readColumns(json: string): Columns {
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (cause) {
    throw invalid('its columns are no JSON', cause)
  }
  if (!isColumns(value)) throw invalid('a column is missing')
  return value
}

const [numberColumns, textColumns] = [
  ['roots', 'shared', 'modes', 'counts', 'refs'],
  ['packs', 'paths', 'targets'],
] as const

function isColumns(value: unknown): value is Columns {
  if (typeof value !== 'object' || value === null) return false
  const of = (name: string): unknown => Object.getOwnPropertyDescriptor(value, name)?.value
  const areNumbers = (column: unknown) => Array.isArray(column) && column.every(isCount)
  const isTable = (table: unknown, width: number) =>
    Array.isArray(table) && table.length === width && table.every(areNumbers)
  const times = of('times')
  return (
    isTable(of('frames'), 4) &&
    isTable(of('pieces'), 3) &&
    numberColumns.every((name) => areNumbers(of(name))) &&
    textColumns.every((name) => isTexts(of(name))) &&
    typeof of('kinds') === 'string' &&
    Array.isArray(times) &&
    times.every((time) => Number.isFinite(time))
  )
}

function isCount(value: unknown): boolean {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}

function isTexts(column: unknown): boolean {
  return Array.isArray(column) && column.every((text) => typeof text === 'string')
}

function readPieces(columns: Columns, hashes: Buffer): Piece[] {
  const frames = readFrames(columns)
  const [frameOf, offsets, sizes] = columns.pieces
  if (hashes.length !== frameOf.length * hashBytes) throw invalid('hashes are missing')
  return frameOf.map((number, index): Piece => {
    const frame = frames[number]
    const [offset = -1, sizeBytes = -1] = [offsets[index], sizes[index]]
    if (!frame || offset < 0 || sizeBytes < 1 || offset + sizeBytes > frame.plainBytes) {
      throw invalid('a piece lies outside of its frame')
    }
    const sha256 = hashes.toString('hex', index * hashBytes, (index + 1) * hashBytes)
    return { sha256, frame, offset, sizeBytes }
  })
}

function readFrames({ packs, frames }: Columns): Frame[] {
  if (!packs.every((pack) => /^[0-9a-f]{64}$/.test(pack))) throw invalid('a pack has no name')
  const [packOf, offsets, packed, plain] = frames
  return packOf.map((number, index): Frame => {
    const pack = packs[number]
    const [offset, packedBytes, plainBytes] = [offsets[index], packed[index], plain[index]]
    const isWhole = offset !== undefined && packedBytes !== undefined && plainBytes !== undefined
    if (pack === undefined || !isWhole || Math.max(packedBytes, plainBytes) > maxFrameBytes) {
      throw invalid('a frame is none')
    }
    return { pack, offset, packedBytes, plainBytes }
  })
}

function readEntries(columns: Columns, pieces: readonly Piece[], bounds: Bounds): PackedEntry[] {
  const rows = columns.kinds.length
  if (rows > bounds.entries) throw invalid('it has more entries than its key tells')
  const { roots, shared, paths, modes, times, counts } = columns
  if ([roots, shared, paths, modes, times, counts].some(({ length }) => length !== rows)) {
    throw invalid('its columns are not equally long')
  }
  const at = { row: 0, path: '', ref: 0, target: 0 }
  const manifest: PackedEntry[] = []
  let bytes = 0
  for (; at.row < rows; at.row += 1) {
    const row = readEntry(columns, pieces, at)
    bytes += row.entry.sizeBytes
    manifest.push(row)
  }
  if (bytes > bounds.bytes) throw invalid('it has more bytes than its key tells')
  return manifest
}

// `at` goes on with what the entry takes.
function readEntry(
  columns: Columns,
  pieces: readonly Piece[],
  at: { row: number; path: string; ref: number; target: number },
): PackedEntry {
  const kind = kinds.get(columns.kinds[at.row] ?? '')
  const of = (column: readonly number[]) => column[at.row] ?? 0
  const mode = of(columns.modes)
  if (kind === undefined || mode > 0o7777) throw invalid('an entry has no kind or mode')
  at.path = at.path.slice(0, of(columns.shared)) + (columns.paths[at.row] ?? '')
  const end = at.ref + of(columns.counts)
  const own = columns.refs.slice(at.ref, end).map((ref) => pieces[ref])
  at.ref = end
  if (!areThere(own) || (kind !== 'file' && own.length > 0)) throw invalid('a piece is missing')
  const isLink = kind === 'symlink' || kind === 'hardlink'
  const target = isLink ? columns.targets[at.target++] : ''
  if (target === undefined) throw invalid('a link leads nowhere')
  const sizeBytes = own.reduce((sum, piece) => sum + piece.sizeBytes, 0)
  const entry: Entry = {
    root: of(columns.roots),
    path: at.path,
    kind,
    mode,
    modifiedAtMs: of(columns.times),
    sizeBytes,
    target,
  }
  return { entry, pieces: own }
}

function areThere(pieces: readonly (Piece | undefined)[]): pieces is Piece[] {
  return pieces.every((piece) => piece !== undefined)
}

function invalid(why: string, cause?: unknown): Fault {
  return new Fault('cache_archive_invalid', `The manifest is damaged: ${why}.`, { cause })
}
