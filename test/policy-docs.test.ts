// docs/policy.md names every code, key and verb there is, and its examples load.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { faults } from '../src/core/fault.ts'
import { parseCases, runCase } from '../src/policy/cases.ts'
import { keysAt } from '../src/policy/file-form.ts'
import { verbs } from '../src/policy/grant.ts'
import { parsePolicy } from '../src/policy/schema.ts'

const page = readFileSync('docs/policy.md', 'utf8')
const lintSource = readFileSync('src/policy/lint.ts', 'utf8')

test('docs/policy.md names every reason code, warning, key and verb', () => {
  const codes = Object.keys(faults).filter((code) => /^(policy|identity)_/.test(code))
  const warnings = [...lintSource.matchAll(/^ {2}\| '(lint_\w+)'/gm)].map((match) => match[1] ?? '')
  assert.ok(warnings.length >= 9)
  const keys = [keysAt([]), keysAt(['policies', 0]), keysAt(['policies', 0, 'grants', 0])].flat()
  for (const word of [...codes, ...warnings, ...keys, ...verbs])
    assert.ok(page.includes(word), word)
})

test('docs/policy.md has examples that load and cases that pass', () => {
  const [first = '', second = ''] = [...page.matchAll(/```yaml\n(.*?)```/gs)].map(
    (match) => match[1] ?? '',
  )
  const guid = '11111111-2222-4333-8444-555555555555'
  const policy = parsePolicy(first.replaceAll('…', guid))
  const results = parseCases(second).map((each) => runCase(policy, each))
  assert.deepEqual(
    results.filter(({ ok }) => !ok),
    [],
  )
})
