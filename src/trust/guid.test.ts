// GUIDs that follow from what they name: those of other implementations of version 5.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { armGuid, assignmentGuid } from './guid.ts'

const answers: [parts: string[], guid: string][] = [
  // Made by Python's uuid.uuid5 in ARM's namespace.
  [['a', 'b', 'c'], 'a98fa280-e03f-5afa-8d8e-92d0a9c201e8'],
  [['a-b', 'c'], 'a98fa280-e03f-5afa-8d8e-92d0a9c201e8'],
  [['/subscriptions/x', 'äöü €'], '42abe90b-45ce-5425-adcb-8f6cbbf4c432'],
  [[''], 'e655a85f-3ab2-5e4a-9666-569aa72a5a10'],
]

test('guid › is version 5 of the parts joined by "-", as another implementation makes it', () => {
  for (const [parts, guid] of answers) assert.equal(armGuid(...parts), guid)
})

test('guid › of an assignment takes no notice of the case of ids, and does of the scope', () => {
  const one = assignmentGuid('/s', 'AB', 'CD')
  assert.equal(assignmentGuid('/s', 'ab', 'cd'), one)
  assert.notEqual(assignmentGuid('/S', 'ab', 'cd'), one)
  assert.match(one, /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
})
