import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import {
  assertFileName,
  foldFileName,
  isTemporaryName,
  temporaryNames,
  toFilePath,
} from './names.ts'

describe('names in a file share', () => {
  it('stand behind the path of the endpoint and the share', () => {
    const address = { origin: new URL('https://h'), pathPrefix: '/acct', container: 'files' }
    assert.equal(toFilePath(address, 'a b/%41#?.'), '/acct/files/a%20b/%2541%23%3F.')
    assert.equal(toFilePath(address, ''), '/acct/files')
  })

  const odd = [
    '',
    '/a',
    'a/',
    'a//b',
    '.',
    'a/../b',
    'a\\b',
    'a:b',
    'a|b',
    'a"',
    '<',
    '>',
    '*',
    'a?',
  ]
  const special = ['a\u0001', 'a\u007f', '\ud800', 'con', 'x/LPT1', 'NUL']
  const long = ['x'.repeat(256), `${'a/'.repeat(250)}a`, `${'x'.repeat(200)}/`.repeat(11) + 'a']
  const ours = '.asd-0123456789abcdef-0123456789abcdef.tmp'
  for (const name of [...odd, ...special, ...long, ours]) {
    it(`cannot be ${JSON.stringify(name.slice(0, 20))}`, () => {
      assert.throws(() => assertFileName(name), { code: 'transfer_name_invalid' })
    })
  }

  for (const name of ['a.', '...', 'a b', '%41', 'é', 'console', 'x'.repeat(255), '😀/~']) {
    it(`can be ${JSON.stringify(name.slice(0, 20))}`, () => assertFileName(name))
  }

  const same = [
    ['x/Readme', 'X/README'],
    ['é', 'É'],
  ] as const
  for (const [one, other] of same) {
    it(`fold ${one} and ${other} to one`, () => {
      assert.equal(foldFileName(one), foldFileName(other))
    })
  }

  it('fold to different ones when letters differ by more than case', () => {
    const names = ['ß', 'ss', 'e\u0301', 'é', 'ab', 'a-b']
    assert.equal(new Set(names.map((name) => foldFileName(name))).size, names.length)
  })

  it('fold to the same length, and again to themselves', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        const folded = foldFileName(name)
        assert.equal(folded.length, name.length)
        assert.equal(foldFileName(folded), folded)
      }),
    )
  })

  it('of uploads under way tell target and source apart', () => {
    const one = temporaryNames('a/b/c', 's')
    assert.ok(one.name.startsWith(`a/b/${one.prefix}`))
    assert.ok(isTemporaryName(one.name.slice('a/b/'.length)))
    assert.notEqual(temporaryNames('a/b/c', 't').name, one.name)
    assert.equal(temporaryNames('a/b/c', 't').prefix, one.prefix)
    assert.notEqual(temporaryNames('a/b/d', 's').prefix, one.prefix)
    assert.equal(temporaryNames('c', 's').folder, '')
  })
})
