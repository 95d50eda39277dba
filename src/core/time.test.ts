import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { parseDurationSeconds, toNumericDate } from './time.ts'
import { version } from './version.ts'

const durations: [text: string, seconds: number | undefined][] = [
  ['1s', 1],
  ['90s', 90],
  ['10m', 600],
  ['2h', 7200],
  ['90d', 7_776_000],
  ['999999s', 999_999],
  ['0s', undefined],
  ['010m', undefined],
  ['1000000s', undefined],
  ['10', undefined],
  ['10 m', undefined],
  ['10M', undefined],
  ['1.5m', undefined],
  ['-5m', undefined],
  ['10m ', undefined],
  ['10m\n', undefined],
  ['1h30m', undefined],
  ['', undefined],
]

for (const [text, seconds] of durations) {
  test(`duration › reads ${JSON.stringify(text)} as ${seconds ?? 'nothing'}`, () => {
    assert.equal(parseDurationSeconds(text), seconds)
  })
}

test('duration › is whole seconds or nothing, for any text', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const seconds = parseDurationSeconds(text)
      return seconds === undefined || (Number.isSafeInteger(seconds) && seconds > 0)
    }),
  )
})

test('numeric date › cuts fractions, so that no token is from the future', () => {
  assert.equal(toNumericDate(new Date(1_795_000_000_999)), 1_795_000_000)
})

test('version › is that of package.json', () => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  assert.equal(version, (JSON.parse(text) as { version: string }).version)
})
