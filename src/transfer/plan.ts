// Decides, before the first byte moves, what goes where and in which pieces.
import { Fault } from '../core/fault.ts'
import type { BlobClient } from './blob/client.ts'
import { findBlobs, type FoundBlob } from './blob/find.ts'
import { assertBlobName } from './blob/names.ts'
import { guessContentType } from './content-type.ts'
import { findFiles, type LocalFile } from './local/find.ts'
import { toSafeSegments } from './local/paths.ts'
import {
  joinName,
  joinSelections,
  mergeByName,
  parseSource,
  requireFiles,
  type Selection,
  type Skipped,
} from './select.ts'

/** One file to upload. */
export type UploadItem = {
  path: string
  blobName: string
  sizeBytes: number
  contentType: string
}

/** One blob to download; `segments` is its path below the target folder. */
export type DownloadItem = { blobName: string; segments: string[]; sizeBytes: number }

/** All items of one direction, sorted by name, with what was left out. */
export type Plan<Item> = { items: Item[]; totalBytes: number; skipped: Skipped }

/** Which sources to take and where they go. */
export type PlanRequest = { sources: readonly string[]; target: string; dotfiles: boolean }

/** Blobs up to this size are one request; longer ones are blocks or ranges of it (8 MiB). */
export const blockBytes = 8 * 1024 * 1024

const maxBlocks = 50_000

/** The block length for a file: 8 MiB, in steps of 8 MiB more when 50,000 blocks do not suffice. */
export function chooseBlockBytes(sizeBytes: number): number {
  return blockBytes * Math.max(1, Math.ceil(sizeBytes / maxBlocks / blockBytes))
}

/** Finds the files of all sources and names their blobs. */
export async function planUpload(request: PlanRequest): Promise<Plan<UploadItem>> {
  const selection = await select(request, (source) => findFiles(source, request))
  const items = selection.found.map(({ place, below }) => {
    const blobName = joinName(request.target, below)
    assertBlobName(blobName)
    return { ...place, blobName, contentType: guessContentType(below) }
  })
  const merged = mergeByName(items, {
    nameOf: (item) => item.blobName,
    placeOf: (item) => item.path,
  })
  return toPlan(merged, selection)
}

/** Finds the blobs of all sources and names their files below the target folder. */
export async function planDownload(
  { client }: { client: BlobClient },
  request: PlanRequest,
): Promise<Plan<DownloadItem>> {
  const selection = await select(request, (source) => findBlobs(client, source, request))
  const items = selection.found.map(({ place, below }) => ({
    blobName: place.name,
    sizeBytes: place.sizeBytes,
    segments: toSafeSegments(below),
  }))
  const nameOf = (item: DownloadItem) => item.segments.join('/')
  const merged = mergeByName(items, { nameOf, placeOf: (item) => item.blobName })
  assertNoFolderClash(merged)
  return toPlan(merged, selection)
}

async function select<Place extends LocalFile | FoundBlob>(
  { sources, dotfiles }: PlanRequest,
  find: (source: ReturnType<typeof parseSource>) => Promise<Selection<Place>>,
): Promise<Selection<Place>> {
  const selections: Selection<Place>[] = []
  for (const text of sources) selections.push(await find(parseSource(text, { dotfiles })))
  const selection = joinSelections(selections)
  requireFiles(selection.found.length, sources, selection.skipped)
  return selection
}

// Blob Storage has room for `a` and `a/b` side by side, a file system has not.
function assertNoFolderClash(items: readonly DownloadItem[]): void {
  const files = new Map(items.map((item) => [item.segments.join('/'), item.blobName]))
  for (const { segments, blobName } of items) {
    for (let length = 1; length < segments.length; length++) {
      const other = files.get(segments.slice(0, length).join('/'))
      if (other !== undefined) {
        throw new Fault(
          'transfer_name_clash',
          `“${other}” is a file and “${blobName}” needs a folder of the same name.`,
          { hint: 'Download them with two steps into different targets.' },
        )
      }
    }
  }
}

function toPlan<Item extends { sizeBytes: number }>(
  items: Item[],
  { skipped }: { skipped: Skipped },
): Plan<Item> {
  return { items, skipped, totalBytes: items.reduce((sum, item) => sum + item.sizeBytes, 0) }
}
