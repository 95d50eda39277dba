import assert from 'node:assert/strict'
import { posix, resolve } from 'node:path'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import { Fault } from '../../core/fault.ts'
import { toSafeSegments } from '../local/paths.ts'
import { assertNoFolderClash, nameFiles } from './naming.ts'
import { joinName } from './select.ts'

const usual = { target: '', stripPrefix: '', flatten: false }

function file(root: string, below: string, kind = 'file') {
  return { root, below, kind, path: joinName(root, below) }
}

describe('names on the other side', () => {
  const one = (path: string, root: string, naming: Partial<typeof usual>) => {
    const below = path.slice(joinName(root, '').length)
    return nameFiles([file(root, below)], { ...usual, ...naming }).map(({ name }) => name)
  }

  it('are the target and the path below the source', () => {
    for (const target of ['to', '/to', './to', 'to/', '/to//']) {
      assert.deepEqual(one('dist/js/a.js', 'dist', { target }), ['to/js/a.js'])
    }
    for (const target of ['', '.', '/', './']) {
      assert.deepEqual(one('dist/js/a.js', 'dist', { target }), ['js/a.js'])
    }
  })

  it('are the last segment alone when they are to be flat', () => {
    assert.deepEqual(one('dist/js/a.js', 'dist', { target: 'to', flatten: true }), ['to/a.js'])
    assert.deepEqual(nameFiles([file('dist', 'x', 'folder')], { ...usual, flatten: true }), [])
  })

  // Wildcards as drone-s3 documents them; without a match we name the file as without the setting.
  const base = '/ws/out'
  const stripped: [path: string, prefix: string, name: string][] = [
    [`${base}/linux/bin/tool`, `${base}/*/`, 'bin/tool'],
    [`${base}/linux/arm64/tool`, `${base}/*/*/`, 'tool'],
    [`${base}/linux/arm64/deep/tool`, `${base}/**/`, 'tool'],
    [`${base}/linux/bin/tool`, `${base}/*/bin/`, 'tool'],
    [`${base}/v1/tool`, `${base}/v?/`, 'tool'],
    [`${base}/v123/tool`, `${base}/v???/`, 'tool'],
    [`${base}/v123/tool`, `${base}/v?/`, 'v123/tool'],
    [`${base}/linux/tool`, base, 'linux/tool'],
    [`${base}/linux/pkg/web/1.2/web.tar`, `${base}/*/pkg/*/`, '1.2/web.tar'],
    [`${base}/a/b/c/lib/tool`, `${base}/**/lib/`, 'tool'],
    [`${base}/a/lib/x/lib/y/tool`, `${base}/**/lib/`, 'y/tool'],
    [`${base}/linux/tool`, '', 'linux/tool'],
    [`${base}/linux/tool`, '/other/*/', 'linux/tool'],
    [`${base}/linux/tool`, `${base}/lin`, 'linux/tool'],
    [`${base}/linux/tool`, '/', 'ws/out/linux/tool'],
  ]
  for (const [path, stripPrefix, name] of stripped) {
    it(`are ${name} for ${path} without ${stripPrefix || 'anything cut off'}`, () => {
      assert.deepEqual(one(path, base, { stripPrefix }), [name])
    })
  }

  it('may begin above the source when the prefix is shorter, from wherever it is written', () => {
    const built = file('build/web/dist', 'js/a.js')
    for (const stripPrefix of ['build', './build/', resolve('build')]) {
      assert.deepEqual(nameFiles([built], { ...usual, stripPrefix })[0]?.name, 'web/dist/js/a.js')
    }
    const absolute = file(resolve('build/web'), 'a.js')
    assert.equal(nameFiles([absolute], { ...usual, stripPrefix: 'build' })[0]?.name, 'web/a.js')
    const remote = { root: 'a', below: 'b/c', name: 'a/b/c' }
    for (const stripPrefix of ['a/b', '/a/b', '*/b/']) {
      assert.equal(nameFiles([remote], { ...usual, stripPrefix })[0]?.name, 'c')
    }
  })

  it('are never empty: a prefix that is the whole path is refused', () => {
    assert.throws(() => one('dist/a.js', 'dist', { stripPrefix: 'dist/a.js' }), {
      code: 'transfer_name_invalid',
      message: /dist\/a\.js/,
    })
  })

  it('are given once: the same file twice is one, two files are a clash', () => {
    const twice = [file('docs', 'a.md'), file('docs', 'a.md')]
    assert.equal(nameFiles(twice, usual).length, 1)
    assert.throws(() => nameFiles([file('docs', 'a.md'), file('docs/b', 'a.md')], usual), {
      code: 'transfer_name_clash',
      message: /“docs\/a\.md” and “docs\/b\/a\.md”/,
    })
    const folders = [file('a', 'x', 'folder'), file('b', 'x', 'folder')]
    assert.equal(nameFiles(folders, usual).length, 1)
  })

  it('stay below the target, whatever is found and cut off', () => {
    const segment = fc.constantFrom('a', 'b', '.c', '..d', ' ', 'é', '*')
    const path = fc.array(segment, { minLength: 1, maxLength: 5 })
    const prefix = fc
      .array(fc.constantFrom('a', 'b', '*', '**', '?', '..', '.', '', '{a,b}'), { maxLength: 4 })
      .map((all) => all.join('/'))
    const root = fc.constantFrom('', 'a', 'a/b', '/a', '/', '..', '../a', '../../b')
    fc.assert(
      fc.property(root, path, prefix, fc.boolean(), (from, below, stripPrefix, flatten) => {
        const found = [file(from, below.join('/'))]
        try {
          const [named] = nameFiles(found, { target: 'to', stripPrefix, flatten })
          const name = named?.name ?? ''
          assert.equal(posix.normalize(`/${name}`), `/${name}`)
          assert.ok(name.startsWith('to/') && toSafeSegments(name).length > 1)
          assert.equal(name.split('/').at(-1), below.at(-1))
        } catch (error) {
          assert.ok(error instanceof Fault, String(error))
          assert.ok(['transfer_name_invalid', 'transfer_pattern_invalid'].includes(error.code))
        }
      }),
      { numRuns: 500 },
    )
  })
})

describe('names in a place with folders', () => {
  const named = (...names: string[]) =>
    names.map((name) => ({
      name: name.replace(/\/$/, ''),
      file: file('', name, name.endsWith('/') ? 'folder' : 'file'),
    }))

  it('clash when one is a file and another needs a folder of that name', () => {
    assert.throws(() => assertNoFolderClash(named('a', 'b', 'a/b/c')), {
      code: 'transfer_name_clash',
      message: /“a” is a file and “a\/b\/c”/,
    })
    assertNoFolderClash(named('a/', 'a/b', 'ab', 'b/a'))
  })

  it('clash by case where case does not count', () => {
    assertNoFolderClash(named('A', 'a', 'B/x', 'b'))
    const folds = (name: string) => name.toUpperCase()
    assert.throws(() => assertNoFolderClash(named('A', 'a'), folds), {
      code: 'transfer_name_clash',
    })
    assert.throws(() => assertNoFolderClash(named('B/x', 'b'), folds), {
      code: 'transfer_name_clash',
    })
    assertNoFolderClash(named('A/x', 'a/y', 'A/'), folds)
  })
})
