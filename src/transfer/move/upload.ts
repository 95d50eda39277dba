// Sends one file: a small one in one request from one buffer, a big one in parts
// (facts/transfer.md §8 "Upload rules").
import { createCrc64 } from '../crc64/crc64.ts'
import { type DoneFile, type MoveDeps, pieceBytes } from '../engine-deps.ts'
import type { Compression, UploadJob } from '../job.ts'
import { openSource, readWholeSync, type SourceFile } from '../local/read.ts'
import type { LinkStep, SendStep } from '../plan/plan.ts'
import type { Digests, Write, Written } from '../remote.ts'
import { toPooledBytes } from './buffers.ts'
import { digestsOf } from './checksum.ts'
import type { Need } from './schedule.ts'
import { sendParts, withSlot } from './upload-parts.ts'

/** What sending needs: the engine and the job's wishes. */
export type SendDeps = MoveDeps & { job: UploadJob }

// Far more than any compressor adds to what it cannot make shorter.
const expansionBytes = 64 * 1024

/** What sending a file takes from the slots. */
export function needOfSend(deps: SendDeps, step: SendStep): Need {
  const { sizeBytes, compress } = step
  if (isBig(deps, step)) return { parts: Math.ceil(sizeBytes / deps.remote.wholeBytes) }
  const ownBytes = toPooledBytes(sizeBytes)
  // A file and its compressed form are in memory together; a transport takes a piece of its own.
  const memoryBytes = (compress ? 2 * sizeBytes + ownBytes : ownBytes) + pieceBytes
  return { memoryBytes, wireBytes: sizeBytes }
}

/** Sends the file; throws `transfer_file_changed`, reading faults and those of the remote place. */
export async function sendFile(deps: SendDeps, step: SendStep): Promise<DoneFile> {
  if (step.compress) return sendCompressed(deps, step, step.compress)
  if (isBig(deps, step)) {
    const file = await openSource(step)
    try {
      return await sendOpen(deps, step, file, {})
    } finally {
      await file.close()
    }
  }
  const buffer = deps.pool.take(step.sizeBytes)
  try {
    readWholeSync(step, buffer)
    return await sendBuffer(deps, step, buffer, {})
  } finally {
    deps.pool.give(buffer)
  }
}

// What can become longer by compression is big already when it is nearly so.
function isBig({ remote }: SendDeps, { sizeBytes, compress }: SendStep): boolean {
  return sizeBytes > remote.wholeBytes - (compress ? expansionBytes : 0)
}

async function sendCompressed(
  deps: SendDeps,
  step: SendStep,
  compression: Compression,
): Promise<DoneFile> {
  const { pool, job, remote } = deps
  const sum = job.integrity === 'none' ? undefined : createCrc64()
  const { compressSource } = await import('../compress/compress.ts')
  let file = await openSource(step)
  try {
    file = await compressSource(file, compression, (piece) => sum?.update(piece))
    const digests = sum ? { sourceCrc64: sum.digest() } : {}
    if (file.sizeBytes > remote.wholeBytes) return await sendOpen(deps, step, file, digests)
    const buffer = pool.take(file.sizeBytes)
    try {
      if (buffer.length > 0) await file.readInto(buffer, 0)
      await file.assertUnchanged()
      const send = () => sendBuffer(deps, step, buffer, digests)
      // A big one has no slot of its own yet.
      return isBig(deps, step) ? await withSlot(deps, send) : await send()
    } finally {
      pool.give(buffer)
    }
  } finally {
    await file.close()
  }
}

async function sendOpen(
  deps: SendDeps,
  step: SendStep,
  file: SourceFile,
  known: Digests,
): Promise<DoneFile> {
  const { integrity } = deps.job
  const write = toWrite(step, known)
  const { digests, ...written } = await sendParts(deps, { file, name: step.name, write, integrity })
  return toDone(step, written, digests, file.sizeBytes)
}

async function sendBuffer(
  { remote, job, onBytes }: SendDeps,
  step: SendStep,
  buffer: Buffer,
  known: Digests,
): Promise<DoneFile> {
  const digests = Object.assign(digestsOf(job.integrity, buffer), known)
  const written = await remote.putWhole(step.name, buffer, toWrite(step, digests))
  onBytes(buffer.length)
  return toDone(step, written, digests, buffer.length)
}

/** Keeps a symbolic link: its content is the text of its target. */
export async function sendLink(
  deps: SendDeps,
  name: string,
  { linkTarget, write }: LinkStep['to'] & { side: 'remote' },
): Promise<undefined> {
  const content = Buffer.from(linkTarget)
  const digests = digestsOf(deps.job.integrity, content)
  await deps.remote.putWhole(name, content, { ...write, digests })
}

function toWrite({ properties, attributes, condition }: SendStep, digests: Digests): Write {
  return { properties, attributes, condition, digests }
}

function toDone(
  { name }: SendStep,
  { etag, versionId }: Written,
  digests: Digests,
  sizeBytes: number,
): DoneFile {
  const done: DoneFile = { name, sizeBytes, etag, digests }
  if (versionId !== undefined) done.versionId = versionId
  return done
}
