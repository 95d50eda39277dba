// Fetches one file: a small one into memory and then to disk in one go, a longer one into a part file.
// A file appears whole and checked, or not at all (facts/transfer.md §8 "Download").
import { hash } from 'node:crypto'

import { Fault } from '../../core/fault.ts'
import { crc64Of } from '../crc64/crc64.ts'
import { type DoneFile, type MoveDeps, pieceBytes, rangeBytes } from '../engine-deps.ts'
import type { DownloadJob } from '../job.ts'
import { PartLost } from '../local/write-part.ts'
import type { TargetFolder } from '../local/write.ts'
import type { FetchStep } from '../plan/plan.ts'
import type { RemoteFile } from '../remote.ts'
import { type Arrived, type Fetching, fetchParallel, fetchSerial } from './download-ranges.ts'
import { assertSum, attributesOf } from './download-sums.ts'
import { commitUnpacked, isUnpacked } from './download-unpacked.ts'
import { assertRunning, Halted } from './halt.ts'
import type { Need } from './schedule.ts'

/** What fetching needs: the engine, the folder it writes into, and the job's wishes. */
export type FetchDeps = MoveDeps & { folder: TargetFolder; job: DownloadJob }

// Up to here a file is held in memory until its sum is known to be right.
const inMemoryBytes = 512 * 1024
const mostTries = 3

/** What fetching a file takes from the slots. */
export function needOfFetch({ sizeBytes }: Pick<FetchStep, 'sizeBytes'>): Need {
  if (sizeBytes > rangeBytes) return { parts: Math.ceil(sizeBytes / rangeBytes) }
  // The content or a piece of it, and the read buffer of the transport.
  return { memoryBytes: Math.min(sizeBytes, inMemoryBytes) + pieceBytes, wireBytes: sizeBytes }
}

/** Fetches the file; throws `transfer_checksum_mismatch`, writing faults and those of the remote place. */
export async function fetchFile(deps: FetchDeps, step: FetchStep): Promise<DoneFile> {
  for (let tryNumber = 1; ; tryNumber++) {
    try {
      const isUsual = tryNumber === 1
      const canHold =
        isUsual && step.sizeBytes <= inMemoryBytes && !isUnpacked(deps.job, step.remote)
      const held = canHold ? await fetchHeld(deps, step) : undefined
      const state = held ?? (await fetchPart(deps, step, { isUsual }))
      const { name, sizeBytes, etag, digests } = state
      return { name, sizeBytes, etag, digests }
    } catch (error) {
      // Written by somebody between two of our requests: the new version may well be still.
      const isChanged = error instanceof Fault && error.code === 'transfer_blob_changed'
      const isWorthIt = isChanged ? tryNumber === 1 : error instanceof PartLost
      if (!isWorthIt || tryNumber >= mostTries || deps.halt.stopping.aborted) throw toFault(error)
    }
  }
}

// Undefined when the content turns out to be packed, which not every listing tells.
async function fetchHeld(deps: FetchDeps, step: FetchStep): Promise<RemoteFile | undefined> {
  const { name, sizeBytes, segments } = step
  const content = deps.pool.take(sizeBytes)
  try {
    const state = await deps.remote.read(name, {
      from: 0,
      to: Math.max(sizeBytes, 1) - 1,
      onPiece: (piece, offset) => {
        piece.copy(content, offset)
        deps.onBytes(piece.length)
        return undefined
      },
    })
    if (state.sizeBytes !== sizeBytes) {
      throw new Fault('transfer_blob_changed', `“${name}” changed after it was listed.`)
    }
    if (isUnpacked(deps.job, state)) return undefined
    assertSums(deps, name, state, () => ({ state, ...sumsOf(content, state) }))
    assertRunning({ stopping: deps.halt.aborting })
    if (state.kind === 'link') {
      deps.folder.makeLink(segments, state.attributes.linkTarget ?? content.toString('utf8'))
      return state
    }
    const writing = deps.folder.writeWhole(segments, content, attributesOf(deps, state))
    // To wait for nothing costs as much as for something.
    if (writing) await writing
    return state
  } finally {
    deps.pool.give(content)
  }
}

async function fetchPart(
  deps: FetchDeps,
  step: FetchStep,
  { isUsual }: { isUsual: boolean },
): Promise<RemoteFile> {
  const { name, segments, remote: listed } = step
  const source = `${deps.remote.shown}/${name}`
  const isBig = step.sizeBytes > rangeBytes
  const isSummed = deps.job.integrity !== 'none'
  const version = { source, etag: listed.etag, sizeBytes: listed.sizeBytes }
  const resumed = isUsual && isBig && isSummed ? deps.folder.resume(segments, version) : undefined
  const part = resumed ?? deps.folder.create(segments)
  try {
    const fetching: Fetching = { name, source, part, listed, isSummed }
    // A small one has its slot already and must not take another, whatever length it has by now.
    const arrived = await (isBig ? fetchParallel(deps, fetching) : fetchSerial(deps, fetching))
    const { state } = arrived
    assertSums(deps, name, state, () => arrived)
    assertRunning({ stopping: deps.halt.aborting })
    if (isUnpacked(deps.job, state)) await commitUnpacked(deps, segments, { packed: part, state })
    else part.commit(attributesOf(deps, state))
    return state
  } catch (error) {
    if (isWorthKeeping(error)) part.keep()
    else part.discard()
    throw error
  }
}

// What stopped for a reason that passes is gone on with by the next run; a full disk is made free.
function isWorthKeeping(error: unknown): boolean {
  if (error instanceof Halted) return true
  return error instanceof Fault && error.isRetryable && error.code !== 'transfer_disk_full'
}

function sumsOf(content: Buffer, { digests }: RemoteFile): Pick<Arrived, 'crc64' | 'md5'> {
  if (digests.crc64 !== undefined) return { crc64: crc64Of(content) }
  return digests.md5 === undefined ? {} : { md5: hash('md5', content, 'base64') }
}

function assertSums(
  { job }: FetchDeps,
  name: string,
  { digests }: RemoteFile,
  arrive: () => Arrived,
): void {
  if (job.integrity === 'none') return
  const { crc64, md5 } = arrive()
  assertSum(name, 'CRC-64', digests.crc64, crc64)
  if (digests.crc64 === undefined) assertSum(name, 'MD5', digests.md5, md5)
}

function toFault(error: unknown): unknown {
  if (!(error instanceof PartLost)) return error
  return new Fault('transfer_target_unwritable', `${error.message}, again and again.`, {
    cause: error,
  })
}
