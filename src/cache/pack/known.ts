// What a scope holds already, as far as it is looked at: the pieces of some of its trees. A piece in a frame
// of which little is still used is taken for unknown, so that old packs die out and restores stay short.
import type { Frame, Manifest, Piece } from './manifest.ts'
import { packName } from './manifest.ts'

/** Pieces by SHA-256. */
export type KnownPieces = ReadonlyMap<string, Piece>

const leastUsed = 0.4

/** The pieces of these trees of one scope that a save may name again. */
export function indexPieces(
  manifests: readonly Manifest[],
  mayReuse: (name: string) => boolean,
): KnownPieces {
  const known = new Map<string, Piece>()
  for (const manifest of manifests) {
    const used = measureUse(manifest)
    for (const { pieces } of manifest) {
      for (const piece of pieces) {
        const { frame, sha256 } = piece
        const isWorth = (used.get(frame) ?? 0) >= leastUsed * frame.plainBytes
        if (isWorth && !known.has(sha256) && mayReuse(packName(frame.pack)))
          known.set(sha256, piece)
      }
    }
  }
  return known
}

function measureUse(manifest: Manifest): Map<Frame, number> {
  const used = new Map<Frame, number>()
  const seen = new Set<Piece>()
  for (const { pieces } of manifest) {
    for (const piece of pieces) {
      if (seen.has(piece)) continue
      seen.add(piece)
      used.set(piece.frame, (used.get(piece.frame) ?? 0) + piece.sizeBytes)
    }
  }
  return used
}
