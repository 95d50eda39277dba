import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { assertMetadata, assertProperties, assertRules, assertTags, toTier } from './rules-check.ts'

const refused = { code: 'transfer_properties_invalid' }

function many(count: number, value = 'v'): Record<string, string> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`k${index}`, value]))
}

describe('properties', () => {
  it('take metadata of C# names, in visible ASCII, that fits', () => {
    assertMetadata({ build: '7', _x: 'a b', Commit9: '~' })
    assertMetadata({ big: 'x'.repeat(7000) })
    for (const name of [
      '',
      '9a',
      'a-b',
      'a b',
      'ä',
      'mtime',
      'ASDCRC64',
      'is_symlink',
      'hdi_isfolder',
    ]) {
      assert.throws(() => assertMetadata({ [name]: 'v' }), refused, name)
    }
    for (const value of ['', ' a', 'a ', 'a\nb', 'é', '\0', '\u007f']) {
      assert.throws(() => assertMetadata({ a: value }), refused, JSON.stringify(value))
    }
    assert.throws(() => assertMetadata({ a: '1', A: '2' }), refused)
    assert.throws(() => assertMetadata({ big: 'x'.repeat(7680) }), refused)
    assert.throws(() => assertMetadata(many(200, 'x'.repeat(40))), refused)
  })

  it('take ten index tags of the characters Azure takes', () => {
    assertTags(many(10))
    assertTags({ 'a +-./:=_9Z': '', k: 'x'.repeat(256), ['x'.repeat(128)]: 'v' })
    assert.throws(() => assertTags(many(11)), refused)
    assert.throws(() => assertTags({ '': 'v' }), refused)
    assert.throws(() => assertTags({ ['x'.repeat(129)]: 'v' }), refused)
    assert.throws(() => assertTags({ k: 'x'.repeat(257) }), refused)
    for (const char of ['é', '&', '\n', ',', '"']) {
      assert.throws(() => assertTags({ k: char }), refused, char)
      assert.throws(() => assertTags({ [char]: 'v' }), refused, char)
    }
  })

  it('take header values that HTTP can carry', () => {
    assertProperties({
      contentType: 'text/html; charset=utf-8',
      contentEncoding: 'gzip',
      contentLanguage: 'en, de',
      contentDisposition: 'attachment; filename="a b.txt"',
      cacheControl: 'public, max-age=31536000, immutable',
      tier: 'Archive',
    })
    for (const contentType of ['html', 'text/', '/html', 'text /html', 'text/html\r\nx: y']) {
      assert.throws(() => assertProperties({ contentType }), refused, contentType)
    }
    assert.throws(() => assertProperties({ cacheControl: 'a\r\nx-evil: 1' }), refused)
    assert.throws(() => assertProperties({ contentDisposition: 'filename=é' }), {
      message: /content disposition/,
    })
    assert.throws(() => assertProperties({ contentLanguage: '' }), refused)
  })

  it('know the tiers, whatever their case', () => {
    assert.deepEqual(
      ['hot', 'COOL', 'Cold', 'archive'].map((text) => toTier(text)),
      ['Hot', 'Cool', 'Cold', 'Archive'],
    )
    assert.throws(() => toTier('premium'), { ...refused, message: /Hot, Cool, Cold, Archive/ })
  })

  it('are refused with the rule they stand in', () => {
    const set = { metadata: { 'a-b': '1' } }
    assert.throws(
      () =>
        assertRules([
          { match: ['**'], set: {} },
          { match: ['*.a', '*.b'], set },
        ]),
      {
        ...refused,
        message: /^The rule for “\*\.a”, “\*\.b”: “a-b” cannot/,
      },
    )
  })
})
