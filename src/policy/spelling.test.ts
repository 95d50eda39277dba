// How far apart a word and its suggestion may be.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { didYouMean, quote } from './spelling.ts'

const rows: [text: string, known: string[], suggestion: string][] = [
  ['ab', ['ba'], 'ba'],
  ['ab', ['xa'], ''],
  ['ab', ['bx'], ''],
  ['abcdef', ['abcd'], ''],
  ['xcab', ['xcba'], 'xcba'],
  ['abcdef', ['badcfe'], ''],
  ['abcd', ['acbd'], 'acbd'],
  ['abcdef', ['abdcfe'], 'abdcfe'],
  ['abc', ['adb'], ''],
  ['acb', ['aXb'], 'aXb'],
  ['aab', ['bba'], ''],
  ['cab', ['dba'], ''],
  ['abc', ['bax'], ''],
  ['abx', ['bay'], ''],
  ['REFS', ['refs'], 'refs'],
  ['r_e-f.s', ['refs'], 'refs'],
  ['event', ['events', 'evens'], 'events'],
  ['abcdefghi', ['abcdefxyz'], 'abcdefxyz'],
  ['abcdefghi', ['abcdefxyz', 'abcdefghx'], 'abcdefghx'],
  ['abcdefghi', ['abcdefghx', 'abcdefxhi'], 'abcdefghx'],
  ['abcdefghi', ['abcdwxyz'], ''],
  ['a', ['abcdefghijklmnop'], ''],
  ['abc', ['wxyzw'], ''],
  ['x'.repeat(64), ['x'.repeat(64)], 'x'.repeat(64)],
  ['x'.repeat(65), ['x'.repeat(65)], ''],
]
for (const [text, known, suggestion] of rows) {
  test(`spelling › of ${known.join(' and ')}, “${text}” means ${suggestion || 'none'}`, () => {
    assert.equal(didYouMean(text, known), suggestion && `; did you mean "${suggestion}"?`)
  })
}

test('spelling › quotes 80 signs whole and cuts the 81st', () => {
  assert.equal(quote('x'.repeat(80)), `"${'x'.repeat(80)}"`)
  assert.equal(quote('x'.repeat(81)), `"${'x'.repeat(79)}…"`)
})
