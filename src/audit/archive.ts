// Closed segments in files: the first line says which records follow and which signed checkpoints they lie
// between, every other line is a record as it was sealed; compressed by Zstandard (RFC 8878). A segment
// file verifies alone, with the others, or with the store it came from.
import { constants } from 'node:fs'
import { mkdir, open, readdir, readFile, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { zstdCompress, zstdDecompress } from 'node:zlib'

import { Fault, messageOf } from '../core/fault.ts'
import type { LedgerRow } from '../store/store.ts'
import { readRecord } from './chain.ts'
import type { CheckpointReference } from './event.ts'
import type { LedgerSource } from './verify.ts'

/** What the first line of a segment file says. */
export type SegmentHeader = {
  segment: { node: string; first: number; last: number }
  begin?: CheckpointReference
  end?: CheckpointReference
}

/** A segment as read from a file. */
export type SegmentFile = SegmentHeader & { rows: LedgerRow[] }

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)

/** The name of a segment's file; in the order of names a chain is in its order. */
export function segmentFileName({ node, first, last }: SegmentHeader['segment']): string {
  return `${node}.${String(first).padStart(12, '0')}-${String(last).padStart(12, '0')}.jsonl.zst`
}

/** Writes a segment, reads it again and compares; resolves to the file. Rejects with audit_archive_failed. */
export async function writeSegment(folder: string, file: SegmentFile): Promise<string> {
  const { rows, ...header } = file
  const path = join(folder, segmentFileName(file.segment))
  const lines = [JSON.stringify(header), ...rows.map(({ record }) => record), '']
  const text = lines.join('\n')
  try {
    await mkdir(folder, { recursive: true, mode: 0o750 })
    const draft = `${path}.new`
    const handle = await open(draft, 'w', 0o440)
    try {
      await handle.writeFile(await compress(text))
      await handle.sync()
    } finally {
      await handle.close()
    }
    const written = (await decompress(await readFile(draft))).toString()
    if (written !== text) throw new Error('what was written is not what is read')
    await rename(draft, path)
    await syncFolder(folder)
  } catch (cause) {
    const sentence = `The segment ${path} cannot be written: ${messageOf(cause)}.`
    throw new Fault('audit_archive_failed', sentence, { cause })
  }
  return path
}

/** Reads a file of records: a segment, compressed or not, or plain lines; rejects with audit_file_invalid. */
export async function readSegmentFile(path: string): Promise<SegmentFile> {
  try {
    const bytes = await readFile(path)
    const isPacked = bytes.readUInt32LE(0) === zstdMagic
    const text = (isPacked ? await decompress(bytes) : bytes).toString()
    const lines = text.split('\n').filter((line) => line !== '')
    const header = readHeader(lines[0] ?? '')
    const rows = (header ? lines.slice(1) : lines).map((record, index) =>
      toRow(record, (header?.segment.first ?? 1) + index),
    )
    const [first] = rows
    const last = rows.at(-1)
    const node = header?.segment.node ?? (first && readRecord(first)?.node)
    if (!first || !last || node === undefined) throw new Error('it has no record')
    return { segment: { node, first: first.seq, last: last.seq }, ...header, rows }
  } catch (cause) {
    const sentence = `${path} is no file of ledger records: ${messageOf(cause)}.`
    throw new Fault('audit_file_invalid', sentence, { cause })
  }
}

const zstdMagic = 0xfd2fb528

function readHeader(line: string): SegmentHeader | undefined {
  if (!line.startsWith('{"segment":')) return undefined
  const { segment, begin, end } = JSON.parse(line) as SegmentHeader
  return { segment, ...(begin && { begin }), ...(end && { end }) }
}

// A line that says nothing sensible stands for the record that should be there, and is found wrong.
function toRow(record: string, expectedSeq: number): LedgerRow {
  const [, hash = ''] = /"hash":"([0-9a-f]{64})"\}$/.exec(record) ?? []
  const seq = readRecord({ record })?.seq
  return { seq: Number.isSafeInteger(seq) ? Number(seq) : expectedSeq, hash, record }
}

/** Files as one source, with the checkpoints they lie between; only the file just read is held in memory. */
export async function openFiles(
  paths: readonly string[],
): Promise<LedgerSource & { notes: string[] }> {
  const known: (SegmentHeader & { path: string })[] = []
  for (const path of paths) {
    const { rows: _, ...header } = await readSegmentFile(path)
    known.push({ ...header, path })
  }
  known.sort((one, other) => one.segment.first - other.segment.first)
  let held: { path: string; rows: LedgerRow[] } | undefined
  const rowsOf = async (path: string) => {
    if (held?.path !== path) held = { path, rows: (await readSegmentFile(path)).rows }
    return held.rows
  }
  return {
    notes: known.flatMap(({ begin, end }) => [begin, end].flatMap((each) => each?.note ?? [])),
    beginning: (node) => known.find(({ segment }) => segment.node === node)?.begin,
    listChains: async () => {
      const ends = new Map<string, LedgerRow>()
      for (const { segment, path } of known) {
        const last = (await rowsOf(path)).at(-1)
        if (last) ends.set(segment.node, last)
      }
      return [...ends].map(([node, { seq, hash }]) => ({ node, seq, hash }))
    },
    readLedger: async (node, fromSeq, limit) => {
      const found: LedgerRow[] = []
      for (const { segment, path } of known) {
        if (segment.node !== node || segment.last < fromSeq || found.length >= limit) continue
        const rows = await rowsOf(path)
        const first = rows.findIndex(({ seq }) => seq >= fromSeq)
        if (first >= 0) found.push(...rows.slice(first, first + limit - found.length))
      }
      return found
    },
  }
}

/** All segment files of a folder; none when it is not there. */
export async function listArchive(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return []
    throw error
  })
  return names.filter((name) => name.endsWith('.jsonl.zst')).map((name) => join(folder, name))
}

/** The older source, and the newer where that one ends. */
export function joinSources(older: LedgerSource, newer: LedgerSource): LedgerSource {
  return {
    ...(older.beginning && { beginning: older.beginning }),
    listChains: async () => {
      const chains = [...(await older.listChains()), ...(await newer.listChains())]
      return [...new Map(chains.map((chain) => [chain.node, chain])).values()]
    },
    readLedger: async (node, fromSeq, limit) => {
      const rows = await older.readLedger(node, fromSeq, limit)
      if (rows.length >= limit) return rows
      const next = (rows.at(-1)?.seq ?? fromSeq - 1) + 1
      return [...rows, ...(await newer.readLedger(node, next, limit - rows.length))]
    },
  }
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}
