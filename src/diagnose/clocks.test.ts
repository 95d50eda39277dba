import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { readDateHeader, readRefusedTimes, serviceBeforeEntra, showSkew } from './clocks.ts'
import { healthy } from './facts.fixture.ts'
import { judge } from './verdict.ts'
import { findWarnings } from './warnings.ts'

describe('clocks', () => {
  test('a Date header is compared with the middle of the call', () => {
    const call = { sentAtMs: 10_000, answeredAtMs: 11_000 }
    assert.equal(readDateHeader(new Date(70_000).toUTCString(), call), 60_000)
    assert.equal(readDateHeader(undefined, call), undefined)
    assert.equal(readDateHeader('soon', call), undefined)
  })

  test('the times of a refusal are read in both of Entra’s forms, and from nothing else', () => {
    const iso = readRefusedTimes(
      'Current time: 2026-01-01T00:20:00.1234567Z, assertion valid from 2026-01-01T00:00:00.0000000Z, expiry time of assertion 2026-01-01T00:10:00.0000000Z. Review',
    )
    assert.equal(iso?.fromMs, Date.parse('2026-01-01T00:00:00Z'))
    assert.equal(iso?.toMs, Date.parse('2026-01-01T00:10:00Z'))
    const american = readRefusedTimes(
      'Current time: 1/1/2026 12:20:00 AM, assertion valid from 1/1/2026 12:00:00 AM, expiry time of assertion 1/1/2026 12:10:00 AM.',
    )
    assert.equal(american?.nowMs, Date.parse('2026-01-01T00:20:00Z'))
    assert.equal(readRefusedTimes('The assertion is expired.'), undefined)
    assert.equal(
      readRefusedTimes('Current time: x, assertion valid from y, expiry time of assertion zZ'),
      undefined,
    )
  })

  test('the last reading of a clock counts', () => {
    const clocks = [
      { who: 'Entra', aheadMs: 0 },
      { who: 'trust service', aheadMs: 5_000 },
      { who: 'Entra', aheadMs: -1_000 },
    ] as const
    assert.equal(serviceBeforeEntra(clocks), 6_000)
    assert.equal(serviceBeforeEntra(clocks.slice(0, 1)), undefined)
  })

  test('a skew is said in seconds, and which way', () => {
    assert.equal(showSkew(600_400), '600 s ahead of')
    assert.equal(showSkew(-12_000), '12 s behind')
  })
})

describe('warnings on clocks', () => {
  const warningsOf = (clocks: Parameters<typeof serviceBeforeEntra>[0]) => {
    const facts = healthy({ clocks })
    return findWarnings(facts, judge(facts)).map(({ code }) => code)
  }

  test('one machine that differs from all others is this one', () => {
    const clocks = [
      { who: 'Entra', aheadMs: -600_000 },
      { who: 'storage', aheadMs: -600_300 },
    ] as const
    assert.deepEqual(warningsOf(clocks), ['clock_here'])
  })

  test('a service that differs from Entra is named before its tokens are refused', () => {
    const clocks = [
      { who: 'Entra', aheadMs: 0 },
      { who: 'trust service', aheadMs: 45_000 },
    ] as const
    assert.deepEqual(warningsOf(clocks), ['clock_service'])
  })

  test('seconds are nothing to speak of', () => {
    assert.deepEqual(warningsOf([{ who: 'Entra', aheadMs: 900 }]), [])
    assert.deepEqual(warningsOf([]), [])
  })
})
