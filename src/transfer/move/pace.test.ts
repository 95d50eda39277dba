import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import { createPace } from './pace.ts'

describe('the pace', () => {
  it('stays between one and its ceiling, whatever happens', () => {
    const event = fc.oneof(
      fc.record({ ms: fc.nat(1000), isQueued: fc.boolean() }),
      fc.constant('halve' as const),
    )
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 64 }),
        fc.array(event, { maxLength: 500 }),
        (ceiling, events) => {
          const pace = createPace({ start: 16, ceiling })
          for (const each of events) {
            if (each === 'halve') pace.halve()
            else pace.ended(each.ms, each.isQueued)
            assert.ok(pace.limit() >= 1 && pace.limit() <= ceiling)
          }
        },
      ),
    )
  })

  it('does not grow when nobody waits', () => {
    const pace = createPace({ start: 16, ceiling: 128 })
    for (let i = 0; i < 1000; i++) pace.ended(20, false)
    assert.equal(pace.limit(), 16)
  })

  it('tries a level that brought nothing again, each time later', () => {
    const pace = createPace({ start: 16, ceiling: 128 })
    let raised = 0
    const raisedAt: number[] = []
    // Everything is done by one processor, so more connections only wait longer.
    for (let ended = 0; ended < 5000; ended++) {
      const before = pace.limit()
      pace.ended(before, true)
      if (pace.limit() <= before) continue
      raised += 1
      raisedAt.push(ended)
      assert.equal(pace.limit(), 32)
    }
    const gaps = raisedAt.slice(1).map((at, index) => at - (raisedAt[index] ?? 0))
    assert.ok(raised >= 3)
    assert.deepEqual(
      gaps,
      gaps.toSorted((a, b) => a - b),
    )
  })

  it('is not misled by the handshakes of new connections', () => {
    const pace = createPace({ start: 16, ceiling: 128 })
    let fresh = 16
    let most = 16
    for (let ended = 0; ended < 3 * (16 + 32 + 64 + 128); ended++) {
      pace.ended(fresh-- > 0 ? 100 : 20, true)
      if (pace.limit() > most) fresh = pace.limit() - most
      most = Math.max(most, pace.limit())
    }
    assert.equal(pace.limit(), 128)
  })

  it('takes nothing back for one slow round while handshakes are still under way', () => {
    const serve = (count: number, ms: number) => {
      for (let index = 0; index < count; index++) pace.ended(ms, true)
    }
    const pace = createPace({ start: 16, ceiling: 32 })
    serve(3 * 16, 20)
    assert.equal(pace.limit(), 32)
    serve(3 * 32, 60)
    assert.equal(pace.limit(), 32)
    serve(32, 60)
    assert.equal(pace.limit(), 16)
  })

  it('is not misled by a few slow answers', () => {
    const pace = createPace({ start: 8, ceiling: 128 })
    for (let i = 0; i < 3 * 8 + 3 * 16; i++) pace.ended(i % 4 === 0 ? 500 : 20, true)
    assert.equal(pace.limit(), 32)
  })

  it('opens no more connections while this process has no time for them', () => {
    let hasTime = false
    const pace = createPace({ start: 4, ceiling: 64, isBusy: () => !hasTime })
    const serve = (count: number) => {
      for (let index = 0; index < count; index++) pace.ended(20, true)
    }
    serve(200)
    assert.equal(pace.limit(), 4)
    hasTime = true
    serve(200)
    assert.ok(pace.limit() > 4, `${pace.limit()}`)
  })
})
