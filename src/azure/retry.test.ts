import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import { toPlainLine } from './plain-line.ts'
import { parseRetryAfterMs } from './retry.ts'

describe('Retry-After', () => {
  const now = new Date('2026-01-01T00:00:00Z')
  it('is seconds or a date, and never more than a minute', () => {
    assert.equal(parseRetryAfterMs('5', now), 5000)
    assert.equal(parseRetryAfterMs('Thu, 01 Jan 2026 00:00:09 GMT', now), 9000)
    assert.equal(parseRetryAfterMs('3600', now), 60_000)
    assert.equal(parseRetryAfterMs('soon', now), undefined)
    assert.equal(parseRetryAfterMs(undefined, now), undefined)
  })

  it('is never negative whatever a server writes', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        const waitMs = parseRetryAfterMs(text, now)
        assert.ok(waitMs === undefined || (waitMs >= 0 && waitMs <= 60_000))
      }),
    )
  })
})

describe('a plain line', () => {
  it('has no control characters and bounded length', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.nat(50), (text, max) => {
        const line = toPlainLine(text, max)
        assert.ok(!/[\p{Cc}\u2028\u2029\u202e]/u.test(line))
        assert.ok(line.length <= max + 1)
      }),
    )
  })
})
