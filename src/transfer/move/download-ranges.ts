// Fetches a big file: the first range tells size and version, the rest come in parallel, all of that
// version. What an interrupted run has on disk is summed up again and not fetched twice.
import { Fault } from '../../core/fault.ts'
import { combineAll, createCrc64 } from '../crc64/crc64.ts'
import { type MoveDeps, pieceBytes, rangeBytes, streamCostBytes } from '../engine-deps.ts'
import type { HeldRange } from '../local/journal.ts'
import type { PartFile } from '../local/write-part.ts'
import type { RemoteFile } from '../remote.ts'
import { createRangeSink } from './download-sink.ts'
import { assertRunning } from './halt.ts'
import { createPrefixDigest, type PrefixDigest } from './prefix-digest.ts'

/** What arrived: the state of the remote file, and the sums of what is on disk, if they were asked for. */
export type Arrived = { state: RemoteFile; crc64?: string; md5?: string }

/** Which file is fetched, and the file its bytes go to. */
export type Fetching = {
  name: string
  /** The address of the file, for the journal. */
  source: string
  part: PartFile
  listed: RemoteFile
  /** Without sums nothing is checked, and nothing is kept for another run. */
  isSummed: boolean
}

/** Bytes `from` up to and including `to`, of one version when that is known. */
export type Range = { from: number; to: number; etag?: string }

type Sums = Map<number, { crc64: string; sizeBytes: number }>

/** Fetches all ranges over as many connections as there are slots. */
export async function fetchParallel(deps: MoveDeps, fetching: Fetching): Promise<Arrived> {
  const { part } = fetching
  const sums: Sums = await checkHeld(deps, fetching)
  let state = fetching.listed
  if (part.held.length === 0) {
    const first = await withSlot(deps, () =>
      fetchRange(deps, fetching, { from: 0, to: rangeBytes - 1 }),
    )
    state = first.state
    sums.set(0, first)
    const { etag, sizeBytes } = state
    if (sizeBytes > rangeBytes && fetching.isSummed) {
      part.begin({ source: fetching.source, etag, sizeBytes })
      part.note({ from: 0, ...first })
    }
  }
  const { sizeBytes } = state
  const prefix = needsMd5(fetching, state) ? createPrefixDigest(part, sizeBytes) : undefined
  for (const [from, sum] of sums) prefix?.add(from, from + sum.sizeBytes)
  await fetchMissing(deps, fetching, { state, sums, prefix })
  const md5 = await prefix?.end(true)
  return toArrived(fetching, state, sums, md5)
}

function needsMd5({ isSummed }: Fetching, { digests }: RemoteFile): boolean {
  return isSummed && digests.crc64 === undefined && digests.md5 !== undefined
}

function toArrived(
  { isSummed }: Fetching,
  state: RemoteFile,
  sums: Sums,
  md5: string | undefined,
): Arrived {
  const crc64 = isSummed ? { crc64: joinSums(sums, state.sizeBytes) } : {}
  return { state, ...crc64, ...(md5 !== undefined && { md5 }) }
}

async function fetchMissing(
  deps: MoveDeps,
  fetching: Fetching,
  { state, sums, prefix }: { state: RemoteFile; sums: Sums; prefix: PrefixDigest | undefined },
): Promise<void> {
  const { sizeBytes, etag } = state
  const underway: Promise<void>[] = []
  const failures: unknown[] = []
  const fetchOne = async (range: Range) => {
    try {
      const { crc64, sizeBytes: length } = await fetchRange(deps, fetching, range)
      sums.set(range.from, { crc64, sizeBytes: length })
      if (fetching.isSummed) fetching.part.note({ from: range.from, crc64, sizeBytes: length })
      prefix?.add(range.from, range.to + 1)
    } catch (error) {
      failures.push(error)
    }
  }
  for (let from = 0; from < sizeBytes; from += rangeBytes) {
    if (sums.has(from)) continue
    const range = { from, to: Math.min(from + rangeBytes, sizeBytes) - 1, etag }
    const release = await deps.slots.take(streamCostBytes, range.to - from + 1)
    if (failures.length > 0 || deps.halt.stopping.aborted) {
      release()
      break
    }
    underway.push(fetchOne(range).finally(release))
  }
  await Promise.all(underway)
  if (failures.length > 0 || deps.halt.stopping.aborted) await prefix?.end(false)
  // A range that was cut because another failed says nothing of its own.
  const failure = failures.find((each) => each instanceof Fault) ?? failures[0]
  if (failure !== undefined) throw failure
  assertRunning(deps.halt)
}

/** Fetches one file range after range over the one connection whose slot the caller holds. */
export async function fetchSerial(deps: MoveDeps, fetching: Fetching): Promise<Arrived> {
  const sums: Sums = new Map()
  const first = await fetchRange(deps, fetching, { from: 0, to: rangeBytes - 1 })
  const { state } = first
  const { sizeBytes, etag } = state
  sums.set(0, first)
  for (let from = rangeBytes; from < sizeBytes; from += rangeBytes) {
    const to = Math.min(from + rangeBytes, sizeBytes) - 1
    sums.set(from, await fetchRange(deps, fetching, { from, to, etag }))
  }
  if (!needsMd5(fetching, state)) return toArrived(fetching, state, sums, undefined)
  const prefix = createPrefixDigest(fetching.part, sizeBytes)
  prefix.add(0, sizeBytes)
  return toArrived(fetching, state, sums, await prefix.end(true))
}

async function fetchRange(
  deps: MoveDeps,
  { name, part, isSummed }: Fetching,
  { from, to, etag }: Range,
): Promise<{ state: RemoteFile; crc64: string; sizeBytes: number }> {
  const sink = createRangeSink(part, deps.pool, { start: from, isSummed })
  try {
    const state = await deps.remote.read(name, {
      from,
      to,
      ...(etag !== undefined && { etag }),
      onPiece: (piece) => {
        deps.onBytes(piece.length)
        return sink.accept(piece)
      },
    })
    return { state, ...(await sink.end()) }
  } finally {
    await sink.close()
  }
}

async function withSlot<T>({ slots, halt }: MoveDeps, work: () => Promise<T>): Promise<T> {
  const release = await slots.take(streamCostBytes, rangeBytes)
  try {
    assertRunning(halt)
    return await work()
  } finally {
    release()
  }
}

// The journal is only a claim: what counts is what is on disk now.
async function checkHeld(deps: MoveDeps, { part, listed }: Fetching): Promise<Sums> {
  const sums: Sums = new Map()
  for (const range of part.held) {
    const length = Math.min(rangeBytes, listed.sizeBytes - range.from)
    if (range.from % rangeBytes !== 0 || range.sizeBytes !== length) continue
    if ((await sumRange(deps, part, range)) !== range.crc64) continue
    sums.set(range.from, range)
    deps.onBytes(range.sizeBytes)
  }
  return sums
}

async function sumRange(
  { pool }: MoveDeps,
  part: PartFile,
  { from, sizeBytes }: HeldRange,
): Promise<string> {
  const sum = createCrc64()
  const buffer = pool.take(pieceBytes)
  try {
    for (let at = 0; at < sizeBytes; at += pieceBytes) {
      const piece = buffer.subarray(0, Math.min(pieceBytes, sizeBytes - at))
      await part.read(piece, from + at)
      sum.update(piece)
    }
  } finally {
    pool.give(buffer)
  }
  return sum.digest()
}

function joinSums(sums: Sums, sizeBytes: number): string {
  const parts: { crc64: string; sizeBytes: number }[] = []
  for (let from = 0; from < sizeBytes; from += rangeBytes) {
    const sum = sums.get(from)
    if (sum === undefined) throw new Error(`no range at ${from} of ${sizeBytes}`)
    parts.push(sum)
  }
  return combineAll(parts)
}
