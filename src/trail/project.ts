// What a stretch of a chain comes to in the tables of the read model. Whatever the sizes of the stretches,
// and in whatever order those of several chains come, the tables end the same: what is counted is added
// up, and of several words on one thing a rule decides that knows no order of arrival.
import type { LedgerRecord, ReceiptReference } from '../audit/event.ts'
import type { LedgerRow } from '../store/store.ts'
import type { TrailRows, TrailValue } from '../store/trail-tables.ts'
import { emptyFold, type Fold, tables } from './tables.ts'

/** Form of the tables; when it changes they are made again. */
export const trailForm = 1

/** Length of an hour in milliseconds. */
export const hourMs = 3_600_000

/** Length of a day in milliseconds. */
export const dayMs = 24 * hourMs

/** Actions that change what is stored. */
export const writingActions = ['upload', 'sync', 'remove', 'save'] as const

/** The rows that records of a node's chain, in their order, add to the tables. */
export function project(node: string, rows: readonly LedgerRow[]): TrailRows[] {
  const fold = emptyFold()
  for (const row of rows) {
    const record = readRecord(row)
    if (record) foldRecord(fold, { ...record, node, seq: row.seq })
  }
  return tables(fold)
}

/** A record as it lies in the store; undefined for what is none, which verifying tells of. */
export function readRecord({ record }: Pick<LedgerRow, 'record'>): LedgerRecord | undefined {
  try {
    const read = JSON.parse(record) as LedgerRecord
    return typeof read.type === 'string' && Number.isFinite(Date.parse(read.ts)) ? read : undefined
  } catch {
    return undefined
  }
}

/** What is kept of a hash or an id to find its build by: as much as nobody makes twice. */
export function toMark(text: string): string {
  return text.slice(0, 36)
}

function foldRecord(fold: Fold, record: LedgerRecord): void {
  const at = Date.parse(record.ts)
  const { build, receipt } = record
  const counted = receipt?.page === 1 ? receipt : undefined
  const told = { at, isDenial: countsAsDenial(record), counted }
  foldEvent(fold, record, at)
  foldUse(fold, record, told)
  if (!build) return
  foldBuild(fold, record, told)
  foldMarks(fold, record, [build.instance, build.id])
  if (record.type === 'token.issued' && record.azure) {
    const { tenant, client_id: client } = record.azure
    const { rule = '' } = record
    fold.identities.add([tenant, client, rule], [1], [at, at])
    fold.identityBuilds.set([client, rule, build.instance, build.id])
  }
  if (receipt) foldReceipt(fold, record, receipt)
}

type Told = { at: number; isDenial: boolean; counted: ReceiptReference | undefined }

const noBuild = { instance: '', id: 0, repo: '', number: 0 }

function foldEvent(fold: Fold, record: LedgerRecord, at: number): void {
  const { node, seq, type, decision, rule = '', reasons: [reason = ''] = [] } = record
  const { instance, id, repo, number } = record.build ?? noBuild
  fold.events.push([at, node, seq, type, decision, rule, reason, instance, id, repo, number])
}

function foldUse(fold: Fold, record: LedgerRecord, { at, isDenial, counted }: Told): void {
  const { rule = '', reasons: [reason = ''] = [], build = noBuild } = record
  if (isDenial) fold.denials.add([hourOf(at), rule, reason], [1])
  const issued = record.type === 'token.issued' ? 1 : 0
  if (issued === 0 && !isDenial && !counted) return
  const use = [issued, isDenial ? 1 : 0, ...(counted ? moved(counted) : [0, 0, 0])]
  for (const repo of new Set(['', build.repo])) {
    fold.use.add(['h', repo, hourOf(at)], use)
    fold.use.add(['d', repo, at - (at % dayMs)], use)
  }
}

function foldMarks(fold: Fold, { trace, token }: LedgerRecord, build: readonly TrailValue[]): void {
  for (const mark of [trace, token?.sha256, token?.jti]) {
    if (mark !== undefined) fold.marks.set([toMark(mark), ...build, 'service'])
  }
}

// The exchange of a refusal token repeats a no that was counted when it was said.
function countsAsDenial({ decision, type, token }: LedgerRecord): boolean {
  return decision === 'deny' && !(type === 'token.denied' && token?.kind === 'refusal')
}

function moved({ bytes, duration_ms: durationMs }: ReceiptReference): number[] {
  return [1, bytes, durationMs]
}

function hourOf(at: number): number {
  return at - (at % hourMs)
}

function foldBuild(fold: Fold, record: LedgerRecord, { at, isDenial, counted }: Told): void {
  const { build, type } = record
  if (!build) return
  // The server's word goes before the runner's, and of several the last.
  const rank = type === 'token.issued' || type === 'token.revoked' ? 2 : 1
  const factKey = `${rank}${record.ts}${record.node} ${String(record.seq).padStart(16, '0')}`
  fold.builds.add({
    key: [build.instance, build.id],
    factKey,
    facts: [
      build.repo,
      build.number,
      build.event,
      build.ref,
      build.sha,
      build.source_repo,
      build.sender,
      build.trigger,
      build.status,
    ],
    class: build.class ?? '',
    at,
    endedAt: type === 'token.revoked' ? at : 0,
    counts: [
      type === 'token.issued' ? 1 : 0,
      isDenial ? 1 : 0,
      counted ? 1 : 0,
      counted?.outcome === 'failed' ? 1 : 0,
      counted?.files ?? 0,
      counted?.bytes ?? 0,
    ],
  })
}

function foldReceipt(fold: Fold, record: LedgerRecord, receipt: ReceiptReference): void {
  const { build, node, seq, rule = '' } = record
  if (!build) return
  const at = Date.parse(record.ts)
  const { account, service, container, prefix, page } = receipt
  const place = [account, service, container]
  for (const mark of [...receipt.access_token_sha256, ...receipt.correlation_ids]) {
    fold.marks.set([toMark(mark), build.instance, build.id, 'step'])
  }
  const counts =
    page === 1 ? [receipt.files, receipt.bytes, receipt.duration_ms] : ([0, 0, 0] as const)
  fold.transfers.push([
    at,
    node,
    seq,
    build.instance,
    build.id,
    build.repo,
    build.number,
    rule,
    receipt.step ?? '',
    receipt.action,
    receipt.outcome,
    ...place,
    prefix,
    ...counts,
    page,
  ])
  if (page === 1) fold.places.add(place, [1, receipt.bytes], [at, at])
  for (const { name, etag = '', bytes } of receipt.items) {
    fold.items.set([...place, name, node, seq, etag, bytes])
  }
}
