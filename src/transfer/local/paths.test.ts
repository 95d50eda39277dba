import assert from 'node:assert/strict'
import { posix } from 'node:path'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import { Fault } from '../../core/fault.ts'
import { toSafeSegments } from './paths.ts'

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
