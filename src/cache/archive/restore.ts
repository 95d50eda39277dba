// Restores an archive: its frames are read ahead of their use, unpacked several at once, and planted in
// their order. Nothing is seen on the disk before the hash of all that was read is the one that was saved.
import { createHash } from 'node:crypto'

import { Fault } from '../../core/fault.ts'
import { boundsOf, type KeyDocument, type Named } from '../key-document.ts'
import type { Restored } from '../outcome.ts'
import type { CacheStore } from '../store.ts'
import type { Bounds } from '../tree/admit.ts'
import type { Planting } from '../tree/plant.ts'
import type { StagedFile } from '../tree/stage.ts'
import { mapInOrder } from './in-order.ts'
import { decodeSeekTable, type FrameSize, measureSeekTable, seekFooterBytes } from './seek-table.ts'
import { createTarReader, type TarSink } from './tar-read.ts'
import { decompressFrame } from './zstd-frame.ts'

// The end of an archive, read first: the table of 32 GiB.
const tailBytes = 64 * 1024
// Reads under way, and their usual length: a window of 32 MiB.
const [readWindow, readBytes] = [8, 4 * 1024 * 1024]
const unpackWindow = 4
// What the headers of one entry come to at most, and what ends an archive.
const [maxHeaderBytes, maxEndBytes] = [66 * 1024, 1024 * 1024]

/** Restores what a key holds; throws `cache_archive_invalid`, `cache_entry_refused`, `cache_disk_failed` with nothing changed. */
export async function restoreArchive(
  { store, openPlanting }: { store: CacheStore; openPlanting: (bounds: Bounds) => Planting },
  document: KeyDocument,
): Promise<Restored> {
  if (document.content.mode !== 'archive') throw new Error('this key holds no archive')
  const { archive } = document.content
  const bounds = boundsOf(document)
  const { frames, table } = await readTable(store, archive)
  assertBounded(frames, bounds)
  const planting = openPlanting(bounds)
  try {
    const sink = createSink(planting)
    const reader = createTarReader(sink)
    const digest = createHash('sha256')
    const packed = readFrames(store, archive, frames)
    for await (const { bytes, plain } of mapInOrder(packed, unpackWindow, unpack)) {
      digest.update(bytes)
      reader.push(plain)
    }
    reader.end()
    if (digest.update(table).digest('hex') !== archive.sha256) {
      throw invalid('its bytes are not those that were saved')
    }
    planting.commit()
    return { ...sink.counts, readBytes: archive.sizeBytes, keptFiles: 0 }
  } finally {
    planting.discard()
  }
}

type PackedFrame = { bytes: Buffer; plainBytes: number }

async function unpack({ bytes, plainBytes }: PackedFrame) {
  return { bytes, plain: await decompressFrame(bytes, plainBytes) }
}

async function* readFrames(
  store: CacheStore,
  archive: Named,
  frames: readonly FrameSize[],
): AsyncGenerator<PackedFrame> {
  const read = async ({ from, sizeBytes, frames: inside }: Span) => ({
    bytes: await readExactly(store, archive, from, sizeBytes),
    inside,
  })
  for await (const { bytes, inside } of mapInOrder(spansOf(frames), readWindow, read)) {
    let at = 0
    for (const { packedBytes, plainBytes } of inside) {
      yield { bytes: bytes.subarray(at, at + packedBytes), plainBytes }
      at += packedBytes
    }
  }
}

type Span = { from: number; sizeBytes: number; frames: FrameSize[] }

// Neighbours are read in one request, as long as it stays a short one.
function* spansOf(frames: readonly FrameSize[]): Generator<Span> {
  let span: Span = { from: 0, sizeBytes: 0, frames: [] }
  for (const frame of frames) {
    if (span.sizeBytes > 0 && span.sizeBytes + frame.packedBytes > readBytes) {
      yield span
      span = { from: span.from + span.sizeBytes, sizeBytes: 0, frames: [] }
    }
    span.sizeBytes += frame.packedBytes
    span.frames.push(frame)
  }
  yield span
}

async function readTable(store: CacheStore, archive: Named) {
  const { sizeBytes } = archive
  if (sizeBytes < seekFooterBytes) throw invalid('it is too short')
  const tailFrom = Math.max(0, sizeBytes - tailBytes)
  const tail = await readExactly(store, archive, tailFrom, sizeBytes - tailFrom)
  const tableBytes = measureSeekTable(tail.subarray(-seekFooterBytes))
  if (tableBytes > sizeBytes) throw invalid('it is shorter than the table at its end')
  const table =
    tableBytes <= tail.length
      ? tail.subarray(-tableBytes)
      : await readExactly(store, archive, sizeBytes - tableBytes, tableBytes)
  return { table, frames: decodeSeekTable(table, sizeBytes) }
}

async function readExactly(
  store: CacheStore,
  { name }: Named,
  from: number,
  sizeBytes: number,
): Promise<Buffer> {
  const bytes = await store.readRange(name, { from, sizeBytes })
  if (bytes?.length !== sizeBytes) throw invalid(bytes ? 'it is too short' : 'it is not there')
  return bytes
}

function assertBounded(frames: readonly FrameSize[], { entries, bytes }: Bounds): void {
  const most = bytes + entries * maxHeaderBytes + maxEndBytes
  const told = frames.reduce((sum, { plainBytes }) => sum + plainBytes, 0)
  if (told > most) throw invalid(`it grows to ${told} bytes, and the key tells of less`)
}

function createSink(planting: Planting): TarSink & { counts: { entries: number; bytes: number } } {
  const counts = { entries: 0, bytes: 0 }
  let file: StagedFile | undefined
  return {
    counts,
    onEntry: (entry) => {
      counts.entries += 1
      counts.bytes += entry.sizeBytes
      if (entry.sizeBytes === 0) planting.add(entry)
      else file = planting.file(entry)
    },
    onContent: (bytes) => file?.write(bytes),
    onEntryEnd: () => {
      file?.close()
      file = undefined
    },
  }
}

function invalid(why: string): Fault {
  return new Fault('cache_archive_invalid', `The archive is damaged: ${why}.`)
}
