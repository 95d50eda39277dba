// Every kind of finding: a policy that has it, at its place, and one that is nearly the same and has not.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { parsePolicy } from '../policy/schema.ts'
import { readYaml } from '../policy/source.ts'
import { trustRules } from './finding.ts'
import { pushRefs, rows, type Row } from './lint-rows.fixture.ts'
import { lintTrust } from './lint.ts'
import { issuerUrl, trustExample, withChanges } from './policy.fixture.ts'

function run(what: Row['with']): { text: string; found: ReturnType<typeof lintTrust>['findings'] } {
  const service = { issuerUrl, instances: ['main', 'other'] }
  const text = Array.isArray(what) ? withChanges(...what) : trustExample
  const policy = parsePolicy(text, { gatewayServes: true })
  const changed = Array.isArray(what) ? service : { ...service, ...what }
  return { text, found: lintTrust({ policy, service: changed }).findings }
}

for (const [index, { code, with: bad, at, says, without }] of rows.entries()) {
  test(`trust lint › ${index + 1}. ${code}: ${trustRules[code].title}`, () => {
    const { text, found } = run(bad)
    const finding = found.find((each) => each.code === code)
    assert.ok(finding, JSON.stringify(found))
    assert.equal(finding.severity, trustRules[code].severity)
    assert.equal(finding.fix, trustRules[code].fix)
    if (says) assert.match(finding.message, says)
    if (finding.file === 'config') assert.deepEqual(finding.path, [at])
    else {
      const { line, column } = readYaml(text, 'policy file').locate(finding.path)
      const rest = text
        .split('\n')
        .slice(line - 1)
        .join('\n')
        .slice(column - 1)
      assert.ok(
        rest.startsWith(at) || (at.startsWith('- ') && rest.startsWith(at.slice(2))),
        rest.slice(0, 80),
      )
    }
    assert.deepEqual(
      run(without).found.filter((each) => each.code === code),
      [],
    )
  })
}

test('trust lint › has a row of the table for every kind of finding', () => {
  const shown = new Set<string>(rows.map(({ code }) => code))
  assert.deepEqual(
    Object.keys(trustRules).filter((code) => !shown.has(code)),
    [],
  )
})

test('trust lint › finds nothing in a policy that is in order, and counts its credentials', () => {
  const policy = parsePolicy(trustExample)
  const service = { issuerUrl, instances: ['main'] }
  assert.deepEqual(lintTrust({ policy, service }), {
    findings: [],
    counts: [
      { identity: 'artifacts', entries: ['publish'], credentials: 2, limit: 20 },
      { identity: 'readers', entries: ['look'], credentials: 1, limit: 20 },
    ],
  })
  assert.deepEqual(lintTrust({ policy }).findings, [], 'without a service, too')
})

test('trust lint › says nothing of an entry on trial, which gives nothing out', () => {
  const text = withChanges(
    [pushRefs, 'refs: [main]'],
    ['- name: publish', '- name: publish\n    mode: audit'],
  )
  assert.deepEqual(lintTrust({ policy: parsePolicy(text) }).findings, [])
})

test('trust lint › names the subject form that brings the credentials of an identity down', () => {
  const entries = Array.from(
    { length: 21 },
    (_, index) => `  - name: e${index}
    subject: policy
    subjects:
      - { instance: main, repository: octo/r${index}, repository_id: "${index}", events: [push], refs: [refs/heads/main] }
    identity: artifacts
    audiences: [api://AzureADTokenExchange]
`,
  ).join('')
  const text = `${trustExample.slice(0, trustExample.indexOf('policies:'))}policies:\n${entries}`
  const [finding] = lintTrust({ policy: parsePolicy(text) }).findings
  assert.match(
    finding?.message ?? '',
    /21 federated.*`subject: policy` it would be 21, with `subject: identity` 1: use `subject: identity`\./,
  )
})

test('docs/trust.md names every finding with its severity', () => {
  const page = readFileSync('docs/trust.md', 'utf8')
  for (const [code, { severity, title }] of Object.entries(trustRules)) {
    assert.match(
      page,
      new RegExp(`\`${code}\` +\\| ${severity} +\\| ${title.replaceAll('"', '.')}`),
      code,
    )
  }
})
