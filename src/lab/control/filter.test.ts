import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import * as fc from 'fast-check'

import { parseFilter } from './filter.ts'

describe('filter', () => {
  test('reads comparisons, functions and lambdas joined by and', () => {
    assert.deepEqual(parseFilter("atScope() and assignedTo('x')"), [
      { kind: 'function', name: 'atScope', args: [] },
      { kind: 'function', name: 'assignedTo', args: ['x'] },
    ])
    assert.deepEqual(parseFilter("startswith(displayName,'a, b')"), [
      { kind: 'function', name: 'startswith', args: ['displayName', 'a, b'] },
    ])
    const text = "types/any(t: t eq 'servicePrincipal') and createdDateTime ge 2026-01-01T00:00:00Z"
    assert.deepEqual(parseFilter(text), [
      { kind: 'any', path: 'types', value: 'servicePrincipal' },
      { kind: 'compare', path: 'createdDateTime', op: 'ge', value: '2026-01-01T00:00:00Z' },
    ])
  })

  test('reads back every quoted text, whatever is in it', () => {
    fc.assert(
      fc.property(fc.string(), (value) => {
        const quoted = `'${value.replaceAll("'", "''")}'`
        assert.deepEqual(parseFilter(`name eq ${quoted} and f(${quoted})`), [
          { kind: 'compare', path: 'name', op: 'eq', value },
          { kind: 'function', name: 'f', args: [value] },
        ])
      }),
    )
  })

  test('knows nothing of other forms', () => {
    for (const text of ["a eq 'x", 'a', '', "a eq 'x' or b eq 'y'", "not a eq 'x'", 'f(1 2)']) {
      assert.equal(parseFilter(text), undefined, text)
    }
  })
})
