import assert from 'node:assert/strict'
import { it } from 'node:test'

import * as fc from 'fast-check'

import { createReadBuffer } from './read-buffer.ts'

it('the read buffer never gives out a place that is held, and always one with room', () => {
  const step = fc.record({ count: fc.integer({ min: 1, max: 64 }), holds: fc.boolean() })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const buffer = createReadBuffer(64)
      const held: { bytes: Buffer; mark: number }[] = []
      let place = buffer.next()
      for (const [index, { count, holds }] of steps.entries()) {
        const bytes = place.subarray(0, count)
        bytes.fill(index)
        for (const one of held) assert.ok(one.bytes.every((byte) => byte === one.mark))
        // As a connection does: what comes while something is held, is held too.
        if (holds || (held.length > 0 && index % 5 > 0)) {
          buffer.hold(bytes)
          held.push({ bytes, mark: index })
        } else {
          held.length = 0
          buffer.reset()
        }
        place = buffer.next()
        assert.ok(place.length >= 16)
      }
    }),
  )
})

it('the read buffer has one place when nothing is held', () => {
  const buffer = createReadBuffer(64)
  const first = buffer.next()
  assert.equal(buffer.next(), first)
  assert.equal(buffer.hold(first.subarray(0, 40)), false)
  assert.equal(buffer.next().byteOffset, first.byteOffset + 40)
  buffer.reset()
  assert.equal(buffer.next(), first)
  assert.equal(buffer.hold(first.subarray(0, 32)), true)
})
