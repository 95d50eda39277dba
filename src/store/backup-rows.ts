// What stands in a backup: one line of JSON for each token, build, document, file and run of ledger
// records, and at the end a manifest with their counts and SHA-256s and the ends of the chains.
import { createHash } from 'node:crypto'

import { invalid } from './backup-archive.ts'
import type { Snapshot } from './backup-snapshot.ts'
import { readBuilds, readChain, readTokens } from './move.ts'
import type { BuildRow, DocumentRow, LedgerChain, LedgerRow, RequestTokenRow } from './store.ts'

/** A file of the state folder. */
export type BackupFile = { name: string; bytes: Buffer }

/** One thing a backup holds. */
export type BackupRow =
  | { kind: 'token'; row: RequestTokenRow }
  | { kind: 'build'; row: BuildRow }
  | { kind: 'document'; row: DocumentRow }
  | { kind: 'records'; row: { node: string; rows: LedgerRow[] } }
  | { kind: 'file'; row: BackupFile }

const kinds = ['token', 'build', 'document', 'records', 'file'] as const
type Kind = (typeof kinds)[number]

/** What a backup is of. */
export type BackupOrigin = {
  takenAt: string
  /** Release that wrote it. */
  release: string
  node: string
  issuerUrl: string
}

/** The last line of a backup. */
export type Manifest = BackupOrigin & {
  sections: Record<Kind, { count: number; sha256: string }>
  chains: LedgerChain[]
}

/** The lines of a backup; files are read when the store was, so that keys are never older than the ledger. */
export async function* writeRows(
  snapshot: Snapshot,
  readFiles: () => Promise<BackupFile[]>,
  origin: BackupOrigin,
): AsyncGenerator<string> {
  const count = countRows()
  for await (const each of allRows(snapshot, readFiles)) {
    const line = JSON.stringify(toJson(each))
    count.add(each, line)
    yield `${line}\n`
  }
  const manifest: Manifest = { ...origin, ...count.done() }
  yield `${JSON.stringify({ kind: 'manifest', row: manifest })}\n`
}

/** Hands each thing of a backup to `put`, and compares all with the manifest; throws backup_invalid. */
export async function readRows(
  lines: AsyncIterable<string>,
  put: (row: BackupRow) => void | Promise<void>,
): Promise<Manifest> {
  const count = countRows()
  let manifest: Manifest | undefined
  for await (const line of lines) {
    if (manifest) throw invalid('something follows its manifest')
    const json = JSON.parse(line) as { kind: 'manifest'; row: Manifest } | JsonRow
    if (json.kind === 'manifest') {
      manifest = json.row
      continue
    }
    if (!kinds.includes(json.kind))
      throw invalid('it has something that this release does not know')
    const each = fromJson(json)
    count.add(each, line)
    await put(each)
  }
  if (!manifest) throw invalid('it has no manifest')
  const found = count.done()
  const { sections, chains } = manifest
  if (JSON.stringify({ sections, chains }) !== JSON.stringify(found)) {
    throw invalid('its manifest names something else than it has')
  }
  return manifest
}

async function* allRows(
  snapshot: Snapshot,
  readFiles: () => Promise<BackupFile[]>,
): AsyncGenerator<BackupRow> {
  for await (const row of readTokens(snapshot)) yield { kind: 'token', row }
  for await (const row of readBuilds(snapshot)) yield { kind: 'build', row }
  for (const row of await snapshot.readDocuments()) yield { kind: 'document', row }
  for (const { node } of await snapshot.listChains()) {
    for await (const rows of readChain(snapshot, node, 1)) {
      yield { kind: 'records', row: { node, rows } }
    }
  }
  for (const row of await readFiles()) yield { kind: 'file', row }
}

function countRows() {
  const hashes = new Map(kinds.map((kind) => [kind, createHash('sha256')] as const))
  const counts = new Map<Kind, number>()
  const chains = new Map<string, LedgerChain>()
  return {
    add: (each: BackupRow, line: string) => {
      hashes.get(each.kind)?.update(`${line}\n`)
      const added = each.kind === 'records' ? each.row.rows.length : 1
      counts.set(each.kind, (counts.get(each.kind) ?? 0) + added)
      const last = each.kind === 'records' ? each.row.rows.at(-1) : undefined
      if (each.kind !== 'records' || !last) return
      chains.set(each.row.node, { node: each.row.node, seq: last.seq, hash: last.hash })
    },
    done: (): Pick<Manifest, 'sections' | 'chains'> => {
      const sectionOf = (kind: Kind) => ({
        count: counts.get(kind) ?? 0,
        sha256: hashes.get(kind)?.digest('hex') ?? '',
      })
      const sections = {
        token: sectionOf('token'),
        build: sectionOf('build'),
        document: sectionOf('document'),
        records: sectionOf('records'),
        file: sectionOf('file'),
      }
      return { sections, chains: [...chains.values()] }
    },
  }
}

// Moments are text in JSON, and so are the bytes of a file.
type Json<Of> = { [Key in keyof Of]: Of[Key] extends Date | Buffer ? string : Of[Key] }
type JsonRow =
  | { kind: 'token'; row: Json<RequestTokenRow> }
  | { kind: 'build'; row: Json<BuildRow> }
  | Extract<BackupRow, { kind: 'document' | 'records' }>
  | { kind: 'file'; row: Json<BackupFile> }

function toJson(each: BackupRow): unknown {
  if (each.kind !== 'file') return each
  return { kind: each.kind, row: { name: each.row.name, bytes: each.row.bytes.toString('base64') } }
}

function fromJson(json: JsonRow): BackupRow {
  switch (json.kind) {
    case 'token': {
      const { issuedAt, expiresAt, ...rest } = json.row
      const times = { issuedAt: new Date(issuedAt), expiresAt: new Date(expiresAt) }
      return { kind: json.kind, row: { ...rest, ...times } }
    }
    case 'build':
      return { kind: json.kind, row: { ...json.row, seenAt: new Date(json.row.seenAt) } }
    case 'file':
      return {
        kind: json.kind,
        row: { name: json.row.name, bytes: Buffer.from(json.row.bytes, 'base64') },
      }
    default:
      return json
  }
}
