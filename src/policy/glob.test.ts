import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { compileGlob, coversGlob, explainBadGlob, matchesGlob } from './glob.ts'

const corpus: [pattern: string, text: string, isMatch: boolean][] = [
  ['main', 'main', true],
  ['main', 'main-attacker', false],
  ['main', 'attacker-main', false],
  ['main', 'Main', false],
  ['main', 'main ', false],
  ['main', 'main\n', false],
  ['main', '', false],
  ['refs/heads/main', 'refs/heads/main', true],
  ['refs/heads/main', 'refs/heads/main/x', false],
  ['refs/heads/main', 'x/refs/heads/main', false],
  ['refs/heads/main', 'refs/heads/main-attacker', false],
  ['refs/heads/main', 'refs/heads/main/', false],
  ['refs/heads/main', 'refs//heads/main', false],
  ['refs/heads/main', 'refs/heads', false],
  ['refs/heads/*', 'refs/heads/main', true],
  ['refs/heads/*', 'refs/heads/feature/x', false],
  ['refs/heads/*', 'refs/heads', false],
  ['refs/heads/*', 'refs/tags/main', false],
  ['refs/heads/*', 'refs/heads/a\nb', true],
  ['refs/heads/release-*', 'refs/heads/release-1.2', true],
  ['refs/heads/release-*', 'refs/heads/release-', true],
  ['refs/heads/release-*', 'refs/heads/release', false],
  ['refs/heads/release-*', 'refs/heads/release-1/x', false],
  ['refs/heads/release-*', 'refs/heads/prerelease-1', false],
  ['refs/heads/*-stable', 'refs/heads/v1-stable', true],
  ['refs/heads/*-stable', 'refs/heads/v1-stable-not', false],
  ['refs/heads/a*a', 'refs/heads/a', false],
  ['refs/heads/a*a', 'refs/heads/aa', true],
  ['refs/heads/a*b*c', 'refs/heads/a-b-c', true],
  ['refs/heads/a*b*c', 'refs/heads/abc', true],
  ['refs/heads/a*b*c', 'refs/heads/acb', false],
  ['refs/heads/ab*ba', 'refs/heads/aba', false],
  ['refs/heads/a*bb*b', 'refs/heads/abbb', true],
  ['refs/heads/a*bb*b', 'refs/heads/abb', false],
  ['refs/*/main', 'refs/heads/main', true],
  ['refs/*/main', 'refs/heads/x/main', false],
  ['refs/heads/**', 'refs/heads/main', true],
  ['refs/heads/**', 'refs/heads/feature/x/y', true],
  ['refs/heads/**', 'refs/heads', false],
  ['refs/heads/**', 'refs/tags/v1', false],
  ['refs/heads/**', 'refs/headsx/main', false],
  ['refs/**/main', 'refs/heads/main', true],
  ['refs/**/main', 'refs/a/b/main', true],
  ['refs/**/main', 'refs/main', false],
  ['refs/**/main', 'refs/heads/main/x', false],
  ['refs/**/x/**', 'refs/a/x/b', true],
  ['refs/**/x/**', 'refs/a/x/x/b', true],
  ['refs/**/x/**', 'refs/x/b', false],
  ['refs/**/x/**/y', 'refs/a/x/y/x/b/y', true],
  ['refs/**/x/**/y', 'refs/a/x/y', false],
  ['refs/**/**', 'refs/a', false],
  ['refs/**/**', 'refs/a/b', true],
  ['refs/**/*', 'refs/a/b', true],
  ['refs/**/*', 'refs/a', false],
  ['**', 'octo/hello', true],
  ['octo/*', 'octo/hello', true],
  ['octo/*', 'octopus/hello', false],
  ['octo/*', 'mallory/octo/hello', false],
  // Signs that other pattern languages know are letters here.
  ['refs/heads/a.c', 'refs/heads/abc', false],
  ['refs/heads/a+', 'refs/heads/aa', false],
  ['refs/heads/a|b', 'refs/heads/a', false],
  ['refs/heads/$', 'refs/heads/', false],
  ['refs/heads/.*', 'refs/heads/main', false],
]

for (const [pattern, text, isMatch] of corpus) {
  test(`glob › ${pattern} ${isMatch ? 'matches' : 'does not match'} ${JSON.stringify(text)}`, () => {
    assert.equal(matchesGlob(pattern, text), isMatch)
    assert.equal(compileGlob(pattern)(text), isMatch)
  })
}

const candidates: [pattern: string, why: RegExp | undefined][] = [
  ['refs/heads/main', undefined],
  ['refs/heads/**', undefined],
  ['refs/**/x', undefined],
  ['release-*', undefined],
  ['', /empty/],
  ['*', /begins with/],
  ['**', /begins with/],
  ['*/hello', /begins with/],
  ['refs/heads/a**', /beside other text/],
  ['refs/heads/**b', /beside other text/],
  ['refs/heads/***', /beside other text/],
  ['refs/heads/ma?n', /other than/],
  ['refs/heads/[a-z]', /other than/],
  ['refs/heads/{a,b}', /other than/],
  ['refs/heads/!(main)', /other than/],
  ['refs/heads/\\*', /other than/],
]

for (const [pattern, why] of candidates) {
  test(`glob › ${JSON.stringify(pattern)} ${why ? 'may not' : 'may'} stand in a policy`, () => {
    if (why === undefined) assert.equal(explainBadGlob(pattern), undefined)
    else assert.match(explainBadGlob(pattern) ?? '', why)
  })
}

const segment = fc.stringMatching(/^[a-c.$^|+-]{0,4}$/)
const path = fc.array(segment, { minLength: 1, maxLength: 6 }).map((parts) => parts.join('/'))

test('glob › property: a pattern without a star matches itself and nothing else', () => {
  fc.assert(
    fc.property(path, path, (pattern, text) => matchesGlob(pattern, text) === (pattern === text)),
  )
})

// The oracle backtracks over everything; small words keep it quick, and it has no cleverness to fail.
function matchesSlowly(patterns: string[], texts: string[]): boolean {
  const [pattern, ...rest] = patterns
  if (pattern === undefined) return texts.length === 0
  const [text, ...others] = texts
  if (text === undefined) return false
  if (pattern === '**') return matchesSlowly(rest, others) || matchesSlowly(patterns, others)
  return matchesLetters(pattern.split(''), text.split('')) && matchesSlowly(rest, others)
}

function matchesLetters(pattern: string[], text: string[]): boolean {
  const [sign, ...rest] = pattern
  if (sign === undefined) return text.length === 0
  if (sign !== '*') return sign === text[0] && matchesLetters(rest, text.slice(1))
  return matchesLetters(rest, text) || (text.length > 0 && matchesLetters(pattern, text.slice(1)))
}

test('glob › property: agrees with a matcher that simply tries everything', () => {
  const part = fc.oneof(
    { weight: 1, arbitrary: fc.constant('**') },
    {
      weight: 3,
      arbitrary: fc.stringMatching(/^(\*|[ab]){1,5}$/).map((it) => it.replaceAll('**', '*')),
    },
  )
  const pattern = fc.array(part, { minLength: 1, maxLength: 6 })
  const texts = fc.array(fc.stringMatching(/^[ab]{0,5}$/), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(pattern, texts, (one, other) => {
      const isStarry = one.some((each) => each.includes('**') && each !== '**')
      fc.pre(!isStarry)
      assert.equal(matchesGlob(one.join('/'), other.join('/')), matchesSlowly(one, other))
    }),
    { numRuns: 20_000 },
  )
})

// Patterns and texts so alike that they often meet.
const starry = fc
  .array(fc.constantFrom('**', '*', 'a', 'b', 'a*', '*b', 'a*b'), { minLength: 1, maxLength: 4 })
  .map((parts) => parts.join('/'))
const plain = fc
  .array(fc.constantFrom('a', 'b', 'ab', 'aab', 'x'), { minLength: 1, maxLength: 5 })
  .map((parts) => parts.join('/'))

test('glob › property: a pattern that covers another matches all that the other matches', () => {
  fc.assert(
    fc.property(starry, starry, plain, (wide, narrow, text) => {
      if (coversGlob(wide, narrow) && matchesGlob(narrow, text)) {
        assert.ok(matchesGlob(wide, text), `${wide} ⊉ ${narrow} at ${text}`)
      }
      assert.ok(coversGlob(wide, wide))
    }),
    { numRuns: 20_000 },
  )
})

test('glob › property: a compiled pattern says the same', () => {
  fc.assert(
    fc.property(starry, fc.oneof(plain, path), (pattern, text) => {
      for (const each of [pattern, `a/${pattern}`, `${pattern}/`]) {
        for (const one of [text, `a/${text}`, `${text}/`]) {
          assert.equal(compileGlob(each)(one), matchesGlob(each, one), `${each} ${one}`)
        }
      }
    }),
    { numRuns: 20_000 },
  )
})

test('glob › covers what is plainly narrower, and nothing that may be wider', () => {
  const covered: [wide: string, narrow: string, is: boolean][] = [
    ['refs/heads/**', 'refs/heads/main', true],
    ['refs/heads/**', 'refs/heads/release/*', true],
    ['refs/heads/*', 'refs/heads/v*', true],
    ['refs/heads/*', 'refs/heads/**', false],
    ['refs/heads/v*', 'refs/heads/*', false],
    ['refs/heads/main', 'refs/heads/*', false],
    ['refs/heads/**', 'refs/**', false],
    ['refs/**/x', 'refs/heads/**', false],
  ]
  for (const [wide, narrow, is] of covered)
    assert.equal(coversGlob(wide, narrow), is, `${wide} ${narrow}`)
})

test('glob › takes no longer than a moment for the worst ref an attacker can push', () => {
  const ref = `refs${'/a'.repeat(510)}`
  const started = performance.now()
  for (const pattern of [`refs${'/**/a'.repeat(20)}/b`, `refs/${'a*'.repeat(200)}b`]) {
    assert.equal(matchesGlob(pattern, ref), false)
    assert.equal(matchesGlob(pattern, `refs/${'a'.repeat(1000)}`), false)
  }
  assert.ok(performance.now() - started < 500)
})
