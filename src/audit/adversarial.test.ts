// An intruder with the database, in every way there is to change a history: whoever does not hold the key
// is found, with the number of the first record that is not as it was, and what was done there.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { genesisHash, type LedgerRow } from '../store/store.ts'
import { readRecord, sealRow, type BreakKind } from './chain.ts'
import { createStage, memoryPlace, someEvent, sourceOf } from './history.fixture.ts'
import { openKeyring } from './keyring.ts'
import type { NoteKey } from './signed-note.ts'
import { readStatement, signStatement } from './statement.ts'
import { verifyLedger } from './verify.ts'

const seed = Number(process.env['ADVERSARY_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
const triesOfEach = 100

/** What a try leaves behind, and what must be found: the number (or the range it lies in) and the kind. */
type Attack = { rows: LedgerRow[]; seq: number; kinds: BreakKind[]; within?: number }
type Below = (limit: number) => number
type History = { rows: LedgerRow[]; keys: readonly NoteKey[]; notes: string[] }

const history = await makeHistory()
const others = [await makeHistory(9), await makeHistory(17), await makeHistory(40)]
const length = history.rows.length
// All but the last record, which is the newest checkpoint, are signed.
const signed = length - 1
const checkpointSeqs = history.rows.filter(isCheckpoint).map(({ seq }) => seq)

const attacks: Record<string, (below: Below) => Promise<Attack> | Attack> = {
  'flips a letter of a record': (below) => {
    const { rows, at } = pick(below, length)
    const { record } = rows[at] ?? fail()
    const where = below(record.length)
    const letter = String.fromCharCode(record.charCodeAt(where) ^ (1 << below(5)))
    const changed = record.slice(0, where) + letter + record.slice(where + 1)
    return replaced(rows, at, { record: changed }, ['flip'])
  },
  'flips a digit of a hash column': (below) => {
    const { rows, at } = pick(below, length)
    const { hash } = rows[at] ?? fail()
    const where = below(64)
    const digit = hash[where] === '0' ? '1' : '0'
    return replaced(rows, at, { hash: hash.slice(0, where) + digit + hash.slice(where + 1) }, [
      'flip',
    ])
  },
  'changes a record and seals it anew': (below) => {
    const { rows, at } = pick(below, signed - 1)
    const row = forge(rows[at] ?? fail(), `forged ${below(1000)}`)
    return replaced(rows, at, row, ['fork'])
  },
  'takes records out': (below) => {
    const { rows, at } = pick(below, signed)
    const count = 1 + below(Math.min(5, length - at - 1))
    return { rows: rows.toSpliced(at, count), seq: at + 1, kinds: ['drop'] }
  },
  'takes records out and counts anew': (below) => {
    const { rows, at } = pick(below, signed)
    const count = 1 + below(Math.min(5, length - at - 1))
    return { rows: count1(rows.toSpliced(at, count)), seq: at + 1, kinds: ['drop'] }
  },
  'puts a copy in': (below) => {
    const { rows, at } = pick(below, length)
    const copied = below(length)
    if (copied === at) return { rows: rows.slice(1), seq: 1, kinds: ['drop'] }
    const copy = rows[copied] ?? fail()
    return { rows: count1(rows.toSpliced(at, 0, copy)), seq: at + 1, kinds: ['insert'] }
  },
  'puts a record of its own in': (below) => {
    const { rows, at } = pick(below, length)
    const row = forge(rows[at] ?? fail(), 'mine')
    return { rows: count1(rows.toSpliced(at, 0, row)), seq: at + 1, kinds: ['insert'] }
  },
  'exchanges two records': (below) => {
    const { rows, at: one } = pick(below, length - 1)
    const other = one + 1 + below(length - one - 1)
    const [first, second] = [rows[one] ?? fail(), rows[other] ?? fail()]
    const swapped = rows.with(one, { ...second, seq: one + 1 })
    return {
      rows: swapped.with(other, { ...first, seq: other + 1 }),
      seq: one + 1,
      kinds: ['swap'],
    }
  },
  'cuts the tail off': (below) => {
    const { rows, at } = pick(below, signed)
    return { rows: rows.slice(0, at), seq: at + 1, kinds: ['truncate'] }
  },
  'writes all anew from some record on, and keeps the signed checkpoints': (below) => {
    const { rows, at } = pick(below, signed)
    const next = checkpointSeqs.find((seq) => seq > at + 1) ?? fail()
    const from = checkpointSeqs.findLast((seq) => seq < next) ?? 0
    const anew = rewrite(rows, at, (text) => text)
    // A changed checkpoint cannot be kept: the one it was is missed where the next is.
    return { rows: anew, seq: Math.min(from, at + 1), within: next, kinds: ['fork'] }
  },
  'writes all anew and signs with a key of its own': async (below) => {
    const { rows, at } = pick(below, signed)
    const thief = await openKeyring({ now: () => new Date(), place: memoryPlace() }, 'node-1')
    const next = checkpointSeqs.find((seq) => seq > at) ?? fail()
    const anew = rewrite(rows, at, (note) => {
      const statement = readStatement(note) ?? fail()
      return signStatement(thief.signer(), statement)
    })
    return { rows: anew, seq: next, kinds: ['fork'] }
  },
  'replays another history, with a key of its own': (below) => {
    const { rows } = others[below(others.length)] ?? fail()
    const first = rows.find(isCheckpoint) ?? fail()
    const end = first.seq + below(rows.length - first.seq)
    return { rows: rows.slice(0, end), seq: first.seq, kinds: ['fork'] }
  },
  'replays another history, without any signature': async (below) => {
    const [first] = history.notes.map((note) => readStatement(note)?.size ?? 0)
    const rows = rewrite(
      history.rows.filter((row) => !isCheckpoint(row)),
      0,
      (note) => note,
    )
    const size = below(2) === 0 ? rows.length : (first ?? 0) + 1
    return { rows: rows.slice(0, size), seq: first ?? 0, kinds: ['fork'] }
  },
}

for (const [number, [name, attack]] of Object.entries(attacks).entries()) {
  test(`intruder › who ${name} is found every time (seed ${seed})`, async () => {
    const below = randomFrom(seed + number)
    for (let round = 0; round < triesOfEach; round += 1) {
      const { rows, seq, kinds, within = seq } = await attack(below)
      const found = await findBreak(rows)
      const where = `${name}, round ${round}: expected ${seq}..${within} ${kinds.join(' or ')}, found ${JSON.stringify(found)}`
      assert.ok(found && found.seq >= seq && found.seq <= within, where)
      assert.ok(kinds.includes(found.kind), where)
    }
  })
}

test('intruder › who does nothing is not accused', async () => {
  assert.equal(await findBreak(history.rows), undefined)
})

async function findBreak(rows: LedgerRow[]): Promise<{ seq: number; kind: BreakKind } | undefined> {
  const keysOf = () => history.keys
  try {
    await verifyLedger(sourceOf(rows), keysOf, history.notes)
    return undefined
  } catch (error) {
    const { details } = error as { details?: { seq: number; kind: BreakKind } }
    if (!details) throw error
    return details
  }
}

async function makeHistory(every = 17): Promise<History> {
  const { store, ledger, checkpoint, keyring, notes } = await createStage()
  for (let index = 0; index < 120; index += 1) {
    await ledger.append(someEvent(index))
    if (index % every === every - 1) await checkpoint()
  }
  await ledger.append(someEvent(120))
  await checkpoint()
  const rows = await store.readLedger('node-1', 1, 1000)
  await store.close()
  return { rows, notes, keys: keyring.keys() }
}

function isCheckpoint(row: LedgerRow): boolean {
  return readRecord(row)?.checkpoint !== undefined
}

function pick(below: Below, limit: number): { rows: LedgerRow[]; at: number } {
  return { rows: history.rows, at: below(limit) }
}

function replaced(
  rows: LedgerRow[],
  at: number,
  change: Partial<LedgerRow>,
  kinds: BreakKind[],
): Attack {
  return { rows: rows.with(at, { ...(rows[at] ?? fail()), ...change }), seq: at + 1, kinds }
}

function count1(rows: LedgerRow[]): LedgerRow[] {
  return rows.map((row, index) => ({ ...row, seq: index + 1 }))
}

// The same place with other content, sealed well.
function forge(row: LedgerRow, detail: string): LedgerRow {
  const { hash: _, v: __, seq, prev, node, ts, ...event } = readRecord(row) ?? fail()
  return sealRow({ seq, prev, node, ts }, { ...event, detail }).row
}

function rewrite(
  rows: readonly LedgerRow[],
  at: number,
  signAgain: (note: string) => string,
): LedgerRow[] {
  const made = rows.slice(0, at)
  for (const row of rows.slice(at)) {
    const { hash: _, v: __, seq: ___, prev: ____, node, ts, ...event } = readRecord(row) ?? fail()
    const { seq, hash: prev } = made.at(-1) ?? { seq: 0, hash: genesisHash }
    const { checkpoint } = event
    const again = checkpoint && { ...checkpoint, note: signAgain(checkpoint.note) }
    const detail = made.length === at ? 'rewritten' : event.detail
    const changed = { ...event, ...(again && { checkpoint: again }), ...(detail && { detail }) }
    made.push(sealRow({ seq: seq + 1, prev, node, ts }, changed).row)
  }
  return made
}

function fail(): never {
  throw new Error('the history is not as this test made it')
}

// mulberry32: small, and the same everywhere for a seed.
function randomFrom(start: number): Below {
  let state = start
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
}
