// The hash chain: hash = SHA-256(prev || canonical JSON of the record without its hash), RFC 8785.
// Changing, dropping, adding or swapping a record breaks every hash after it.
import canonicalize from 'canonicalize'

import { sha256Hex } from '../core/digest.ts'
import { Fault } from '../core/fault.ts'
import type { LedgerEvent, LedgerRecord } from './event.ts'

/** Where a record is put: the end of the chain, the writer and the moment. */
export type Place = { seq: number; prev: string; node: string; ts: string }

/** Seals an event as the next record. */
export function seal(place: Place, event: LedgerEvent): LedgerRecord {
  const open = { v: 1 as const, ...place, ...event }
  return { ...open, hash: hashRecord(open) }
}

/** Checks that records of a chain continue each other from `prev`; throws audit_chain_broken at the first that does not. */
export function verifyChain(
  prev: string,
  records: Iterable<unknown>,
  firstSeq = 1,
  chain = 'The ledger',
): string {
  let head = prev
  let seq = firstSeq
  const broken = (at: number, why: string) => brokenAt(chain, at, why)
  for (const record of records) {
    if (typeof record !== 'object' || record === null) throw broken(seq, 'it is no record')
    const { hash, ...open } = record as LedgerRecord
    if (open.seq !== seq) throw broken(seq, `record ${open.seq} stands in the place of ${seq}`)
    if (open.prev !== head) throw broken(seq, 'it does not continue the record before it')
    if (!isSealed(open, hash)) throw broken(seq, 'its content is not what was sealed')
    head = hash
    seq += 1
  }
  return head
}

function isSealed(open: Omit<LedgerRecord, 'hash'>, hash: string): boolean {
  try {
    return hashRecord(open) === hash
  } catch {
    // What has no canonical form (a lone surrogate, say) was never sealed.
    return false
  }
}

function hashRecord(open: Omit<LedgerRecord, 'hash'>): string {
  return sha256Hex(`${open.prev}${canonicalize(open)}`)
}

/** The fault of a chain that is not as it was written. */
export function brokenAt(chain: string, seq: number, why: string): Fault {
  return new Fault('audit_chain_broken', `${chain} is broken at record ${seq}: ${why}.`, {
    details: { seq },
  })
}
