import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { createIgnore } from './ignore.ts'
import { selecting } from './select.fixture.ts'
import { folderOf, joinName, lastSegment, parseSources, requireFiles } from './select.ts'

const nothing = { dotted: 0, links: 0, special: 0 }

describe('a job that finds nothing', () => {
  it('ends with what was left out', () => {
    assert.throws(
      () => requireFiles(0, selecting(['a', 'b/*']), { ...nothing, links: 1, dotted: 2 }),
      {
        code: 'transfer_no_files',
        message: 'No file matches “a”, “b/*”; left out: 2 beginning with a dot, 1 symbolic links.',
      },
    )
  })
  it('goes on with a sentence, or without, when it is told to', () => {
    const none = (ifNoFiles: 'warn' | 'ignore') =>
      requireFiles(0, selecting(['a'], { ifNoFiles }), nothing)
    assert.equal(none('warn'), 'No file matches “a”.')
    assert.equal(none('ignore'), undefined)
    assert.equal(requireFiles(1, selecting(['a']), nothing), undefined)
  })
})

describe('sources', () => {
  it('are files, folders or globs, and know what later ones take away', () => {
    const sources = parseSources(selecting(['./a/', 'b/*', '!b/x', 'c', '!(d)', '!e']))
    assert.deepEqual(
      sources.map(({ literal, pattern, takings }) => [literal, pattern?.base, takings.length]),
      [
        ['a', undefined, 2],
        ['b/*', 'b', 2],
        ['c', undefined, 1],
        ['!(d)', '', 1],
      ],
    )
    assert.deepEqual(
      parseSources(selecting(['.', '/', './'])).map(({ literal }) => literal),
      ['', '/', ''],
    )
  })
})

describe('an ignore file', () => {
  it('is read as git reads it', () => {
    const text = '\ufeff# comment\n*.log\n!keep.log\nbuild/\n/top\nsub/*.txt\n\\!odd\n'
    const ignored = createIgnore(text, { caseSensitive: true })
    const cases: [path: string, isIgnored: boolean][] = [
      ['a.log', true],
      ['x/a.log', true],
      ['x/keep.log', false],
      ['A.LOG', false],
      ['build/x', true],
      ['x/build/y', true],
      ['build', false],
      ['top', true],
      ['x/top', false],
      ['sub/a.txt', true],
      ['sub/x/a.txt', false],
      ['!odd', true],
      ['../a.log', false],
      ['/a.log', false],
    ]
    for (const [path, isIgnored] of cases) assert.equal(ignored.ignoresFile(path), isIgnored, path)
    assert.ok(ignored.ignoresFolder('build'))
    assert.ok(createIgnore('*.log', { caseSensitive: false }).ignoresFile('A.LOG'))
  })
})

describe('paths', () => {
  it('are put together and taken apart', () => {
    assert.deepEqual(
      [joinName('', 'a'), joinName('a', 'b'), joinName('a/', 'b'), joinName('/', 'b')],
      ['a', 'a/b', 'a/b', '/b'],
    )
    assert.deepEqual(
      [folderOf('a'), folderOf('a/b'), folderOf('/a'), folderOf('/a/b')],
      ['', 'a', '/', '/a'],
    )
    assert.deepEqual([lastSegment('a'), lastSegment('a/b')], ['a', 'b'])
  })
})
