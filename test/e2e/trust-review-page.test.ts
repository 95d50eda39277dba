// The report in docs/review.md is what `trust review` writes of a lab tenant with these faults.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { parseAllDocuments } from 'yaml'

import { parsePolicy } from '../../src/policy/schema.ts'
import { reviewRules } from '../../src/trust/review-rules.ts'
import { hello, startBench, type Bench } from './trust-review-bench.fixture.ts'
import { addSecret, scenarios } from './trust-review.fixture.ts'

// What differs from run to run, and what the page has in its place.
function settle({ lab }: Bench, text: string, times: Record<string, string>): string {
  const { tenantId, subscriptionId } = lab.azure
  const fixed = {
    ...times,
    [lab.policyFile]: 'policy.yaml',
    [tenantId]: '11111111-2222-4333-8444-555555555555',
    [subscriptionId]: '99999999-0000-4000-8000-000000000001',
  }
  const known = Object.entries(fixed).reduce((now, [from, to]) => now.replaceAll(from, to), text)
  return known
    .replaceAll(/known since \d{4}-\d\d-\d\d/g, 'known since 2026-11-01')
    .replaceAll(/replaced on \d{4}-\d\d-\d\d/g, 'replaced on 2026-12-14')
    .replaceAll(/\(SHA-256 [0-9a-f]{64}\)/g, `(SHA-256 ${'5c0a9e7f'.repeat(8)})`)
    .replaceAll(
      /"publisher" \([0-9a-f-]{36}\)/g,
      '"publisher" (aaaaaaaa-bbbb-4ccc-8ddd-000000000001)',
    )
}

function cause(bench: Bench, code: string): void {
  const scenario = scenarios.find((each) => each.code === code)
  assert.ok(scenario)
  scenario.doIt(bench)
}

test('docs/review.md › shows the report of a lab tenant, word by word', async (t) => {
  const bench = await startBench()
  t.after(() => bench.close())
  addSecret(bench, 'password')
  bench.drone.know(hello, { isActive: false })
  const earlier = (await bench.review(' --format json')).text
  const file = join(bench.lab.folder, 'november.json')
  writeFileSync(file, earlier)
  for (const code of [
    'review_credential_unknown',
    'review_repository_renamed',
    'review_logs_off',
    'review_key_due',
    'review_sign_ins_unread',
  ]) {
    cause(bench, code)
  }
  const { code, text } = await bench.review(` --since ${file}`)
  assert.equal(code, 6)
  const { at: before } = JSON.parse(earlier) as { at: string }
  const { at } = bench.door.reviews.at(-1) ?? assert.fail()
  const times = { [at]: '2026-12-01T06:00:00.000Z', [before]: '2026-11-01T06:00:00.000Z' }
  const page = readFileSync('docs/review.md', 'utf8')
  const shown = /```text\n(# Review of trust in Azure\n[^]*?)```/.exec(page)?.[1]
  assert.equal(shown, settle(bench, text, times))
})

test('docs/review.md › has a policy that loads, and a pipeline that is YAML', () => {
  const page = readFileSync('docs/review.md', 'utf8')
  const [policy = '', pipeline = ''] = [...page.matchAll(/```yaml\n([^]*?)```/g)].map(
    ([, text]) => text,
  )
  const entry = parsePolicy(policy).entries.get('trust-review')
  assert.deepEqual([entry?.isDirect, entry?.identity.name], [true, 'reviewer'])
  const documents = parseAllDocuments(pipeline)
  assert.deepEqual(
    documents.map((each) => [each.errors, each.get('kind')]),
    [
      [[], 'secret'],
      [[], 'pipeline'],
    ],
  )
})

test('docs/review.md › names no code that a review does not have', () => {
  const page = readFileSync('docs/review.md', 'utf8')
  for (const [, code = ''] of page.matchAll(/`(review_[a-z_]+)`/g)) {
    assert.ok(Object.hasOwn(reviewRules, code), code)
  }
})
