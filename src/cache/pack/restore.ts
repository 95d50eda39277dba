// Restores a tree from its manifest: files that are on the disk already stay, the frames of the others are
// read ahead, and every piece is held to its hash. Nothing is seen on the disk before all of it is right.
import { hash } from 'node:crypto'
import { closeSync, constants, openSync, readSync } from 'node:fs'

import { Fault } from '../../core/fault.ts'
import { boundsOf, type KeyDocument } from '../key-document.ts'
import type { Restored } from '../outcome.ts'
import type { CacheStore } from '../store.ts'
import type { Bounds } from '../tree/admit.ts'
import { describeEntry } from '../tree/entry.ts'
import type { Planting } from '../tree/plant.ts'
import { ContentGone, type FrameReader, openFrames } from './frames.ts'
import type { Manifest, PackedEntry, Piece } from './manifest.ts'
import { readManifest } from './read-manifest.ts'
import { encodeState, type StateFile, trustNow } from './state.ts'

/** What restoring needs. */
export type PackRestoreDeps = {
  store: CacheStore
  openPlanting: (bounds: Bounds) => Planting
  now: () => Date
  state: StateFile
}

/**
 * Restores what a key of the scope `folder` holds; undefined, with nothing changed, when something it names is
 * gone. Throws `cache_archive_invalid`, `cache_entry_refused`, `cache_disk_failed` with nothing changed.
 */
export async function restorePack(
  deps: PackRestoreDeps,
  document: KeyDocument,
  folder: string,
): Promise<Restored | undefined> {
  const { content, entries } = document
  const read = await readManifest(deps.store, document)
  if (!read || content.mode !== 'pack') return undefined
  const planting = deps.openPlanting(boundsOf(document))
  try {
    const kept = findKept(planting, read.tree)
    const frameBytes = await plantTree(deps.store, planting, read.tree, kept)
    if (frameBytes === undefined) return undefined
    planting.commit()
    const bytes = read.tree.reduce((sum, { entry }) => sum + entry.sizeBytes, 0)
    const remember = { folder, manifest: content.manifest, trustedBeforeMs: trustNow(deps.now()) }
    deps.state.write(encodeState({ ...remember, entries, bytes: document.bytes }, read.bytes))
    const readBytes = read.bytes.length + frameBytes
    return { entries: read.tree.length, bytes, readBytes, keptFiles: kept.size }
  } finally {
    planting.discard()
  }
}

// The bytes that were read; undefined when something is gone.
async function plantTree(
  store: CacheStore,
  planting: Planting,
  tree: Manifest,
  kept: ReadonlySet<PackedEntry>,
): Promise<number | undefined> {
  const missing = tree.filter((row) => !kept.has(row)).flatMap(({ pieces }) => pieces)
  const frames = openFrames(store, missing)
  try {
    for (const row of tree) {
      if (kept.has(row)) plantKept(planting, row)
      else if (row.pieces.length === 0) planting.add(row.entry)
      else await plantFile(planting, frames, row)
    }
    return frames.readBytes()
  } catch (error) {
    if (error instanceof ContentGone) return undefined
    throw error
  } finally {
    await frames.close()
  }
}

async function plantFile(
  planting: Planting,
  frames: FrameReader,
  { entry, pieces }: PackedEntry,
): Promise<void> {
  const file = planting.file(entry)
  try {
    for (const { frame, offset, sizeBytes, sha256 } of pieces) {
      const used = frames.use(frame)
      // Most files lie in the frame of the one before: no turn of the event loop for each of them.
      const plain = Buffer.isBuffer(used) ? used : await used
      const bytes = plain.subarray(offset, offset + sizeBytes)
      if (hash('sha256', bytes) !== sha256) {
        const sentence = `The content of ${describeEntry(entry)} is not the one that was saved.`
        throw new Fault('cache_archive_invalid', sentence)
      }
      file.write(bytes)
    }
  } catch (error) {
    closeQuietly(file)
    throw error
  }
  file.close()
}

function closeQuietly(file: { close: () => void }): void {
  try {
    file.close()
  } catch {
    // It is too short; why is being told.
  }
}

// Files that have the time, the mode and the content already.
function findKept(planting: Planting, tree: Manifest): Set<PackedEntry> {
  const kept = new Set<PackedEntry>()
  const memory = Buffer.allocUnsafeSlow(64 * 1024)
  for (const row of tree) {
    const { entry, pieces } = row
    if (pieces.length === 0 || entry.path.split('/').includes('..')) continue
    const found = planting.find(entry)
    if (found?.stats.isFile() !== true || found.stats.size !== entry.sizeBytes) continue
    const isOnTime = Math.abs(found.stats.mtimeMs - entry.modifiedAtMs) < 0.001
    if (!isOnTime || (found.stats.mode & 0o7777) !== entry.mode) continue
    if (holds(found.path, pieces, memory)) kept.add(row)
  }
  return kept
}

function plantKept(planting: Planting, { entry }: PackedEntry): void {
  const found = planting.find(entry)
  if (found && planting.keep(entry, found)) return
  throw new Fault(
    'cache_disk_failed',
    `The file ${describeEntry(entry)} changed while the cache was restored; nothing was changed.`,
  )
}

function holds(path: string, pieces: readonly Piece[], memory: Buffer): boolean {
  let fd: number
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
  } catch {
    return false
  }
  try {
    return pieces.every(({ sizeBytes, sha256 }) => {
      const bytes = sizeBytes <= memory.length ? memory : Buffer.allocUnsafeSlow(sizeBytes)
      const piece = bytes.subarray(0, sizeBytes)
      return (
        readSync(fd, piece, 0, sizeBytes, null) === sizeBytes && hash('sha256', piece) === sha256
      )
    })
  } catch {
    return false
  } finally {
    closeSync(fd)
  }
}
