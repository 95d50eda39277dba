// Sends a big file as parts that become its content together: readers see the old one or the new one
// and never a half. Parts an interrupted run has sent are not sent again.
import { Fault } from '../../core/fault.ts'
import type { Body } from '../../http/http.ts'
import { combineAll } from '../crc64/crc64.ts'
import { type MoveDeps, streamCostBytes } from '../engine-deps.ts'
import type { Integrity } from '../job.ts'
import type { SourceFile } from '../local/read.ts'
import type { Digests, Part, PartWriter, Write, Written } from '../remote.ts'
import type { BufferPool } from './buffers.ts'
import { type Checksum, createChecksum, updateFromFile } from './checksum.ts'
import { assertRunning } from './halt.ts'

/** A big file on its way: what it is, what it will be called, and how it is written. */
export type BigSend = {
  file: SourceFile
  name: string
  write: Write
  integrity: Integrity
}

/** Sends the file and gives what was written; throws `transfer_file_changed` when it was not still. */
export async function sendParts(
  deps: MoveDeps,
  { file, name, write, integrity }: BigSend,
): Promise<Written & { digests: Digests }> {
  const { sizeBytes, sourceId } = file
  const writer = await withSlot(deps, () =>
    deps.remote.openParts(name, { sizeBytes, sourceId }, write),
  )
  const sent = await sendAll(deps, file, writer, integrity).catch(async (error: unknown) => {
    // Storage refuses a part whose bytes are not those that were hashed: the file is the reason.
    if (error instanceof Fault) await file.assertUnchanged()
    throw error
  })
  await file.assertUnchanged()
  const digests = { ...write.digests, ...sent.digests }
  const written = await withSlot(deps, () => writer.commit(sent.parts, { ...write, digests }))
  return { ...written, digests }
}

/** Does one small request with a slot of its own. */
export async function withSlot<T>({ slots, halt }: MoveDeps, work: () => Promise<T>): Promise<T> {
  const release = await slots.take(0)
  try {
    assertRunning(halt)
    return await work()
  } finally {
    release()
  }
}

async function sendAll(
  deps: MoveDeps,
  file: SourceFile,
  writer: PartWriter,
  integrity: Integrity,
): Promise<{ parts: Part[]; digests: Digests }> {
  const parts: Part[] = []
  const failures: unknown[] = []
  const underway: Promise<void>[] = []
  // MD5 cannot be put together from parts, so the whole is hashed along with them.
  const whole = integrity === 'md5' ? createChecksum('md5') : undefined
  try {
    for (let offset = 0; offset < file.sizeBytes; offset += writer.partBytes) {
      const sizeBytes = Math.min(writer.partBytes, file.sizeBytes - offset)
      // One part is hashed ahead while those before it are sent.
      const place = { index: parts.length, offset, sizeBytes }
      const digests = await sumPart(deps.pool, file, place, { integrity, whole })
      const part = { ...place, digests }
      parts.push(part)
      if (writer.holds(part)) {
        deps.onBytes(sizeBytes)
        continue
      }
      const release = await deps.slots.take(streamCostBytes, sizeBytes)
      if (failures.length > 0 || deps.halt.stopping.aborted) {
        release()
        break
      }
      const sent = writer
        .put(part, toBody(file, part))
        .then(() => deps.onBytes(sizeBytes))
        .catch((error: unknown) => {
          failures.push(error)
        })
        .finally(release)
      underway.push(sent)
    }
  } finally {
    await Promise.all(underway)
  }
  if (failures.length > 0) throw toThrown(failures)
  assertRunning(deps.halt)
  return { parts, digests: joinDigests(parts, integrity, whole) }
}

async function sumPart(
  pool: BufferPool,
  file: SourceFile,
  { offset, sizeBytes }: Pick<Part, 'offset' | 'sizeBytes'>,
  { integrity, whole }: { integrity: Integrity; whole: Checksum | undefined },
): Promise<Digests> {
  if (integrity === 'none') return {}
  const own = createChecksum(integrity)
  const range = { from: offset, to: offset + sizeBytes }
  await updateFromFile(file, pool, range, whole ? [own, whole] : [own])
  return { [integrity]: own.digest() }
}

// The part is read again while it is sent; that comes from the system's cache, and no connection
// needs memory for a whole part.
function toBody(file: SourceFile, { offset, sizeBytes }: Part): Body {
  return { sizeBytes, readInto: (buffer, at) => file.readInto(buffer, offset + at) }
}

function joinDigests(
  parts: readonly Part[],
  integrity: Integrity,
  whole: Checksum | undefined,
): Digests {
  if (whole) return { md5: whole.digest() }
  if (integrity === 'none') return {}
  return {
    crc64: combineAll(
      parts.map(({ digests, sizeBytes }) => ({ sizeBytes, crc64: digests.crc64 ?? '' })),
    ),
  }
}

// A part that was cut because another failed says nothing of its own.
function toThrown(failures: readonly unknown[]): unknown {
  return failures.find((failure) => failure instanceof Fault) ?? failures[0]
}
