// Fetches blobs: the first request gives size, version and first bytes at once; the rest of a big one
// comes as ranges in parallel, all of the same version. A file appears whole and checked, or not at
// all (facts/transfer.md §8 "Download").
import { createHash, type Hash } from 'node:crypto'

import { Fault } from '../core/fault.ts'
import type { BlobState, ReadOptions } from './blob/client.ts'
import { type BufferPool, createBufferPool } from './buffers.ts'
import { assertRunning } from './halt.ts'
import type { PartFile, TargetFolder } from './local/write.ts'
import { blockBytes, type DownloadItem } from './plan.ts'
import { createPrefixDigest } from './prefix-digest.ts'
import { type Outcome, runAll } from './schedule.ts'
import type { TransferDeps } from './upload.ts'

/** Where downloads go, and whether a file that exists is replaced or is a Fault. */
export type DownloadOptions = { folder: TargetFolder; overwrite: 'always' | 'error' }

// Pieces of this size go to the disk; a whole range would need far more memory.
const pieceBytes = 512 * 1024
// What a range on the wire costs in all: node:https leaves several MiB of received pieces to the
// garbage collector for each busy connection (measured; a leaner client is issue 4).
const rangeCostBytes = 5 * 1024 * 1024

type FetchDeps = TransferDeps & { pool: BufferPool; folder: TargetFolder }

/** Downloads all items; with `overwrite: error` nothing is written when any file exists already. */
export async function download(
  deps: TransferDeps,
  items: readonly DownloadItem[],
  { folder, overwrite }: DownloadOptions,
): Promise<Outcome> {
  if (overwrite === 'error') await assertAllNew(folder, items)
  const fetchDeps = { ...deps, folder, pool: createBufferPool(pieceBytes) }
  return runAll(deps, items, {
    nameOf: (item) => item.blobName,
    costOf: ({ sizeBytes }) =>
      sizeBytes <= blockBytes ? Math.min(sizeBytes, rangeCostBytes) : undefined,
    transfer: (item) => fetchFile(fetchDeps, item),
  })
}

async function assertAllNew(folder: TargetFolder, items: readonly DownloadItem[]): Promise<void> {
  const existing: string[] = []
  for (const { segments } of items) {
    if (await folder.exists(segments)) existing.push(`“${segments.join('/')}”`)
  }
  if (existing.length === 0) return
  const shown = existing.slice(0, 10).join(', ')
  const more = existing.length > 10 ? ` and ${existing.length - 10} more` : ''
  throw new Fault(
    'transfer_target_exists',
    `${existing.length} of ${items.length} files exist already in the target: ${shown}${more}.`,
  )
}

async function fetchFile(deps: FetchDeps, item: DownloadItem): Promise<number> {
  try {
    return await fetchVersion(deps, item)
  } catch (error) {
    // Written by somebody between two of our ranges: the new version may well be stable.
    const isChanged = error instanceof Fault && error.code === 'transfer_blob_changed'
    if (!isChanged || deps.halt.stopping.aborted) throw error
    return fetchVersion(deps, item)
  }
}

async function fetchVersion(deps: FetchDeps, item: DownloadItem): Promise<number> {
  const part = await deps.folder.create(item.segments)
  try {
    const isBig = item.sizeBytes > blockBytes
    const sizeBytes = await (isBig ? fetchBig(deps, item, part) : fetchSmall(deps, item, part))
    assertRunning({ stopping: deps.halt.aborting })
    await part.commit()
    return sizeBytes
  } catch (error) {
    await part.discard()
    throw error
  }
}

// Runs within a slot it was given, so it must not take another one: it reads on one connection even
// when the blob has grown beyond one range since it was found.
async function fetchSmall(deps: FetchDeps, item: DownloadItem, part: PartFile): Promise<number> {
  const digest = createHash('md5')
  const length = Math.max(item.sizeBytes, 1)
  const state = await fetchRange(deps, item, part, { from: 0, to: blockBytes - 1, length }, digest)
  for (let from = blockBytes; from < state.sizeBytes; from += blockBytes) {
    const range = { from, to: from + blockBytes - 1, length: blockBytes, etag: state.etag }
    await fetchRange(deps, item, part, range, digest)
  }
  assertMd5(item, state, digest.digest('base64'))
  return state.sizeBytes
}

async function fetchBig(deps: FetchDeps, item: DownloadItem, part: PartFile): Promise<number> {
  const first = await withSlot(deps, () =>
    fetchRange(deps, item, part, { from: 0, to: blockBytes - 1, length: blockBytes }),
  )
  const { sizeBytes, etag, contentMd5 } = first
  const check = contentMd5 === '' ? undefined : createPrefixDigest(part, sizeBytes)
  const underway: Promise<void>[] = []
  const failures: unknown[] = []
  check?.add(0, Math.min(blockBytes, sizeBytes))
  for (let from = blockBytes; from < sizeBytes && failures.length === 0; from += blockBytes) {
    const to = Math.min(from + blockBytes, sizeBytes) - 1
    const release = await deps.slots.take(rangeCostBytes)
    if (deps.halt.stopping.aborted) {
      release()
      break
    }
    const fetched = fetchRange(deps, item, part, { from, to, length: to - from + 1, etag })
      .then(() => check?.add(from, to + 1))
      .catch((error: unknown) => {
        failures.push(error)
      })
      .finally(release)
    underway.push(fetched)
  }
  await Promise.all(underway)
  const isWhole = failures.length === 0 && !deps.halt.stopping.aborted
  const md5 = await check?.end(isWhole)
  if (failures.length > 0) throw failures[0]
  assertRunning(deps.halt)
  if (md5 !== undefined) assertMd5(item, first, md5)
  return sizeBytes
}

async function withSlot<T>(deps: FetchDeps, work: () => Promise<T>): Promise<T> {
  const release = await deps.slots.take(rangeCostBytes)
  try {
    assertRunning(deps.halt)
    return await work()
  } finally {
    release()
  }
}

type Range = { from: number; to: number; length: number; etag?: string }

async function fetchRange(
  deps: FetchDeps,
  { blobName }: DownloadItem,
  part: PartFile,
  { from, to, length, etag }: Range,
  digest?: Hash,
): Promise<BlobState> {
  const buffer = deps.pool.take(Math.min(pieceBytes, Math.max(length, 4096)))
  const gatherer = gather(part, buffer, from)
  const onPiece: ReadOptions['onPiece'] = (piece) => {
    digest?.update(piece)
    deps.onBytes(piece.length)
    return gatherer.accept(piece)
  }
  try {
    const state = await deps.client.read(blobName, { from, to, onPiece, ...(etag && { etag }) })
    await gatherer.flush()
    return state
  } finally {
    // A write may still look at the buffer after its connection was cut.
    await gatherer.settle()
    deps.pool.give(buffer)
  }
}

// Collects what the network brings in small pieces into writes worth a system call.
function gather(part: PartFile, buffer: Buffer, start: number) {
  let writtenTo = start
  let filled = 0
  let flushing: Promise<void> | undefined

  const writeOut = async () => {
    await part.write(buffer.subarray(0, filled), writtenTo)
    writtenTo += filled
    filled = 0
    flushing = undefined
  }
  const flush = () => {
    flushing = writeOut()
    return flushing
  }
  const take = (piece: Buffer): Promise<void> | undefined => {
    const count = piece.copy(buffer, filled)
    filled += count
    if (filled < buffer.length) return undefined
    return flush().then(() => (count < piece.length ? take(piece.subarray(count)) : undefined))
  }
  return {
    accept: (piece: Buffer) => (flushing ? flushing.then(() => take(piece)) : take(piece)),
    flush: async () => {
      await flushing
      if (filled > 0) await flush()
    },
    settle: async () => {
      await flushing?.catch(() => undefined)
    },
  }
}

function assertMd5({ blobName }: DownloadItem, { contentMd5 }: BlobState, md5: string): void {
  if (contentMd5 === '' || contentMd5 === md5) return
  throw new Fault(
    'transfer_checksum_mismatch',
    `“${blobName}” arrived with MD5 ${md5}, and the blob says ${contentMd5}: nothing was kept.`,
  )
}
