// What a tree consists of and where its contents lie: entries in the order of the walk, the pieces of
// their files by SHA-256, the frames that hold the pieces, and the packs that hold the frames.
import type { Entry } from '../tree/entry.ts'

/** A compressed frame in a pack; `pack` is the SHA-256 of the pack, in hex. */
export type Frame = { pack: string; offset: number; packedBytes: number; plainBytes: number }

/** A piece of a file, `offset` bytes into its frame. */
export type Piece = { sha256: string; frame: Frame; offset: number; sizeBytes: number }

/** An entry with the pieces of its content, in order; empty for everything but files with content. */
export type PackedEntry = { entry: Entry; pieces: readonly Piece[] }

/** A tree. */
export type Manifest = readonly PackedEntry[]

/** Where a pack lies in its scope. */
export function packName(sha256: string): string {
  return `packs/${sha256}`
}

/** Names of all packs that a tree needs. */
export function packsOf(manifest: Manifest): string[] {
  const packs = new Set<string>()
  for (const { pieces } of manifest) for (const { frame } of pieces) packs.add(frame.pack)
  return [...packs].map(packName)
}
