import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import { createFilter } from './glob-list.ts'

const options = { dotfiles: false, caseSensitive: true }
const paths = [
  'app.js',
  'app.js.map',
  'lib/app.js',
  'lib/app.js.map',
  'lib/node_modules/x/index.js',
  'node_modules/y/index.js',
  'docs/a.md',
  'docs/deep/b.md',
  'docs/.drafts/c.md',
]

describe('a list of globs', () => {
  const cases: [patterns: string[], has: string[]][] = [
    [['*.map'], ['app.js.map', 'lib/app.js.map']],
    [['/*.map'], ['app.js.map']],
    [['./*.map'], ['app.js.map']],
    [['node_modules'], ['lib/node_modules/x/index.js', 'node_modules/y/index.js']],
    [['node_modules/'], ['lib/node_modules/x/index.js', 'node_modules/y/index.js']],
    [['/node_modules'], ['node_modules/y/index.js']],
    [['lib/*.js'], ['lib/app.js']],
    [['**/*.md'], ['docs/a.md', 'docs/deep/b.md']],
    [['docs'], ['docs/a.md', 'docs/deep/b.md']],
    [
      ['docs', 'docs/.drafts'],
      ['docs/a.md', 'docs/deep/b.md', 'docs/.drafts/c.md'],
    ],
    [['docs', '!docs/deep'], ['docs/a.md']],
    [['docs', '!docs', 'docs/deep/*'], ['docs/deep/b.md']],
    [['lib/!(app)*'], ['lib/node_modules/x/index.js']],
    [[], []],
  ]
  for (const [patterns, has] of cases) {
    it(`[${patterns.join(', ')}] has ${has.join(', ') || 'nothing'}`, () => {
      const filter = createFilter(patterns, options)
      assert.deepEqual(
        paths.filter((path) => filter.has(path)),
        paths.filter((path) => has.includes(path)),
      )
    })
  }

  it('is refused when it begins with what it takes away', () => {
    assert.throws(() => createFilter(['!*.map', '**'], options), {
      code: 'transfer_pattern_invalid',
    })
  })

  it('lets the last line that matches decide, and knows when a whole folder is meant', () => {
    const line = fc.constantFrom('a', 'b', 'a/b', '/a', '*', 'a/*', 'b/**', '**/b', '/b/a', 'a/')
    const lines = fc.array(fc.tuple(fc.boolean(), line), { minLength: 1, maxLength: 5 })
    const path = fc
      .array(fc.constantFrom('a', 'b', 'c'), { minLength: 1, maxLength: 4 })
      .map((all) => all.join('/'))
    fc.assert(
      fc.property(lines, path, (chosen, name) => {
        const [first, ...rest] = chosen.map(([negated, pattern]) => ({ negated, pattern }))
        const list = [{ negated: false, pattern: first?.pattern ?? 'a' }, ...rest]
        const filter = createFilter(
          list.map(({ negated, pattern }) => (negated ? `!${pattern}` : pattern)),
          options,
        )
        const last = list.findLast(({ pattern }) => createFilter([pattern], options).has(name))
        assert.equal(filter.has(name), last !== undefined && !last.negated)
        if (filter.hasAllOf(name)) {
          for (const below of ['a', 'b/a', 'c/c']) assert.ok(filter.has(`${name}/${below}`))
        }
      }),
    )
  })
})
