import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { StorageCRC64Calculator } from '@azure/storage-common'
import * as fc from 'fast-check'

import { assembleCrc64, foldExponents } from './crc64-assembly.ts'
import { powerOfBytes } from './crc64-field.ts'
import { foldBytes, pieceBytes } from './crc64-layout.ts'
import { crc64Module } from './crc64-module.ts'
import { combineAll, combineCrc64, crc64Of, createCrc64, emptyCrc64 } from './crc64.ts'

// Bit by bit, as the definition says.
function crc64Slowly(bytes: Uint8Array): string {
  const ones = 0xffff_ffff_ffff_ffffn
  let sum = ones
  for (const byte of bytes) {
    sum ^= BigInt(byte)
    for (let bit = 0; bit < 8; bit++) {
      sum = (sum >> 1n) ^ (sum & 1n ? 0x9a6c_9329_ac4b_c9b5n : 0n)
    }
  }
  const wire = Buffer.alloc(8)
  wire.writeBigUInt64LE(sum ^ ones)
  return wire.toString('base64')
}

// Content that is cheap to make at any length and differs everywhere.
function makeContent(sizeBytes: number, seed = 1): Buffer {
  const bytes = Buffer.alloc(sizeBytes)
  for (let at = 0, state = seed; at < sizeBytes; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    bytes[at] = state >>> 24
  }
  return bytes
}

const content = fc
  .tuple(fc.oneof(fc.nat(200), fc.nat(12_000)), fc.nat())
  .map(([sizeBytes, seed]) => makeContent(sizeBytes, seed))

describe('CRC-64/NVME', () => {
  it('has the check value of its definition', () => {
    const wire = Buffer.from(crc64Of(Buffer.from('123456789')), 'base64')
    assert.equal(wire.readBigUInt64LE(), 0xae8b_1486_0a79_9888n)
    assert.equal(crc64Of(Buffer.alloc(0)), emptyCrc64)
  })

  it('agrees with its definition at every length around the steps of the kernel', () => {
    const edges = [8, 16, 2 * foldBytes, 2 * foldBytes + 16, pieceBytes, pieceBytes + foldBytes]
    for (const edge of edges) {
      for (let sizeBytes = edge - 2; sizeBytes <= edge + 17; sizeBytes++) {
        const bytes = makeContent(sizeBytes)
        assert.equal(crc64Of(bytes), crc64Slowly(bytes), `${sizeBytes} bytes`)
      }
    }
  })

  it('agrees with the calculator of the Azure SDK', async () => {
    await StorageCRC64Calculator.init()
    for (const sizeBytes of [1, 16_384, 1_000_003]) {
      const bytes = makeContent(sizeBytes)
      const theirs = new StorageCRC64Calculator()
      theirs.append(bytes, sizeBytes)
      const wire = Buffer.from(theirs.final(new Uint8Array(), 0))
      assert.equal(crc64Of(bytes), wire.toString('base64'))
    }
  })

  it('does not depend on how the bytes are cut, nor on other sums in progress', () => {
    fc.assert(
      fc.property(fc.array(content, { maxLength: 6 }), content, (pieces, other) => {
        const [sum, another] = [createCrc64(), createCrc64()]
        for (const piece of pieces) {
          sum.update(piece)
          another.update(other)
          sum.digest()
        }
        assert.equal(sum.digest(), crc64Slowly(Buffer.concat(pieces)))
        assert.equal(another.digest(), crc64Of(Buffer.concat(pieces.map(() => other))))
      }),
      { numRuns: 30 },
    )
  })

  it('leaves the bytes as they are', () => {
    const bytes = makeContent(20_000)
    crc64Of(bytes)
    assert.deepEqual(bytes, makeContent(20_000))
  })

  it('combines the sums of parts into the sum of all', () => {
    fc.assert(
      fc.property(fc.array(content, { maxLength: 6 }), (pieces) => {
        const whole = crc64Of(Buffer.concat(pieces))
        const parts = pieces.map((piece) => ({ crc64: crc64Of(piece), sizeBytes: piece.length }))
        assert.equal(combineAll(parts), whole)
        const inTurn = parts.reduce(
          (sum, { crc64, sizeBytes }) => combineCrc64(sum, crc64, sizeBytes),
          emptyCrc64,
        )
        assert.equal(inTurn, whole)
      }),
    )
  })

  it('combines lengths beyond 32 bits', () => {
    const [a, b] = [crc64Of(Buffer.from('a')), crc64Of(Buffer.from('b'))]
    const half = combineCrc64(a, emptyCrc64, 2 ** 40)
    assert.equal(combineCrc64(half, b, 2 ** 40), combineCrc64(a, b, 2 ** 41))
    assert.notEqual(half, combineCrc64(a, emptyCrc64, 2 ** 40 + 2 ** 32))
  })

  it('refuses what is not a sum', () => {
    assert.throws(() => combineCrc64(emptyCrc64, 'AAAA', 1), RangeError)
  })

  it('folds by a true multiple of the polynomial', () => {
    const powers = foldExponents.map((exponent) => powerOfBytes(exponent))
    assert.deepEqual(
      powers.reduce(({ high, low }, next) => ({
        high: (high ^ next.high) >>> 0,
        low: (low ^ next.low) >>> 0,
      })),
      { high: 0, low: 0 },
    )
  })

  it('runs the module that its assembly makes', () => {
    assert.equal(crc64Module, Buffer.from(assembleCrc64()).toString('base64'))
  })
})
