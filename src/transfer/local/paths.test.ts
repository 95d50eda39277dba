import assert from 'node:assert/strict'
import { posix } from 'node:path'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import { Fault } from '../../core/fault.ts'
import { toSafeSegments, whyLinkLeaves } from './paths.ts'

const part = fc.constantFrom(
  '..',
  '.',
  '',
  '/',
  'a',
  ' ',
  'b.',
  '..c',
  '\\',
  '..\\',
  '\0',
  'é',
  '%2e%2e',
)

describe('the path of a blob below the target', () => {
  it('never leads outside of the target', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(part).map((all) => all.join('/')),
          fc.string(),
        ),
        (name) => {
          let segments: string[]
          try {
            segments = toSafeSegments(name)
          } catch (error) {
            assert.ok(error instanceof Fault)
            return
          }
          const path = posix.normalize(`/target/${segments.join('/')}`)
          assert.equal(path, `/target/${name}`)
        },
      ),
    )
  })

  it('takes a backslash for an ordinary character', () => {
    assert.deepEqual(toSafeSegments('a\\..\\b'), ['a\\..\\b'])
  })

  it('refuses empty and overlong segments as names, not as attacks', () => {
    for (const name of ['a//b', 'a/', 'x'.repeat(256)]) {
      assert.throws(() => toSafeSegments(name), { code: 'transfer_name_invalid' })
    }
  })
})

describe('a kept link', () => {
  it('may lead to places below the folder both lie in', () => {
    const inside: [below: string, target: string][] = [
      ['link', 'a'],
      ['link', './a/b'],
      ['link', 'a/./b/'],
      ['x/link', '..'],
      ['x/link', '../a'],
      ['x/y/link', '../../a'],
      ['x/link', '.'],
      ['link', '...'],
    ]
    for (const [below, target] of inside)
      assert.equal(whyLinkLeaves(below, target), undefined, target)
  })

  it('never leads out of it, also not through other kept links', () => {
    const step = fc.constantFrom('..', '.', '', 'a', 'b', 'l', 'm')
    const target = fc.array(step, { maxLength: 5 }).map((all) => all.join('/'))
    const place = fc.constantFrom('l', 'm', 'a/l', 'a/m', 'a/b/l')
    fc.assert(
      fc.property(fc.array(fc.tuple(place, target), { maxLength: 4 }), (links) => {
        const kept = new Map(links.filter(([below, to]) => whyLinkLeaves(below, to) === undefined))
        for (const below of kept.keys()) assert.ok(staysInside(kept, below), below)
      }),
      { numRuns: 2000 },
    )
  })

  it('is refused with a target no file system can keep', () => {
    for (const target of ['', 'a\0b', '\ud800', 'x'.repeat(4096), '/a']) {
      assert.ok(whyLinkLeaves('link', target))
    }
  })
})

// Walks as a kernel does, with the links of a map, and never above the folder all of them lie in.
function staysInside(links: ReadonlyMap<string, string>, start: string): boolean {
  let at: string[] = []
  const steps = start.split('/')
  for (let hops = 0; hops < 1000; hops++) {
    const step = steps.shift()
    if (step === undefined) return true
    if (step === '' || step === '.') continue
    if (step === '..') {
      if (at.length === 0) return false
      at = at.slice(0, -1)
      continue
    }
    const target = links.get([...at, step].join('/'))
    if (target === undefined) at = [...at, step]
    else steps.unshift(...target.split('/'))
  }
  return true
}
