import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import {
  splitList,
  toChoice,
  toCount,
  toDuration,
  toFlag,
  toList,
  toMaps,
  toPairs,
  toSize,
  toValues,
} from './values.ts'

const reading = () => {
  const problems: string[] = []
  const refuse = (why: string): undefined => {
    problems.push(why)
  }
  return { problems, refuse }
}

describe('a list setting', () => {
  const read = (raw: unknown) => toList(raw, () => assert.fail('refused'))

  it('is JSON or texts between commas', () => {
    assert.deepEqual(read('a, b ,,c'), ['a', 'b', 'c'])
    assert.deepEqual(read('["a,b"," c"]'), ['a,b', ' c'])
    assert.deepEqual(read('[ab]*.txt,x'), ['[ab]*.txt', 'x'])
    assert.deepEqual(read('*.{js,css},b'), ['*.{js,css}', 'b'])
    assert.deepEqual(read('{a,b}/x'), ['{a,b}/x'])
    assert.deepEqual(splitList('a{b,c'), ['a{b', 'c'])
    assert.deepEqual(read(['a', 2]), ['a', '2'])
  })

  it('keeps any list that is written as JSON', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (list) => {
        assert.deepEqual(read(JSON.stringify(list)), list)
      }),
    )
  })

  it('keeps what Drone joins, as long as no element has a comma', () => {
    const element = fc.stringMatching(/^[\w*.\-/ ]*[\w*]$/).map((text) => text.trim())
    fc.assert(
      fc.property(fc.array(element.filter(Boolean)), (list) => {
        assert.deepEqual(read(list.join(',')), list)
      }),
    )
  })
})

describe('numbers', () => {
  const sizes: [text: string | number, bytes: number | undefined][] = [
    ['128MB', 128_000_000],
    ['128 mb', 128_000_000],
    ['64MiB', 64 * 1024 * 1024],
    ['1.5G', 1_500_000_000],
    ['65536', 65_536],
    [65_536, 65_536],
    ['2GB', undefined],
    ['-1MB', undefined],
    ['MB', undefined],
    ['', undefined],
  ]
  for (const [text, bytes] of sizes) {
    it(`read the size “${text}” as ${bytes ?? 'nothing'}`, () => {
      const { problems, refuse } = reading()
      assert.equal(toSize(text, [1, 1_500_000_000], refuse), bytes)
      assert.equal(problems.length, bytes === undefined ? 1 : 0)
    })
  }

  it('are refused outside of their range', () => {
    const { problems, refuse } = reading()
    assert.equal(toCount('256', [1, 256], refuse), 256)
    assert.equal(toDuration('1h', [60, 3600], refuse), 3600)
    assert.deepEqual(problems, [])
    for (const text of ['0', '257', '1e2', '1.5', ' 1']) toCount(text, [1, 256], refuse)
    for (const text of ['59s', '2h', '60']) toDuration(text, [60, 3600], refuse)
    assert.equal(problems.length, 8)
  })

  it('are any whole number in its range, and no other text', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 256 }), (count) => {
        assert.equal(
          toCount(String(count), [1, 256], () => undefined),
          count,
        )
      }),
    )
  })
})

describe('a choice', () => {
  it('knows truth values under their usual names', () => {
    const { problems, refuse } = reading()
    const texts = ['true', 'yes', true, '1', 'false', 'off', false]
    assert.deepEqual(
      texts.map((text) => toFlag(text, refuse)),
      [true, true, true, true, false, false, false],
    )
    assert.deepEqual(problems, [])
    assert.equal(toFlag('maybe', refuse), undefined)
    assert.equal(toChoice('__proto__', ['a'], refuse, { b: 'a' }), undefined)
    assert.equal(problems.length, 2)
  })
})

describe('a map setting', () => {
  it('is one text for all files, or a map whose more particular globs come first', () => {
    const { problems, refuse } = reading()
    assert.deepEqual(toValues('max-age=60', refuse), [{ match: '**', value: 'max-age=60' }])
    const map = '{"*":"c","*.html":"b","assets/index.html":"a"}'
    assert.deepEqual(
      toValues(map, refuse)?.map(({ value }) => value),
      ['a', 'b', 'c'],
    )
    const ordered = '[{"*":"first"},{"index.html":"second"}]'
    assert.deepEqual(
      toValues(ordered, refuse)?.map(({ value }) => value),
      ['first', 'second'],
    )
    assert.deepEqual(problems, [])
  })

  it('takes extensions, and refuses regular expressions', () => {
    const { problems, refuse } = reading()
    assert.deepEqual(toValues('{".html":"text/html"}', refuse), [
      { match: '*.html', value: 'text/html' },
    ])
    toValues('{".*\\\\.css$":"text/css"}', refuse)
    assert.match(problems.join(), /regular expression.*write a glob/)
  })

  it('holds pairs for all files, or for those of a glob', () => {
    const { problems, refuse } = reading()
    const all = [{ match: '**', value: { build: '7', by: 'drone' } }]
    assert.deepEqual(toPairs('{"build":7,"by":"drone"}', refuse), all)
    assert.deepEqual(toPairs('build=7, by=drone', refuse), all)
    assert.deepEqual(toPairs('{"*.js":{"a":"b=c"}}', refuse), [
      { match: '*.js', value: { a: 'b=c' } },
    ])
    assert.deepEqual(problems, [])
    assert.equal(toPairs('{"*.js":{"a":"b"},"c":"d"}', refuse), undefined)
    assert.equal(toPairs('just text', refuse), undefined)
    assert.equal(problems.length, 2)
  })

  it('never throws, whatever it is given', () => {
    fc.assert(
      fc.property(fc.oneof(fc.json(), fc.string(), fc.jsonValue()), (raw) => {
        for (const parse of [toValues, toPairs, toList, toMaps]) parse(raw, () => undefined)
      }),
    )
  })
})
