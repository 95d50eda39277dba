import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import type { Rule } from '../job.ts'
import { guessContentType } from './content-type.ts'
import { takeCompressed } from './rules-siblings.ts'
import { createRules } from './rules.ts'

describe('rules', () => {
  it('decide every property by the first rule that names it, and metadata and tags key by key', () => {
    const ruled = createRules([
      { match: ['*.html'], set: { cacheControl: 'no-cache', metadata: { from: 'pages' } } },
      { match: ['assets/**'], set: { cacheControl: 'immutable', tags: { kind: 'asset' } } },
      {
        match: ['**'],
        set: {
          cacheControl: 'max-age=60',
          contentLanguage: 'en',
          metadata: { from: 'all', build: '7' },
          tags: { kind: 'other', team: 'web' },
          tier: 'Cool',
        },
      },
    ])
    assert.deepEqual(ruled('assets/deep/a.html').properties, {
      contentType: 'text/html; charset=utf-8',
      cacheControl: 'no-cache',
      contentLanguage: 'en',
      metadata: { from: 'pages', build: '7' },
      tags: { kind: 'asset', team: 'web' },
      tier: 'Cool',
    })
    assert.equal(ruled('.well-known/x').properties.cacheControl, 'max-age=60')
  })

  it('leave a file alone that none of them matches', () => {
    const bare = createRules([{ match: ['*.css'], set: { cacheControl: 'x' } }])('a.bin')
    assert.deepEqual(bare, {
      properties: { contentType: 'application/octet-stream', metadata: {}, tags: {} },
    })
  })

  it('compress what they match, but nothing a rule says is encoded already', () => {
    const ruled = createRules([
      { match: ['*.gz'], set: { contentEncoding: 'gzip' } },
      { match: ['*.js'], set: {}, compress: 'br' },
      { match: ['**', '!*.png'], set: {}, compress: 'gzip' },
    ])
    assert.deepEqual(
      ['a.gz', 'a.js', 'a.txt', 'a.png'].map((below) => {
        const { properties, compress } = ruled(below)
        return [compress, properties.contentEncoding]
      }),
      [
        [undefined, 'gzip'],
        ['br', 'br'],
        ['gzip', 'gzip'],
        [undefined, undefined],
      ],
    )
    const sent = ruled('a.js', 'zstd')
    assert.deepEqual([sent.compress, sent.properties.contentEncoding], [undefined, 'zstd'])
    assert.equal(sent.properties.contentType, 'text/javascript; charset=utf-8')
  })

  it('agree with asking one rule after the other, in every order', () => {
    const rule: fc.Arbitrary<Rule> = fc.record({
      match: fc.constantFrom(['a'], ['b'], ['**'], ['a', 'b'], ['**', '!a']),
      set: fc.record(
        {
          cacheControl: fc.constantFrom('x', 'y'),
          contentType: fc.constantFrom('t/x', 't/y'),
          metadata: fc.dictionary(fc.constantFrom('k', 'l'), fc.constantFrom('1', '2')),
        },
        { requiredKeys: [] },
      ),
    })
    fc.assert(
      fc.property(fc.array(rule), fc.constantFrom('a', 'b', 'c'), (rules, name) => {
        const { properties } = createRules(rules)(name)
        const alone = rules.filter(({ match }) => {
          const marked = createRules([{ match, set: { contentLanguage: 'hit' } }])(name)
          return marked.properties.contentLanguage === 'hit'
        })
        const first = <Value>(of: (each: Rule) => Value | undefined) =>
          alone.map(of).find((value) => value !== undefined)
        assert.equal(
          properties.cacheControl,
          first(({ set }) => set.cacheControl),
        )
        assert.equal(
          properties.contentType,
          first(({ set }) => set.contentType) ?? 'application/octet-stream',
        )
        for (const key of ['k', 'l']) {
          assert.equal(
            properties.metadata[key],
            first(({ set }) => set.metadata?.[key]),
          )
        }
      }),
    )
  })
})

describe('the content type of a name', () => {
  const cases: [name: string, type: string][] = [
    ['a.html', 'text/html; charset=utf-8'],
    ['a/b.MD', 'text/markdown; charset=utf-8'],
    ['a.js', 'text/javascript; charset=utf-8'],
    ['a.json', 'application/json'],
    ['a.svg', 'image/svg+xml'],
    ['a.png', 'image/png'],
    ['a.tar.gz', 'application/gzip'],
    ['a.wasm', 'application/wasm'],
    ['Makefile', 'application/octet-stream'],
    ['a.constructor', 'application/octet-stream'],
  ]
  for (const [name, type] of cases) {
    it(`is ${type} for ${name}`, () => {
      assert.equal(guessContentType(name), type)
    })
  }
})

describe('compressed siblings', () => {
  const sent = (...names: string[]) =>
    takeCompressed(
      names.map((below) => ({ root: 'dist', below, kind: 'file', path: `dist/${below}` })),
    ).map(
      ({ path, below, encoding }) =>
        `${path.slice(5)} as ${below}${encoding ? ` ${encoding}` : ''}`,
    )

  it('are sent in the place of the file they belong to, the best one of several', () => {
    assert.deepEqual(sent('a.js', 'a.js.gz', 'a.js.br', 'a.js.zst', 'b.css', 'b.css.gz', 'c'), [
      'a.js.br as a.js br',
      'b.css.gz as b.css gzip',
      'c as c',
    ])
    assert.deepEqual(sent('a.js.zst', 'a.js.gz', 'a.js'), ['a.js.zst as a.js zstd'])
  })
  it('are files like others when they lie alone', () => {
    assert.deepEqual(sent('a.tar.gz', 'x.br'), ['a.tar.gz as a.tar.gz', 'x.br as x.br'])
  })
  it('of siblings are sent once', () => {
    assert.deepEqual(sent('a', 'a.gz', 'a.gz.br'), ['a.gz as a gzip'])
  })
  it('belong to a file of the same source only, and never to a folder', () => {
    const found = [
      { root: 'x', below: 'a', kind: 'file' },
      { root: 'y', below: 'a.gz', kind: 'file' },
      { root: 'x', below: 'd', kind: 'folder' },
      { root: 'x', below: 'd.gz', kind: 'file' },
    ]
    assert.deepEqual(takeCompressed(found), found)
  })
})
