// Reads a remote content for its sum alone; nothing is kept of it.
import { combineAll } from '../crc64/crc64.ts'
import { type MoveDeps, rangeBytes, streamCostBytes } from '../engine-deps.ts'
import type { RemoteFile } from '../remote.ts'
import { createChecksum } from './checksum.ts'
import { assertRunning } from './halt.ts'

/** The sum of a remote content, all of one version; a long one in ranges side by side if its sum allows. */
export async function sumRemote(
  deps: MoveDeps,
  remote: RemoteFile,
  kind: 'crc64' | 'md5',
): Promise<string> {
  if (remote.sizeBytes <= rangeBytes) return sumRange(deps, remote, kind, [0, remote.sizeBytes])
  if (kind === 'md5') {
    const release = await deps.slots.take(streamCostBytes, rangeBytes)
    try {
      return await sumRange(deps, remote, kind, [0, remote.sizeBytes])
    } finally {
      release()
    }
  }
  return sumParallel(deps, remote)
}

async function sumParallel(deps: MoveDeps, remote: RemoteFile): Promise<string> {
  const parts: { crc64: string; sizeBytes: number }[] = []
  const underway: Promise<void>[] = []
  const failures: unknown[] = []
  const readOne = async (
    index: number,
    { from, sizeBytes }: { from: number; sizeBytes: number },
  ) => {
    try {
      const crc64 = await sumRange(deps, remote, 'crc64', [from, from + sizeBytes])
      parts[index] = { crc64, sizeBytes }
    } catch (error) {
      failures.push(error)
    }
  }
  for (let from = 0; from < remote.sizeBytes && failures.length === 0; from += rangeBytes) {
    const sizeBytes = Math.min(rangeBytes, remote.sizeBytes - from)
    const index = from / rangeBytes
    const release = await deps.slots.take(streamCostBytes, sizeBytes)
    underway.push(readOne(index, { from, sizeBytes }).finally(release))
  }
  await Promise.all(underway)
  if (failures.length > 0) throw failures[0]
  return combineAll(parts)
}

async function sumRange(
  deps: MoveDeps,
  { name, etag }: RemoteFile,
  kind: 'crc64' | 'md5',
  [from, to]: readonly [number, number],
): Promise<string> {
  assertRunning(deps.halt)
  const sum = createChecksum(kind)
  await deps.remote.read(name, {
    from,
    to: Math.max(to, 1) - 1,
    etag,
    onPiece: (piece) => {
      sum.update(piece)
      deps.onBytes(piece.length)
      return undefined
    },
  })
  return sum.digest()
}
