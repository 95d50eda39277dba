import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { parseStrictJson } from './strict-json.ts'

const parse = (text: string) => parseStrictJson(Buffer.from(text))

const refused: [name: string, text: string, says: RegExp][] = [
  ['a key twice', '{"path":"azure","path":"oidc"}', /twice/],
  ['a key twice, spelt in two ways', String.raw`{"path":1,"p\u0061th":2}`, /twice/],
  ['a key twice for Go', '{"path":"azure","Path":"oidc"}', /twice/],
  ['a key twice deep inside', '{"build":{"stages":[{"a":1},{"a":1,"b":{},"a":2}]}}', /twice/],
  ['a key twice around a string with brackets', '{"a":"}{[\\"","b":"\\\\","a":1}', /twice/],
  ['a key twice around a list', '{"a":[{"a":1}],"a":1}', /twice/],
  ['a variable twice', '{"params":{"A":"1","A":"2"}}', /twice/],
  ['__proto__ twice', '{"__proto__":1,"__proto__":2}', /twice/],
  ['a byte order mark', '\ufeff{}', /not JSON/],
  ['two values', '{}{}', /not JSON/],
  ['a comment', '{/**/}', /not JSON/],
  ['NaN', '{"a":NaN}', /not JSON/],
  ['an open string', '{"a":"', /not JSON/],
  ['an open escape', '"\\', /not JSON/],
  ['33 levels', `${'['.repeat(33)}${']'.repeat(33)}`, /deeper than 32/],
  ['a million open brackets', '['.repeat(1_000_000), /deeper than 32/],
  ['a million open braces', '{"a":'.repeat(1_000_000), /deeper than 32/],
]

for (const [name, text, says] of refused) {
  test(`strict JSON › with ${name} is refused`, () => {
    assert.throws(() => parse(text), { message: says })
  })
}

test('strict JSON › that is not UTF-8 is refused', () => {
  assert.throws(() => parseStrictJson(Buffer.from([0x22, 0xff, 0x22])), { message: /not JSON/ })
})

test('strict JSON › takes keys again in other objects, values like keys, and 32 levels', () => {
  for (const text of [
    '{"a":{"a":{"a":1}},"b":[{"a":1},{"a":1}]}',
    '{"a":"b","b":"a","c":["a","a","b"]}',
    '{"params":{"A":"1","a":"2","path":"x","PATH":"y"}}',
    '{"a":"{\\"a\\":1,\\"a\\":2}"}',
    `${'['.repeat(32)}${']'.repeat(32)}`,
  ]) {
    assert.deepEqual(parse(text), JSON.parse(text))
  }
})

test('strict JSON › folds the case of keys only outside of free names', () => {
  assert.throws(() => parse('{"build":{"params":{"A":1,"a":1},"REF":1,"ref":2}}'), /twice/)
  assert.throws(() => parse('{"params":[{"A":1,"a":1}]}'), /twice/)
})

test('strict JSON › reads megabytes of string at once', () => {
  const text = JSON.stringify({ a: `${'\\"'.repeat(1_000_000)}{[` })
  const startedAt = performance.now()
  assert.deepEqual(parse(text), JSON.parse(text))
  assert.ok(performance.now() - startedAt < 1000)
})

test('strict JSON › property: reads any JSON with distinct keys as JSON.parse does', () => {
  // Distinct also for Go, which takes no notice of case.
  const hasTwins = (value: unknown): boolean => {
    if (typeof value !== 'object' || value === null) return false
    const keys = Array.isArray(value)
      ? []
      : Object.keys(value).map((key) => key.replace(/[A-Z]/g, (letter) => letter.toLowerCase()))
    return new Set(keys).size < keys.length || Object.values(value).some(hasTwins)
  }
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8 }), fc.integer({ min: 0, max: 3 }), (value, indent) => {
      fc.pre(!hasTwins(value))
      const text = JSON.stringify(value, null, indent)
      assert.deepEqual(parse(text), JSON.parse(text))
    }),
  )
})

test('strict JSON › property: any text is a value or an Error without a quote of it', () => {
  fc.assert(
    fc.property(fc.string(), (noise) => {
      try {
        parse(`canary${noise}`)
        assert.fail('it was accepted')
      } catch (error) {
        assert.ok(error instanceof Error && !error.message.includes('canary'))
      }
    }),
  )
})
