// The bounds of what is parsed at all, each at its edge.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Parser } from 'yaml'

import { findTokenExcess, findTreeExcess } from './yaml-guard.ts'

const treeExcess = (text: string) => findTreeExcess([...new Parser().parse(text)])
const keys = (count: number, join: string) =>
  Array.from({ length: count }, (_, index) => `k${index}: 1`).join(join)
const nested = (depth: number) =>
  Array.from({ length: depth }, (_, index) => `${' '.repeat(index)}k:\n`).join('')

const tokens: [name: string, fits: string, excess: string, says: RegExp][] = [
  ['24 brackets', '['.repeat(24), '['.repeat(25), /nested more than 24 deep$/],
  ['24 braces', '{'.repeat(24), '{'.repeat(25), /nested more than 24 deep$/],
  ['brackets that close', '[]', '[]]', /never opened/],
  ['24 dashes on a line', '- '.repeat(24), '- '.repeat(25), /24 deep on one line/],
  [
    '24 dashes on each of two lines',
    `${'- '.repeat(24)}x\n${'- '.repeat(24)}`,
    `- x\n${'- '.repeat(25)}`,
    /24 deep on one line/,
  ],
  ['24 question marks', '? '.repeat(24), '? '.repeat(25), /24 deep on one line/],
  ['24 colons', ': '.repeat(24), ': '.repeat(25), /24 deep on one line/],
  [
    'colons inside brackets',
    `[${'a: b, '.repeat(40)}]`,
    `[${'a: b, '.repeat(40)}]\n${'- '.repeat(25)}`,
    /on one line/,
  ],
  ['4 documents', '---\n'.repeat(4), '---\n'.repeat(5), /more than 4 of the kind doc-start/],
  ['4 ends', '...\n'.repeat(4), '...\n'.repeat(5), /more than 4 of the kind/],
  ['4 directives', '%A\n'.repeat(4), '%A\n'.repeat(5), /more than 4 of the kind directive-line/],
  ['1000 anchors', '- &a x\n'.repeat(1000), '- &a x\n'.repeat(1001), /1000 of the kind anchor/],
  ['1000 aliases', '- *a\n'.repeat(1000), '- *a\n'.repeat(1001), /1000 of the kind alias/],
  ['1000 tags', '- !a x\n'.repeat(1000), '- !a x\n'.repeat(1001), /1000 of the kind tag/],
  ['64 KiB of text', 'x'.repeat(65_536), 'x'.repeat(65_537), /longer than 65536 signs/],
  ['a comma', '[a, b]', '[a,, b]', /two commas/],
  ['a comma and blanks', '[a, b]', '[a, \n # c\n , b]', /two commas/],
  ['a quoted text', '["a", "b"]', '["a" "b"]', /right after another/],
  ['two plain lines', 'a\nb', "'a'\n'b'", /right after another/],
]
for (const [name, fits, excess, says] of tokens) {
  test(`yaml guard › lets ${name} pass and not more`, () => {
    assert.equal(findTokenExcess(fits), undefined)
    assert.match(findTokenExcess(excess)?.why ?? '', says)
  })
}

test('yaml guard › tells where the excess begins', () => {
  assert.equal(findTokenExcess('a: [b,, c]')?.offset, 6)
  assert.equal(findTokenExcess('a: b\nc: ]')?.offset, 8)
  assert.equal(findTokenExcess('---\n---\n---\n---\n- a\n---\n')?.offset, 20)
})

test('yaml guard › lets 500,000 signs and words pass and not one more', () => {
  const lines = '\n'.repeat(499_999)
  assert.equal(findTokenExcess(`${lines}#`), undefined)
  assert.match(findTokenExcess(`${lines}#\n#`)?.why ?? '', /more than 500000 signs and words/)
})

test('yaml guard › lets a tree 24 deep pass and not a deeper one', () => {
  assert.equal(treeExcess(`${nested(24)}${' '.repeat(24)}x`), undefined)
  const excess = treeExcess(nested(26))
  assert.match(excess?.why ?? '', /^nested more than 24 deep$/)
  assert.ok((excess?.offset ?? 0) > 0)
})

test('yaml guard › counts the depth of keys too', () => {
  assert.match(treeExcess(`${'? '.repeat(26)}x`)?.why ?? '', /nested more than 24 deep/)
})

test('yaml guard › lets 2,000 keys pass and not one more, in lines and in braces', () => {
  for (const make of [
    (count: number) => keys(count, '\n'),
    (count: number) => `{${keys(count, ', ')}}`,
    (count: number) => `[${'1, '.repeat(count - 1)}1]`,
  ]) {
    assert.equal(treeExcess(make(2000)), undefined)
    assert.deepEqual(treeExcess(make(2001)), {
      offset: 0,
      why: 'more than 2000 keys or items in one collection',
    })
  }
})

test('yaml guard › a list in lines may be longer, and its items are looked into', () => {
  assert.equal(treeExcess('- 1\n'.repeat(2001)), undefined)
  assert.ok(treeExcess(`- {${keys(2001, ', ')}}`))
})

test('yaml guard › lets a quoted key follow a plain value on the line above', () => {
  assert.equal(findTokenExcess('a:\n  b: x\n  "d": 1\n- "e"\n"f": 2\n'), undefined)
  assert.ok(findTokenExcess('a: x\n"b"\n"c"\n'))
})
