// The hash chain: hash = SHA-256(prev || canonical JSON of the record without its hash), RFC 8785.
// Changing, dropping, adding or swapping a record breaks every hash after it. A record is stored as the
// text that was hashed, with the hash as its last member, so that verifying needs no JSON parser.
import { hash as digest } from 'node:crypto'

import canonicalize from 'canonicalize'

import { Fault } from '../core/fault.ts'
import type { LedgerRow } from '../store/store.ts'
import type { LedgerEvent, LedgerRecord } from './event.ts'

/** Where a record is put: the end of the chain, the writer and the moment. */
export type Place = { seq: number; prev: string; node: string; ts: string }

/** Seals an event as the next record. */
export function seal(place: Place, event: LedgerEvent): LedgerRecord {
  return sealRow(place, event).record
}

/** Seals an event as the next record, and as the row it is stored as. */
export function sealRow(
  place: Place,
  event: LedgerEvent,
): { record: LedgerRecord; row: LedgerRow } {
  const own = { v: 1 as const, ...place }
  const open = { ...own, ...event, ...own, hash: undefined }
  const text = canonicalize(open) ?? ''
  const hash = digest('sha256', `${place.prev}${text}`)
  const row = { seq: place.seq, hash, record: `${text.slice(0, -1)}${hashMember(hash)}` }
  return { record: { ...open, hash }, row }
}

/** Whether a row is what was sealed behind the record whose hash is `prev`. */
export function isSealed(prev: string, { seq, hash, record }: LedgerRow): boolean {
  const member = hashMember(hash)
  if (!record.endsWith(member)) return false
  if (record.startsWith('{"v":')) return isSealedAsOnce(prev, { seq, hash, record })
  const text = `${record.slice(0, -member.length)}}`
  return (
    digest('sha256', `${prev}${text}`) === hash &&
    text.includes(`"prev":"${prev}"`) &&
    text.includes(`"seq":${seq},`)
  )
}

// Before records were stored in canonical form their members had the order they were written in. The
// same text must come out again: of a doubled key another reader may see the other value.
function isSealedAsOnce(prev: string, row: LedgerRow): boolean {
  const read = readRecord(row)
  return (
    isNext(read, row.seq, prev) && read.hash === row.hash && JSON.stringify(read) === row.record
  )
}

/** What a row says; undefined when it is no JSON object. */
export function readRecord({ record }: Pick<LedgerRow, 'record'>): LedgerRecord | undefined {
  try {
    const read = JSON.parse(record) as LedgerRecord | null
    return typeof read === 'object' && read !== null ? read : undefined
  } catch {
    return undefined
  }
}

/** Checks that records continue each other from `prev`; throws audit_chain_broken at the first that does not. */
export function verifyChain(prev: string, records: Iterable<unknown>, firstSeq = 1): string {
  let head = prev
  let seq = firstSeq
  for (const record of records) {
    if (!isNext(record, seq, head)) {
      const why = 'it is not what was sealed there, or does not continue the record before it'
      throw brokenAt('The ledger', { seq, kind: 'flip', why })
    }
    head = record.hash
    seq += 1
  }
  return head
}

function isNext(record: unknown, seq: number, prev: string): record is LedgerRecord {
  if (typeof record !== 'object' || record === null) return false
  const { hash, ...open } = record as LedgerRecord
  return open.seq === seq && open.prev === prev && hashOf(open) === hash
}

// What has no canonical form (a lone surrogate, say) was never sealed.
function hashOf(open: Omit<LedgerRecord, 'hash'>): string | undefined {
  try {
    return digest('sha256', `${open.prev}${canonicalize(open)}`)
  } catch {
    return undefined
  }
}

function hashMember(hash: string): string {
  return `,"hash":"${hash}"}`
}

/** What can have happened to a chain. */
export type BreakKind = 'flip' | 'drop' | 'insert' | 'swap' | 'truncate' | 'fork'

/** Where a chain is not as it was written: the first wrong number, and what was done there. */
export type Break = { seq: number; kind: BreakKind; why: string }

/** The fault of a chain that is not as it was written. */
export function brokenAt(chain: string, { seq, kind, why }: Break): Fault {
  return new Fault('audit_chain_broken', `${chain} is broken at record ${seq} (${kind}): ${why}.`, {
    details: { seq, kind },
  })
}
