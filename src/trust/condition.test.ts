// Conditions of role assignments: read back by a parser of their grammar, they allow what the grants of a
// policy allow, and nothing else.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { findPathLimit } from '../lab/arm/condition-prefix.ts'
import { parseCondition, type Condition } from '../lab/arm/condition.ts'
import type { Verb } from '../policy/grant.ts'
import { parsePolicy } from '../policy/schema.ts'
import { mergePrefixes, writeCondition } from './condition.ts'
import { toDesired } from './desired.ts'
import { desiredOf, issuerUrl, trustExample, withChanges } from './policy.fixture.ts'

const blobs = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs'

type Call = { action: string; isList: boolean; container: string; path: string }

function holds(condition: Condition, call: Call): boolean {
  switch (condition.kind) {
    case 'and':
      return condition.parts.every((part) => holds(part, call))
    case 'or':
      return condition.parts.some((part) => holds(part, call))
    case 'not':
      return !holds(condition.part, call)
    case 'action':
      return condition.patterns.includes(call.action)
    case 'suboperation':
      return call.isList && condition.patterns.includes('Blob.List')
    case 'compare': {
      const { attribute, operator, values } = condition
      const [value = ''] = values
      if (attribute.endsWith('containers:name]')) {
        assert.equal(operator, 'StringEquals')
        return call.container === value
      }
      // An attribute that the request does not have compares as false.
      assert.equal(operator, 'StringStartsWith')
      const isOfCall = attribute.startsWith('@Request') === call.isList
      return isOfCall && call.path.startsWith(value)
    }
    default:
      throw new Error(condition.kind)
  }
}

const calls: { verb: Verb; action: string; isList: boolean }[] = [
  { verb: 'blob.read', action: `${blobs}/read`, isList: false },
  { verb: 'blob.list', action: `${blobs}/read`, isList: true },
  { verb: 'blob.write', action: `${blobs}/write`, isList: false },
  { verb: 'blob.write', action: `${blobs}/add/action`, isList: false },
  { verb: 'blob.delete', action: `${blobs}/delete`, isList: false },
  { verb: 'blob.write', action: `${blobs}/move/action`, isList: false },
]

const prefixes = ['', 'a/', 'a/b/', 'ab/', 'c d/ü/']
const verbs: Verb[] = ['blob.read', 'blob.list', 'blob.write', 'blob.delete']

test('condition › with its role allows what the grants allow in every place, and no more', () => {
  const grants = fc.array(
    fc.record({
      prefix: fc.constantFrom(...prefixes),
      verbs: fc.uniqueArray(fc.constantFrom(...verbs), { minLength: 1 }),
    }),
    { minLength: 1, maxLength: 5 },
  )
  fc.assert(
    fc.property(grants, (list) => {
      const lines = list.map(({ prefix, verbs: some }, index) => {
        const at = prefix === '' ? '' : `prefix: "${prefix}", `
        return `      - { id: g${index}, account: acmeart, service: blob, container: builds, ${at}verbs: [${some.join(', ')}] }\n`
      })
      const out = / {6}- \{ id: out.*\n/.exec(trustExample)?.[0] ?? '?'
      const text = withChanges([out, lines.join('')])
      const { desired } = toDesired({ policy: parsePolicy(text), issuerUrl })
      const assignments = desired.identities[0]?.assignments ?? []
      const keys = assignments.map(({ scope, role }) => `${scope} ${role.guid}`)
      assert.equal(new Set(keys).size, keys.length, 'Azure keeps one per scope and role')
      for (const path of ['x', 'a/x', 'a/b/x', 'ab/x', 'c d/ü/x', 'c d/x']) {
        for (const { verb, action, isList } of calls) {
          const isGranted = list.some(
            (each) => each.verbs.includes(verb) && path.startsWith(each.prefix),
          )
          const isAllowed = assignments.some(({ role, condition }) => {
            if (!role.dataActions.includes(action)) return false
            if (condition === undefined) return true
            const tree = parseCondition(condition)
            assert.ok(typeof tree !== 'string', condition)
            return holds(tree, { action, isList, container: 'builds', path })
          })
          // Renaming comes with the built-in role alone, and is held to the same prefixes.
          if (action.endsWith('/move/action')) assert.ok(!isAllowed || isGranted, path)
          else assert.equal(isAllowed, isGranted, `${verb} ${path}`)
        }
      }
    }),
    { numRuns: 60 },
  )
})

test('condition › for one prefix has the form that the documentation shows', () => {
  const text = writeCondition('builds', [`${blobs}/read`], {
    read: ['a/'],
    list: ['a/'],
    change: 'none',
  })
  assert.equal(
    text?.replaceAll(/\s+/g, ' '),
    `((!(ActionMatches{'${blobs}/read'} AND NOT SubOperationMatches{'Blob.List'})) OR (@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'builds' AND @Resource[${blobs}:path] StringStartsWith 'a/')) AND ((!(ActionMatches{'${blobs}/read'} AND SubOperationMatches{'Blob.List'})) OR (@Resource[Microsoft.Storage/storageAccounts/blobServices/containers:name] StringEquals 'builds' AND @Request[${blobs}:prefix] StringStartsWith 'a/'))`,
  )
})

test('condition › is left out where the role holds for the whole container', () => {
  const whole = { read: 'all', list: 'all', change: 'all' } as const
  assert.equal(writeCondition('builds', [`${blobs}/read`, `${blobs}/write`], whole), undefined)
})

test('condition › prefixes that others cover are dropped', () => {
  assert.deepEqual(mergePrefixes(['b/', 'a/b/', 'a/', 'b/']), ['a/', 'b/'])
  assert.equal(mergePrefixes(['a/', '']), 'all')
  assert.equal(mergePrefixes([]), 'none')
})

test('condition › of a built-in role below prefixes is one that the lab can enforce', () => {
  const out = / {6}- \{ id: out.*\n/.exec(trustExample)?.[0] ?? '?'
  const two = out + out.replace('out', 'more').replace('hello/', 'more/')
  for (const desired of [desiredOf(), desiredOf([out, two])]) {
    const assignments = desired.identities[0]?.assignments ?? []
    assert.equal(assignments.length, 1)
    const [assignment] = assignments
    const tree = parseCondition(assignment?.condition ?? '')
    assert.ok(typeof tree !== 'string')
    const actions = new Set(assignment?.role.dataActions)
    assert.ok(findPathLimit(tree, (action) => actions.has(action)))
  }
})

test('condition › of links there is none: their key is the account’s, and their reach that of the roles', () => {
  const assignments = desiredOf(['blob.delete]', 'blob.delete, sas.delegate]']).identities.flatMap(
    (identity) => identity.assignments.filter(({ role }) => role.name === 'Storage Blob Delegator'),
  )
  assert.equal(assignments.length, 1)
  const [{ scope, condition, role } = { scope: '', condition: '', role: undefined }] = assignments
  assert.match(scope, /storageAccounts\/acmeart$/)
  assert.equal(condition, undefined)
  assert.equal(role?.guid, 'db58b8e5-c6ad-4a2a-8342-4190687cbf4a')
})
