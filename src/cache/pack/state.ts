// What a build's own disk remembers of the tree that was restored or saved last: its manifest, and the
// moment before which a file must have been touched last to be still what the manifest says. A hint for
// speed alone: without it files are read again.
import type { Named } from '../key-document.ts'
import type { Sighting } from '../tree/walk.ts'
import type { Manifest, Piece } from './manifest.ts'

/** What is remembered; `folder` names the scope the manifest lies in. */
export type TreeState = {
  folder: string
  manifest: Named
  /** Milliseconds since 1970 on this machine's clock. */
  trustedBeforeMs: number
  /** Bounds for reading the manifest. */
  entries: number
  bytes: number
}

/** Where states are kept; reading one that is not there or damaged gives undefined. */
export type StateFile = {
  read: () => Buffer | undefined
  write: (bytes: Buffer) => void
}

// The clock of file times is behind the clock by one tick of the kernel.
const tickMs = 20
const maxHeadBytes = 64 * 1024

/** The moment to trust from, for a tree that was looked at or planted just now. */
export function trustNow(now: Date): number {
  return now.getTime() - tickMs
}

/** A state as bytes, with the bytes of its manifest. */
export function encodeState(state: TreeState, manifest: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${JSON.stringify({ version: 1, ...state })}\n`), manifest])
}

/** A state, and the bytes of its manifest; undefined when it is none. */
export function decodeState(
  bytes: Buffer | undefined,
): { state: TreeState; manifest: Buffer } | undefined {
  const end = bytes?.subarray(0, maxHeadBytes).indexOf(0x0a) ?? -1
  if (!bytes || end < 0) return undefined
  const state = parse(bytes.toString('utf8', 0, end))
  return state && { state, manifest: bytes.subarray(end + 1) }
}

/** The pieces of a file that was not touched since, as the manifest has them. */
export function createMemory(
  manifest: Manifest,
  trustedBeforeMs: number,
): (sighting: Sighting) => readonly Piece[] | undefined {
  const rows = new Map(manifest.map((row) => [`${row.entry.root}/${row.entry.path}`, row]))
  return ({ entry, changedAtMs }) => {
    const row = rows.get(`${entry.root}/${entry.path}`)
    if (!row || changedAtMs >= trustedBeforeMs || row.entry.kind !== 'file') return undefined
    const { sizeBytes, modifiedAtMs } = row.entry
    const isSame = sizeBytes === entry.sizeBytes && isNear(modifiedAtMs, entry.modifiedAtMs)
    return isSame ? row.pieces : undefined
  }
}

// A time that was set is read back with the rounding of a double.
function isNear(one: number, other: number): boolean {
  return Math.abs(one - other) < 0.001
}

function parse(text: string): TreeState | undefined {
  try {
    const value = JSON.parse(text) as Partial<TreeState & { version: number }> | null
    const { version, folder, manifest, trustedBeforeMs, entries, bytes } = value ?? {}
    const isWhole =
      version === 1 &&
      typeof folder === 'string' &&
      typeof trustedBeforeMs === 'number' &&
      typeof entries === 'number' &&
      typeof bytes === 'number' &&
      typeof manifest?.name === 'string' &&
      typeof manifest.sha256 === 'string' &&
      typeof manifest.sizeBytes === 'number'
    return isWhole ? { folder, manifest, trustedBeforeMs, entries, bytes } : undefined
  } catch {
    return undefined
  }
}
