// `trust review` against a lab tenant: each finding where it is so, and none where all is in order.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import { reviewRules, type ReviewCode } from '../../src/trust/review-rules.ts'
import { startTrustLab, type TrustLab } from './trust-lab.fixture.ts'
import {
  addSecret,
  appOf,
  policy,
  put,
  scenarios,
  signIn,
  type Bench,
} from './trust-review.fixture.ts'

type Finding = { code: ReviewCode; message: string; line: number }

let lab: TrustLab
let bench: Bench

const review = async (more = ''): Promise<{ code: number; findings: Finding[] }> => {
  const { code, text } = await lab.run(`review --format json${more}`)
  return { code, findings: (JSON.parse(text) as { findings: Finding[] }).findings }
}

describe('trust review', () => {
  before(async () => {
    lab = await startTrustLab()
    lab.writePolicy(policy)
    assert.equal((await lab.run('apply --yes')).code, 0)
    bench = { lab, applied: lab.policy() }
    for (const name of ['publisher', 'reader']) {
      appOf(bench, name).owners.length = 0
      signIn(bench, name)
    }
  })
  after(() => lab.close())

  test('has a scenario for every code', () => {
    const covered = scenarios.map(({ code }) => code)
    assert.deepEqual(covered.toSorted(), Object.keys(reviewRules).toSorted())
  })

  for (const { code, says, doIt } of scenarios) {
    test(`${code} is found where it is so, and not otherwise`, async () => {
      const undo = doIt(bench)
      try {
        const { code: exit, findings } = await review()
        const found = findings.filter((each) => each.code === code)
        assert.ok(
          found.some(({ message }) => says.test(message)),
          JSON.stringify(findings, undefined, 2),
        )
        const isError = findings.some((each) => reviewRules[each.code].severity === 'error')
        assert.equal(exit, isError ? 6 : 0)
      } finally {
        undo()
      }
      assert.deepEqual(await review(), { code: 0, findings: [] })
    })
  }

  test('points to the line of the policy that it is about', async () => {
    const undo = addSecret(bench, 'password')
    const { findings } = await review()
    undo()
    const line = bench.applied.split('\n').findIndex((each) => each.includes('publisher: {')) + 1
    assert.deepEqual(
      findings.map((each) => [each.code, each.line]),
      [['review_application_secret', line]],
    )
  })

  test('a warning alone ends with 0, and with --strict with 6', async () => {
    const undo = put(lab.azure.arm.state, 'diagnostics', [])
    const [plain, strict] = [await review(), await review(' --strict')]
    undo()
    assert.deepEqual([plain.code, strict.code], [0, 6])
  })

  test('writes Markdown that no name from Azure can break, and SARIF with its rules', async () => {
    const undo = addSecret(bench, 'password')
    const markdown = await lab.run('review')
    const sarif = await lab.run('review --format sarif')
    undo()
    assert.match(markdown.text, /^# Review of trust in Azure\n/)
    assert.match(markdown.text, /\*\*1 error\(s\), 0 warning\(s\), 0 note\(s\)\.\*\*/)
    assert.match(markdown.text, /has the secret "old \\\*one\\\*"/)
    assert.match(markdown.text, /What to do: Remove it: whoever has it/)
    const [run] = (JSON.parse(sarif.text) as { runs: { results: { ruleId: string }[] }[] }).runs
    assert.deepEqual(
      run?.results.map(({ ruleId }) => ruleId),
      ['review_application_secret'],
    )
  })

  test('needs read rights alone', async () => {
    const reader = lab.azure.addAdministrator({
      graphPermissions: ['Application.Read.All', 'AuditLog.Read.All'],
      roles: ['Reader'],
    })
    const run = await lab.run('review --format json', { openAzure: () => lab.open(reader) })
    assert.equal(run.code, 0, run.text)
  })
})
