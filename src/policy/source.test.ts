// YAML at its edges: sizes, places, and the words for what is not read.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { readYaml, toFault } from './source.ts'

const messageOf = (text: string): string => {
  try {
    readYaml(text, 'file')
    return ''
  } catch (error) {
    return error instanceof Error ? error.message : ''
  }
}
const padded = (text: string, size: number) =>
  `${text}\n${'# padding\n'.repeat(size)}`.slice(0, size)

test('source › of a MiB is read, and of a byte more is not', () => {
  const mib = 1024 * 1024
  assert.equal(messageOf(padded('a: 1', mib)), '')
  assert.equal(messageOf(padded('a: 1', mib + 1)), `The file is larger than ${mib} bytes.`)
  const wide = padded('a: 1', mib - 1)
  assert.match(messageOf(`${wide.slice(0, -2)}é\n`), /^$/)
  assert.match(messageOf(`${wide.slice(0, -2)}éé`), /larger than/)
})

test('source › tells the place of an excess: line and column from 1', () => {
  assert.equal(
    messageOf('a: 1\nb: [1,, 2]\n'),
    'The file is not YAML that this service reads: line 2, column 7: two commas with nothing between them.',
  )
  assert.match(messageOf('a: 1\n# a longer line\nb: [1,, 2]\n'), /line 3, column 7: two commas/)
  assert.match(messageOf(']'), /line 1, column 1: a bracket closes that was never opened/)
})

const mistakes: [name: string, text: string, says: RegExp][] = [
  ['two documents', 'a: 1\n---\nb: 2\n', /line 2, column 1: a second document begins here/],
  ['YAML 1.1', '%YAML 1.1\n---\na: 1\n', /line 1, column 1: this is YAML 1\.2, not 1\.1/],
  ['a key twice', 'a: 1\na: 2\n', /line 2, column 1: /],
  ['a tag nobody knows', 'a: !x 1\n', /line 1, column 4: /],
  ['a missing alias', 'a: *x\n', /^The file is not YAML: Unresolved alias .*: x$/],
]
for (const [name, text, says] of mistakes) {
  test(`source › with ${name} is told as such`, () => {
    assert.match(messageOf(text), says)
  })
}

test('source › a mistake of syntax is told whole when it is short, and has its cause when it is thrown', () => {
  assert.ok(messageOf('a: 1\na: 2\n').endsWith('line 2, column 1: Map keys must be unique'))
  const hasCause = (error: Error) => error.cause instanceof Error
  assert.throws(() => readYaml('a: *x\n', 'file'), hasCause)
})

test('source › YAML 1.2, said or not, is read', () => {
  assert.deepEqual(readYaml('%YAML 1.2\n---\na: 1\n', 'file').value, { a: 1 })
  assert.deepEqual(readYaml('---\na: 1\n', 'file').value, { a: 1 })
})

test('source › a long message of the parser is cut after 199 signs', () => {
  const [, said = ''] = /column \d+: (.*)/s.exec(messageOf(`a: !${'x'.repeat(400)} 1\n`)) ?? []
  assert.equal(said.length, 200)
  assert.ok(said.endsWith('…'))
})

test('source › tells at most 500 mistakes of syntax', () => {
  const text = Array.from({ length: 600 }, (_, index) => `k${index}: !x 1`).join('\n')
  assert.equal(messageOf(text).split('\n').length, 501)
})

test('source › more than 100 uses of an alias are refused', () => {
  const uses = (count: number) => `a: &x [1]\nb: [${'*x, '.repeat(count)}]\n`
  assert.equal(messageOf(uses(90)), '')
  assert.match(messageOf(uses(200)), /alias/)
})

test('source › locates keys, values, items, and what is missing', () => {
  const { locate } = readYaml(
    'top:\n  - name: x\n    list: [1,  2]\nref: &r\n  a: 1\nuse: *r\n',
    'file',
  )
  const rows: [path: (string | number)[], on: 'key' | undefined, place: [number, number]][] = [
    [[], undefined, [1, 1]],
    [['top'], 'key', [1, 1]],
    [['top'], undefined, [2, 3]],
    [['top', 0], undefined, [2, 5]],
    [['top', 0, 'name'], undefined, [2, 11]],
    [['top', 0, 'name'], 'key', [2, 5]],
    [['top', 0, 'list', 1], undefined, [3, 16]],
    [['top', 0, 'missing'], undefined, [2, 5]],
    [['top', 0, 'name', 'deeper'], undefined, [2, 11]],
    [['use', 'a'], undefined, [5, 6]],
  ]
  for (const [path, on, [line, column]] of rows) {
    assert.deepEqual(locate(path, on), { line, column }, path.join('.'))
  }
})

test('source › an empty text is null, and still has a place', () => {
  assert.equal(readYaml('', 'file').value, null)
  assert.deepEqual(readYaml('# nothing\n', 'file').locate(['x']), { line: 1, column: 1 })
})

test('source › mistakes are told in the order of their places, with readable paths', () => {
  const source = readYaml('a: {x: 1, y: 2}\nb: 3\n', 'file')
  const { message } = toFault('file', source, [
    { path: ['b'], message: 'third' },
    { path: ['a', 'y'], message: 'second' },
    { path: ['a', 'x'], message: 'first' },
    { path: [], message: 'whole' },
    { path: ['b c'], message: 'quoted' },
    { path: ['x'.repeat(65)], message: 'long' },
    { path: ['x'.repeat(64)], message: 'fits' },
    { path: ['l', 0, 'k'], message: 'item' },
  ])
  assert.deepEqual(
    message.split('\n').map((line) => line.replace(/x{64}/, 'X')),
    [
      'The file has 8 problem(s):',
      '  - line 1, column 1: the file: whole',
      '  - line 1, column 1: "b c": quoted',
      '  - line 1, column 1: "Xx": long',
      '  - line 1, column 1: X: fits',
      '  - line 1, column 1: l[0].k: item',
      '  - line 1, column 8: a.x: first',
      '  - line 1, column 14: a.y: second',
      '  - line 2, column 4: b: third',
    ],
  )
})

test('source › tells 500 mistakes one by one, and that there are more', () => {
  const source = readYaml('a: 1\n', 'file')
  const told = (count: number) =>
    toFault(
      'file',
      source,
      Array.from({ length: count }, () => ({ path: ['a'], message: 'm' })),
    ).message.split('\n')
  assert.equal(told(500).length, 501)
  assert.deepEqual([told(501).length, told(501).at(-1)], [502, '  - and so on'])
  assert.match(told(501)[0] ?? '', /has 501 problem/)
})
