import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import * as fc from 'fast-check'

import { findPathLimit } from './condition-prefix.ts'
import { writeCondition } from './condition.fixture.ts'
import { parseCondition } from './condition.ts'
import { allowsDataAction, builtInRoles } from './role-definitions.ts'

function limitOf(text: string, roleName = 'Storage Blob Data Contributor'): unknown {
  const condition = parseCondition(text)
  if (typeof condition === 'string') return condition
  const role = builtInRoles.find((each) => each.roleName === roleName)
  assert.ok(role)
  return findPathLimit(condition, (action) => allowsDataAction(role, action))
}

describe('condition', () => {
  test('limits reading, listing and writing to one prefix', () => {
    const limit = { container: 'artifacts', prefixes: ['acme/api/'] }
    const text = writeCondition('artifacts', 'acme/api/')
    assert.deepEqual(limitOf(text), limit)
    assert.deepEqual(limitOf(text.replaceAll('\n', ' ').replaceAll(' AND ', ' && ')), limit)
  })

  test('reads back whatever stands in quotes', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (prefix) => {
        const limit = { container: 'c', prefixes: [prefix] }
        assert.deepEqual(limitOf(writeCondition('c', prefix)), limit)
      }),
    )
  })

  test('gives no limit when an action of the role is not named', () => {
    const parts = writeCondition('artifacts', 'acme/').split('\nAND ')
    for (const dropped of parts) {
      const text = parts.filter((part) => part !== dropped).join(' AND ')
      assert.equal(limitOf(text), undefined, `without ${dropped}`)
    }
    const withoutDelete = writeCondition('artifacts', 'acme/').replaceAll('blobs/delete', 'blobs/x')
    assert.equal(limitOf(withoutDelete), undefined)
  })

  test('needs no write side for a reader', () => {
    const text = writeCondition('artifacts', 'acme/').replaceAll('blobs/delete', 'blobs/x')
    assert.deepEqual(limitOf(text, 'Storage Blob Data Reader'), {
      container: 'artifacts',
      prefixes: ['acme/'],
    })
  })

  test('takes several prefixes as alternatives, when they are the same everywhere', () => {
    const text = writeCondition('c', 'a/')
    const either = text.replace(
      /(@\S+) StringStartsWith 'a\/'/g,
      "($1 StringStartsWith 'a/' OR $&b/')",
    )
    const both = either.replaceAll("'a/'b/'", "'b/'")
    assert.deepEqual(limitOf(both), { container: 'c', prefixes: ['a/', 'b/'] })
    assert.equal(limitOf(both.replace("'b/'", "'x/'")), undefined)
    assert.equal(
      limitOf(text.replaceAll(' AND @', ' OR @').replaceAll('\n AND @', ' OR @')),
      undefined,
    )
  })

  test('gives no limit when prefixes differ, and for operators it cannot hold', () => {
    const text = writeCondition('artifacts', 'acme/')
    const last = text.lastIndexOf("'acme/")
    const others = [
      `${text.slice(0, last)}'other/${text.slice(last + 6)}`,
      text.replaceAll('StringStartsWith', 'StringNotStartsWith'),
      text.replaceAll('StringStartsWith', 'StringStartsWithIgnoreCase'),
      text.replaceAll('@Resource', '@Environment'),
    ]
    for (const other of others) assert.equal(limitOf(other), undefined, other)
  })

  test('says what is wrong with a text that is no condition', () => {
    const broken = ['', '(', 'true', '@Resource[a] StringEquals', "@Resource[a] Equals 'x'", '🦀']
    for (const text of [...broken, `${writeCondition('c', 'p')})`]) {
      assert.equal(typeof parseCondition(text), 'string', text)
    }
  })
})
