import assert from 'node:assert/strict'
import { test } from 'node:test'

import { deprecatedNames, renameDeprecated, type Deprecation } from './deprecated.ts'

const table: readonly Deprecation[] = [
  { from: 'old', to: 'new', since: '1.1', removedIn: '2.0' },
  { from: 'runners.*.label', to: 'name', since: '1.2', removedIn: '2.0' },
]

const rename = (file: unknown, deprecations = table) => {
  const [warnings, found]: [string[], string[]] = [[], []]
  return { file: renameDeprecated(deprecations, file, { warnings, found }), warnings, found }
}

test('deprecated › an old name is read under its new one, with a warning that names both', () => {
  const { file, warnings, found } = rename({ old: 1, runners: { a: { label: 'x' }, b: {} } })
  assert.deepEqual(file, { new: 1, runners: { a: { name: 'x' }, b: {} } })
  assert.deepEqual(warnings, [
    'old: is called new since 1.1; the old name is refused from 2.0 on',
    'runners.a.label: is called runners.a.name since 1.2; the old name is refused from 2.0 on',
  ])
  assert.deepEqual(found, [])
})

test('deprecated › an old name beside its new one is a mistake', () => {
  const { warnings, found } = rename({ old: 1, new: 1 })
  assert.deepEqual(warnings, [])
  assert.deepEqual(found, ['old: is the old name of new; give one of them'])
})

test('deprecated › files without old names, and what is no file, stay as they are', () => {
  for (const each of [{ new: 1, runners: [] }, {}, null, 'text', ['old'], { runners: 'old' }]) {
    assert.deepEqual(rename(each), { file: each, warnings: [], found: [] })
  }
})

test('deprecated › no new name in use is itself an old one', () => {
  const names = deprecatedNames.map(({ from }) => from)
  for (const { from, to } of deprecatedNames) {
    assert.ok(!names.includes([...from.split('.').slice(0, -1), to].join('.')))
  }
})
