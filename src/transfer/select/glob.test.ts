import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'

import * as fc from 'fast-check'

import { Fault } from '../../core/fault.ts'
import { corpus, differences, type Mode, trees } from './glob.fixture.ts'
import { createMatcher, isGlob, parseGlob } from './glob.ts'

const plain = { dotfiles: false, caseSensitive: true }
const modes: readonly Mode[] = ['plain', 'dotfiles', 'any case']
const shopt = { plain: '', dotfiles: 'dotglob', 'any case': 'nocaseglob' }

function ours(pattern: string, names: readonly string[], mode: Mode): string[] {
  const options = { dotfiles: mode === 'dotfiles', caseSensitive: mode !== 'any case' }
  try {
    return names.filter(createMatcher(pattern, options)).toSorted()
  } catch (error) {
    assert.ok(error instanceof Fault)
    return [error.code]
  }
}

// What bash finds in a folder: regular files, for every pattern.
function bashs(folder: string, patterns: readonly string[], mode: Mode): string[][] {
  const script = [
    'cd "$1" || exit 1',
    `shopt -s globstar extglob nullglob ${shopt[mode]}`,
    // A bare `!` at the beginning of a word is never history here, but it must not negate a command.
    `f() { for x; do [[ -f $x ]] && printf '%s\\n' "\${x#./}"; done; echo ==; }`,
    ...patterns.map((pattern) => `f ${pattern}`),
  ].join('\n')
  const output = execFileSync(
    '/bin/bash',
    ['--noprofile', '--norc', '-c', script, 'bash', folder],
    {
      encoding: 'utf8',
      env: { LC_ALL: 'C.UTF-8' },
    },
  )
  const blocks = output.split('==\n').slice(0, -1)
  assert.equal(blocks.length, patterns.length)
  return blocks.map((block) => {
    const names = block.split('\n').filter((name) => name !== '')
    return [...new Set(names.map((name) => name.replaceAll(/\/+/g, '/')))].toSorted()
  })
}

describe('globs', () => {
  let root = ''
  before(() => {
    root = mkdtempSync(join(tmpdir(), 'asd-'))
    for (const [tree, names] of Object.entries(trees)) {
      for (const name of names) {
        mkdirSync(dirname(join(root, tree, name)), { recursive: true })
        writeFileSync(join(root, tree, name), '')
      }
    }
  })
  after(() => rmSync(root, { recursive: true }))

  it('find what bash finds, in every case of the corpus that is not a listed difference', () => {
    const found = new Map<string, Set<Mode>>()
    let cases = 0
    for (const [tree, patterns] of corpus) {
      for (const mode of modes) {
        const answers = bashs(join(root, tree), patterns, mode)
        for (const [index, pattern] of patterns.entries()) {
          cases++
          const own = ours(pattern, trees[tree] ?? [], mode)
          if (JSON.stringify(own) === JSON.stringify(answers[index])) continue
          const listed = differences[pattern]?.in.includes(mode) ?? false
          if (!listed) assert.deepEqual(own, answers[index], `${pattern} on ${tree}, ${mode}`)
          found.set(pattern, (found.get(pattern) ?? new Set()).add(mode))
        }
      }
    }
    assert.ok(cases >= 600, `${cases} cases`)
    for (const [pattern, { in: listed }] of Object.entries(differences)) {
      assert.deepEqual([...(found.get(pattern) ?? [])], [...listed], `${pattern} is listed`)
    }
  })

  const readme: [pattern: string, yes: string[], no: string[]][] = [
    [
      'src/**/*.js',
      ['src/a.js', 'src/a/b.js', 'src/a/b/c.js'],
      ['a.js', 'src/a.ts', 'lib/src/a.js'],
    ],
    ['**/*.tmp', ['a.tmp', 'tmp/a.tmp', 'tmp/sub/b.tmp'], ['a.tmp.txt', '.tmp/x']],
    ['{css,js}/**', ['css/a.css', 'js/a/b.js'], ['css', 'img/a.css']],
    ['dist/*.{js,css}', ['dist/a.js', 'dist/b.css'], ['dist/a.ts', 'dist/x/a.js']],
  ]
  for (const [pattern, yes, no] of readme) {
    it(`hold what other plugins' examples promise of ${pattern}`, () => {
      const matches = createMatcher(pattern, plain)
      assert.deepEqual([yes.filter(matches), no.filter(matches)], [yes, []])
    })
  }

  it('take a character for one, whatever its encoding, and a line feed for a character', () => {
    assert.ok(createMatcher('?', plain)('😀'))
    assert.ok(createMatcher('a*b', plain)('a\nb'))
    assert.ok(createMatcher('**/x', plain)('a\nb/x'))
    assert.ok(createMatcher('É*', { ...plain, caseSensitive: false })('été'))
  })

  it('match the text of a pattern without glob characters and nothing else', () => {
    const name = fc
      .array(fc.constantFrom(...'aB.-+$^(){}[]|!?*"\'\\ é#&~,@'.split('')), { minLength: 1 })
      .map((all) => all.join(''))
    fc.assert(
      fc.property(name, name, (text, other) => {
        const escaped = text.replaceAll(/[^\w]/gu, String.raw`\$&`)
        const matches = createMatcher(escaped, { dotfiles: true, caseSensitive: true })
        assert.ok(!isGlob(escaped), escaped)
        assert.ok(matches(text), escaped)
        assert.equal(matches(other), other === text)
      }),
    )
  })

  it('are read or refused, whatever is written', () => {
    const text = fc
      .array(
        fc.constantFrom(
          ...'ab/.*?[]{}(),|!@+^$\\-:1"'.split(''),
          '..',
          '**',
          '[:alpha:]',
          '\u0001',
        ),
      )
      .map((all) => all.join(''))
    fc.assert(
      fc.property(fc.oneof(text, fc.string()), fc.boolean(), (pattern, dotfiles) => {
        try {
          createMatcher(pattern, { ...plain, dotfiles })('a/b')
          parseGlob(pattern, { ...plain, dotfiles }).matches('a')
        } catch (error) {
          assert.ok(error instanceof Fault && error.code === 'transfer_pattern_invalid', pattern)
        }
      }),
      { numRuns: 500 },
    )
  })

  it('never find a hidden name by a wildcard', () => {
    const wild = fc.constantFrom(
      '*',
      '**',
      '?*',
      '[!a]*',
      '!(a)',
      '*(a|*)',
      '+(?)',
      '**/*',
      '[^x]?*',
    )
    const hidden = fc.constantFrom('.a', 'a/.b', '.a/b', 'a/.b/c', '..a', 'x/y/.z')
    fc.assert(
      fc.property(fc.array(wild, { minLength: 1, maxLength: 3 }), hidden, (parts, name) => {
        assert.ok(!createMatcher(parts.join('/'), plain)(name))
      }),
    )
  })

  it('are refused when their braces stand for too much', () => {
    for (const pattern of ['{1..100000}', '{1..40}{1..40}', '{a,b}'.repeat(12)]) {
      assert.throws(() => createMatcher(pattern, plain), { code: 'transfer_pattern_invalid' })
    }
    assert.ok(createMatcher('{1..1000}', plain)('999'))
  })

  it('are split at the last folder in front of the first glob character', () => {
    const cases: [text: string, base: string, prefix: string, maxDepth: number][] = [
      ['dist/js/*.js', 'dist/js', '', 1],
      ['dist/app-*.js', 'dist', 'app-', 1],
      ['*.js', '', '', 1],
      ['/srv/x/**', '/srv/x', '', Infinity],
      ['/*', '/', '', 1],
      ['./dist/*/x', 'dist', '', 2],
      ['../up/*.js', '../up', '', 1],
      ['a\\*b/*', 'a*b', '', 1],
      ['{a,b}/c', '', '', 2],
      ['x{a/b,c}/d', '', 'x', 3],
    ]
    for (const [text, base, prefix, maxDepth] of cases) {
      const glob = parseGlob(text, plain)
      assert.deepEqual([glob.base, glob.prefix, glob.maxDepth], [base, prefix, maxDepth], text)
    }
    assert.equal(parseGlob('dist/App*', { ...plain, caseSensitive: false }).prefix, '')
  })
})
