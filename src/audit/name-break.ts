// Where verifying meets a row that does not continue the chain, the rows around it tell what was done:
// which number is the first wrong one, and whether a record was changed, taken out, put in or exchanged.
import type { LedgerRow } from '../store/store.ts'
import { isSealed, readRecord, type Break } from './chain.ts'
import type { LedgerRecord } from './event.ts'

/** Where the chain was when it met the row: the number it expected, and the hash to be continued. */
export type Expected = { seq: number; prev: string }

/** Names the break; `readAt` gives the row that is stored under a number. */
export async function nameBreak(
  { seq, prev }: Expected,
  row: LedgerRow,
  readAt: ReadAt,
): Promise<Break> {
  if (row.seq !== seq) {
    return { seq, kind: 'drop', why: `it is not there; record ${row.seq} comes next` }
  }
  const here = look(row)
  const next = look(await readAt(seq + 1))
  if (!here.isWhole) {
    return next.seq === seq
      ? { seq, kind: 'insert', why: 'something was put before it' }
      : { seq, kind: 'flip', why: 'its content is not what was sealed' }
  }
  if (here.seq === seq) {
    // Whole by itself, so somebody sealed it: this one, or the one before it that it does not know.
    const isContinued = here.prev !== prev && (next.prev === row.hash || next.seq === undefined)
    return isContinued
      ? forked(seq - 1, `record ${seq} continues another one than is there now`)
      : forked(seq, 'it continues another history')
  }
  return nameMisplaced({ seq, prev }, row, { here, next, readAt })
}

// A whole record that stands where another should.
async function nameMisplaced(
  { seq, prev }: Expected,
  row: LedgerRow,
  { here, next, readAt }: { here: Look; next: Look; readAt: ReadAt },
): Promise<Break> {
  const claimed = `record ${here.seq} stands in its place`
  if (here.seq === undefined) return { seq, kind: 'flip', why: 'it has no number' }
  if (here.seq === seq - 1 && row.hash !== prev) {
    return { seq: seq - 1, kind: 'insert', why: 'another record of that number was put before it' }
  }
  if (here.seq > seq && (await isExchanged(seq, here.seq, readAt))) {
    return { seq, kind: 'swap', why: `${claimed}, and it in the place of that` }
  }
  if (next.seq === seq + 1) return { seq, kind: 'flip', why: `${claimed}, a copy` }
  if (next.seq === seq || here.seq < seq) {
    return { seq, kind: 'insert', why: `a copy of record ${here.seq} was put there` }
  }
  return { seq, kind: 'drop', why: claimed }
}

// Not where a copy of the next one was put before two neighbours: then it comes again behind them.
async function isExchanged(seq: number, other: number, readAt: ReadAt): Promise<boolean> {
  if (look(await readAt(other)).seq !== seq) return false
  return other !== seq + 1 || look(await readAt(seq + 2)).seq !== other
}

function forked(seq: number, why: string): Break {
  return { seq: Math.max(seq, 1), kind: 'fork', why }
}

// What a row says of itself, and whether it is sealed under its own words.
function look(row: LedgerRow | undefined): Look {
  const record: Partial<LedgerRecord> | undefined = row && readRecord(row)
  if (!row || !record) return { seq: undefined, prev: undefined, isWhole: false }
  const { seq, prev } = record
  return { seq, prev, isWhole: isSealed(prev ?? '', { ...row, seq: seq ?? 0 }) }
}

type Look = { seq: number | undefined; prev: string | undefined; isWhole: boolean }
type ReadAt = (seq: number) => Promise<LedgerRow | undefined>
