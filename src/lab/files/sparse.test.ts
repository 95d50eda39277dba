import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import * as fc from 'fast-check'

import { type Extent, listRanges, overwrite, readPieces, storedBytes } from './sparse.ts'

const size = 40

describe('sparse content', () => {
  const step = fc.record({
    from: fc.integer({ min: 0, max: size - 1 }),
    length: fc.integer({ min: 1, max: 15 }),
    fill: fc.integer({ min: 0, max: 255 }),
    clears: fc.boolean(),
  })

  test('is what a plain buffer would be, and knows what was written', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const plain = Buffer.alloc(size)
        const isWritten = Array.from({ length: size }, () => false)
        let extents: Extent[] = []
        for (const { from, length, fill, clears } of steps) {
          const to = Math.min(from + length, size) - 1
          const bytes = clears ? undefined : Buffer.alloc(to - from + 1, fill)
          extents = overwrite(extents, { from, to }, bytes)
          plain.fill(clears ? 0 : fill, from, to + 1)
          isWritten.fill(!clears, from, to + 1)
        }
        const whole = { from: 0, to: size - 1 }
        assert.ok(Buffer.concat(readPieces(extents, whole)).equals(plain))
        const middle = { from: 7, to: 31 }
        assert.ok(Buffer.concat(readPieces(extents, middle)).equals(plain.subarray(7, 32)))
        const listed = Array.from({ length: size }, () => false)
        const ranges = listRanges(extents, whole)
        for (const { from, to } of ranges) listed.fill(true, from, to + 1)
        assert.deepEqual(listed, isWritten)
        assert.ok(ranges.every(({ from }, at) => at === 0 || from > (ranges[at - 1]?.to ?? 0) + 1))
        assert.equal(storedBytes(extents), isWritten.filter(Boolean).length)
      }),
    )
  })
})
