import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import * as fc from 'fast-check'

import { claims, fitting } from './facts.fixture.ts'
import { describeDifference, findNearest } from './nearest.ts'

describe('the nearest credential', () => {
  test('is the one that fits, if there is one', () => {
    const credentials = [{ ...fitting, name: 'other', subject: 'repo:x' }, fitting]
    assert.deepEqual(findNearest(credentials, claims), { name: fitting.name, differences: [] })
  })

  test('differs in as few fields as can be, and then as late as can be', () => {
    const credentials = [
      { ...fitting, name: 'two', issuer: 'https://x', audience: 'y' },
      { ...fitting, name: 'early', subject: 'wrong' },
      { ...fitting, name: 'late', subject: claims.subject.replace('main', 'master') },
    ]
    const nearest = findNearest(credentials, claims)
    assert.equal(nearest?.name, 'late')
    assert.deepEqual(
      nearest?.differences.map(({ field, must }) => [field, must]),
      [['subject', claims.subject]],
    )
  })

  test('is none of none', () => {
    assert.equal(findNearest([], claims), undefined)
  })

  test('has no differences exactly when all three texts are the same', () => {
    const text = fc.constantFrom('a', 'A', 'a/', 'ab')
    const three = fc.record({ issuer: text, subject: text, audience: text })
    fc.assert(
      fc.property(fc.array(three, { minLength: 1, maxLength: 5 }), three, (list, wanted) => {
        const credentials = list.map((each, index) => ({ ...each, name: `c${index}` }))
        const fits = list.some(
          (each) =>
            each.issuer === wanted.issuer &&
            each.subject === wanted.subject &&
            each.audience === wanted.audience,
        )
        assert.equal(findNearest(credentials, wanted)?.differences.length === 0, fits)
      }),
    )
  })
})

describe('a difference in words', () => {
  const rows: [says: string, must: string, how: RegExp][] = [
    ['https://x/', 'https://x', /slash at the end only/],
    ['Repo:X', 'repo:x', /upper and lower case only/],
    [' a ', 'a', /blanks/],
    ['repo:octo/*', 'repo:octo/hello', /knows no patterns/],
    ['abcX', 'abcY', /from character 4 on/],
    ['x', 'abc', /from the beginning/],
  ]
  for (const [says, must, how] of rows) {
    test(`“${says}” and “${must}” differ ${how.source}`, () => {
      assert.match(describeDifference(says, must), how)
    })
  }
})
