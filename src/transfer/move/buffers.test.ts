import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import { createBufferPool, toPooledBytes } from './buffers.ts'

describe('the buffer pool', () => {
  it('takes memory of a few lengths, little more than asked for', () => {
    fc.assert(
      fc.property(fc.integer({ min: 4096, max: 2 ** 40 }), (sizeBytes) => {
        const pooled = toPooledBytes(sizeBytes)
        assert.ok(pooled >= sizeBytes && pooled <= sizeBytes * 1.25 + 1)
        // A buffer of the memory's own length takes the same memory.
        assert.equal(toPooledBytes(pooled), pooled)
      }),
    )
  })

  it('hands memory out again, never twice at once, and keeps no more than it may', () => {
    const lengths = fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 50 })
    fc.assert(
      fc.property(lengths, fc.nat(3), (sizes, every) => {
        const pool = createBufferPool(40_000)
        const held: Buffer[] = []
        for (const [index, size] of sizes.entries()) {
          const buffer = pool.take(size)
          assert.equal(buffer.length, size)
          assert.ok(size === 0 || held.every((other) => other.buffer !== buffer.buffer))
          if (size > 0) held.push(buffer)
          const back = index % (every + 1) === 0 ? held.shift() : undefined
          if (back) pool.give(back)
        }
      }),
    )
    const pool = createBufferPool(40_000)
    const buffers = Array.from({ length: 20 }, () => pool.take(4096))
    for (const buffer of buffers) pool.give(buffer)
    const again = Array.from({ length: 20 }, () => pool.take(4096))
    const old = new Set(buffers.map(({ buffer }) => buffer))
    assert.equal(again.filter(({ buffer }) => old.has(buffer)).length, 9)
  })
})
