import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { Fault } from '../core/fault.ts'
import { genesisHash } from '../store/store.ts'
import { isSealed, readRecord, seal, sealRow, verifyChain } from './chain.ts'
import type { LedgerEvent, LedgerRecord } from './event.ts'

const event = (index: number): LedgerEvent => ({
  type: index % 2 === 0 ? 'token.requested' : 'token.denied',
  decision: index % 2 === 0 ? 'allow' : 'deny',
  rule: 'publish',
  reasons: ['policy_ref_denied'],
  detail: `record é ${index}`,
  token: { kind: 'id', jti: `jti-${index}`, exp: 1_795_000_000 + index },
})

function chainOf(length: number): LedgerRecord[] {
  const records: LedgerRecord[] = []
  for (let index = 0; index < length; index += 1) {
    const prev = records.at(-1)?.hash ?? genesisHash
    const ts = new Date(1_795_000_000_000 + index).toISOString()
    records.push(seal({ seq: index + 1, prev, node: 'node-1', ts }, event(index)))
  }
  return records
}

function brokenAt(records: unknown[], prev = genesisHash, first = 1): number | undefined {
  try {
    verifyChain(prev, records, first)
    return undefined
  } catch (error) {
    assert.ok(error instanceof Fault, String(error))
    assert.equal(error.code, 'audit_chain_broken')
    assert.equal(error.exitCode, 6)
    return error.details['seq'] as number
  }
}

test('chain › continues from the genesis hash to the last record', () => {
  const records = chainOf(5)
  assert.equal(verifyChain(genesisHash, records), records[4]?.hash)
  assert.equal(verifyChain(genesisHash, []), genesisHash)
  assert.equal(verifyChain(records[1]?.hash ?? '', records.slice(2), 3), records[4]?.hash)
})

test('chain › hashes prev and the canonical JSON (RFC 8785) of all else, as anybody can redo', () => {
  const place = { seq: 1, prev: genesisHash, node: 'n', ts: '2026-11-23T12:00:00.000Z' }
  const record = seal(place, { type: 'service.started', decision: 'info', detail: 'é' })
  const canonical = `{"decision":"info","detail":"é","node":"n","prev":"${genesisHash}","seq":1,"ts":"2026-11-23T12:00:00.000Z","type":"service.started","v":1}`
  const expected = createHash('sha256')
    .update(genesisHash + canonical)
    .digest('hex')
  assert.equal(record.hash, expected)
})

test('chain › does not depend on the order in which keys are written', () => {
  const [record] = chainOf(1)
  assert.ok(record)
  const turned = reverseKeys(record)
  assert.notEqual(JSON.stringify(turned), JSON.stringify(record))
  assert.equal(verifyChain(genesisHash, [turned]), record.hash)
})

test('chain › sealed from events with keys in any order has the same hash', () => {
  const place = { seq: 1, prev: genesisHash, node: 'n', ts: 't' }
  const turned = reverseKeys(event(1)) as LedgerEvent
  assert.deepEqual(sealRow(place, turned).row, sealRow(place, event(1)).row)
})

test('chain › cannot be talked over by an event that brings its own seq, prev or hash', () => {
  const place = { seq: 1, prev: genesisHash, node: 'n', ts: 't' }
  const sly = { ...event(0), hash: 'f'.repeat(64), seq: 7, prev: 'e'.repeat(64) } as LedgerEvent
  assert.deepEqual(sealRow(place, sly), sealRow(place, event(0)))
})

test('chain › is stored as the text that was hashed, with the hash behind it', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.jsonValue(), (detail, reasons) => {
      const place = { seq: 3, prev: genesisHash, node: 'n', ts: 't' }
      const { record, row } = sealRow(place, { ...event(1), detail, reasons } as LedgerEvent)
      assert.deepEqual(JSON.parse(row.record), JSON.parse(JSON.stringify(record)))
      assert.ok(isSealed(genesisHash, row))
      assert.equal(verifyChain(genesisHash, [readRecord(row)], 3), row.hash)
    }),
  )
})

test('chain › holds a row to its text, also one of before texts were canonical', () => {
  const [record] = chainOf(1)
  assert.ok(record)
  const { v, seq, prev, node, ts, hash, ...rest } = record
  const old = { seq, hash, record: JSON.stringify({ v, seq, prev, node, ts, ...rest, hash }) }
  const { row } = sealRow({ seq, prev, node, ts }, event(0))
  for (const each of [old, row]) {
    assert.ok(isSealed(prev, each))
    assert.ok(!isSealed('e'.repeat(64), each))
    assert.ok(!isSealed(prev, { ...each, seq: 2 }))
    assert.ok(!isSealed(prev, { ...each, hash: 'e'.repeat(64) }))
    for (let at = 0; at < each.record.length; at += 1) {
      const letter = String.fromCharCode(each.record.charCodeAt(at) ^ 1)
      const text = `${each.record.slice(0, at)}${letter}${each.record.slice(at + 1)}`
      assert.ok(!isSealed(prev, { ...each, record: text }), text)
    }
    assert.ok(!isSealed(prev, { ...each, record: each.record.replace('{', '{"rule":"x",') }))
    assert.ok(!isSealed(prev, { ...each, record: each.record.replace(/}$/, ' }') }))
  }
})

const length = 12
const index = fc.integer({ min: 0, max: length - 1 })

test('chain › property: a changed value is found in its own record', () => {
  const paths = ['v', 'seq', 'prev', 'node', 'ts', 'type', 'decision', 'rule', 'detail', 'hash']
  fc.assert(
    fc.property(index, fc.constantFrom(...paths), fc.jsonValue(), (at, path, value) => {
      const records = chainOf(length)
      const record = records[at] as unknown as Record<string, unknown>
      fc.pre(JSON.stringify(record[path]) !== JSON.stringify(value))
      record[path] = value
      assert.equal(brokenAt(records), at + 1)
    }),
  )
})

test('chain › property: one flipped letter anywhere in a record is found', () => {
  fc.assert(
    fc.property(index, fc.nat(), (at, where) => {
      const records: unknown[] = chainOf(length)
      const text = JSON.stringify(records[at])
      const position = where % text.length
      const letter = text.charCodeAt(position) ^ 1
      const flipped =
        text.slice(0, position) + String.fromCharCode(letter) + text.slice(position + 1)
      try {
        records[at] = JSON.parse(flipped)
      } catch {
        return
      }
      assert.equal(brokenAt(records), at + 1)
    }),
    { numRuns: 1000 },
  )
})

test('chain › property: an added or a removed key is found', () => {
  fc.assert(
    fc.property(index, fc.string({ minLength: 1 }), (at, key) => {
      const added = chainOf(length)
      const record = added[at] as unknown as Record<string, unknown>
      fc.pre(!(key in record))
      record[key] = 'x'
      assert.equal(brokenAt(added), at + 1)
      const removed = chainOf(length)
      delete removed[at]?.reasons
      assert.equal(brokenAt(removed), at + 1)
    }),
  )
})

test('chain › property: a dropped record is found where it stood, unless it was the last', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: length - 2 }), (at) => {
      assert.equal(brokenAt(chainOf(length).toSpliced(at, 1)), at + 1)
    }),
  )
})

test('chain › property: a run cut out of the middle is found where it begins', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: length - 2 }), fc.nat(), (at, some) => {
      const count = 1 + (some % (length - 1 - at))
      assert.equal(brokenAt(chainOf(length).toSpliced(at, count)), at + 1)
    }),
  )
})

test('chain › property: two swapped records are found at the first of them', () => {
  fc.assert(
    fc.property(index, index, (one, other) => {
      fc.pre(one !== other)
      const records = chainOf(length)
      const [first, second] = [records[one], records[other]]
      assert.ok(first && second)
      assert.equal(brokenAt(records.with(one, second).with(other, first)), Math.min(one, other) + 1)
    }),
  )
})

test('chain › property: an inserted or doubled record is found where it was put', () => {
  fc.assert(
    fc.property(index, index, (at, copied) => {
      const records = chainOf(length)
      const copy = records[copied]
      const hasRoom = copied !== at
      fc.pre(hasRoom)
      assert.equal(brokenAt(records.toSpliced(at, 0, copy as LedgerRecord)), at + 1)
    }),
  )
})

test('chain › property: a record sealed anew breaks the one after it', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: length - 2 }), (at) => {
      const records = chainOf(length)
      const { seq, prev, node, ts } = records[at] as LedgerRecord
      records[at] = seal({ seq, prev, node, ts }, { ...event(at), decision: 'allow', rule: 'mine' })
      assert.equal(brokenAt(records), at + 2)
    }),
  )
})

for (const { name, record } of [
  { name: 'null', record: null },
  { name: 'a number', record: 7 },
  { name: 'a text', record: 'record' },
  { name: 'a list', record: [] },
  { name: 'nothing', record: undefined },
  { name: 'an empty object', record: {} },
  { name: 'a record that has no canonical form', record: { ...chainOf(3)[2], detail: '\ud83d' } },
]) {
  test(`chain › is broken by ${name} in the place of a record`, () => {
    assert.equal(brokenAt([...chainOf(2), record]), 3)
  })
}

test('chain › counts without a gap: a record well sealed under another number is broken', () => {
  const records = chainOf(3)
  const prev = records[2]?.hash ?? ''
  const skipping = seal({ seq: 5, prev, node: 'node-1', ts: 't' }, event(3))
  assert.equal(brokenAt([...records, skipping]), 4)
  assert.equal(brokenAt(records.slice(1), records[0]?.hash, 1), 1)
  assert.equal(brokenAt(records.slice(1), records[0]?.hash, 2), undefined)
})

test('chain › of another ledger does not continue ours', () => {
  const [one, other] = [chainOf(3), chainOf(3)]
  other[0] = seal({ seq: 1, prev: genesisHash, node: 'b', ts: 't' }, event(0))
  const tail = seal({ seq: 2, prev: other[0].hash, node: 'b', ts: 't' }, event(1))
  assert.equal(brokenAt([one[0], tail]), 2)
})

function reverseKeys(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  const entries = Object.entries(value).map(([key, each]) => [key, reverseKeys(each)] as const)
  return Object.fromEntries(entries.toReversed())
}
