// `trust review` against a lab tenant, a CI server and an admin door: each finding where it is so, and none
// where all is in order.
import assert from 'node:assert/strict'
import { rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { reviewRules, type ReviewCode } from '../../src/trust/review-rules.ts'
import { hello, put, startBench, type Bench } from './trust-review-bench.fixture.ts'
import { addSecret, scenarios } from './trust-review.fixture.ts'

type Finding = { code: ReviewCode; message: string; line: number }

let bench: Bench

const review = async (more = ''): Promise<{ code: number; findings: Finding[] }> => {
  const { code, text } = await bench.review(` --format json${more}`)
  return { code, findings: (JSON.parse(text) as { findings: Finding[] }).findings }
}

describe('trust review', () => {
  before(async () => {
    bench = await startBench()
  })
  after(() => bench.close())

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
    const lineOf = (text: string) =>
      bench.applied.split('\n').findIndex((each) => each.includes(text)) + 1
    const undo = addSecret(bench, 'password')
    bench.drone.know(hello, { isActive: false })
    const { findings } = await review()
    undo()
    bench.drone.know(hello)
    assert.deepEqual(
      findings.map((each) => [each.code, each.line]),
      [
        ['review_application_secret', lineOf('publisher: {')],
        ['review_repository_inactive', lineOf('repository: octo/hello')],
      ],
    )
  })

  test('a warning alone ends with 0, and with --strict with 6', async () => {
    const undo = put(bench.lab.azure.arm.state, 'diagnostics', [])
    const [plain, strict] = [await review(), await review(' --strict')]
    undo()
    assert.deepEqual([plain.code, strict.code], [0, 6])
  })

  test('writes Markdown that no name from Azure can break, and SARIF with its rules', async () => {
    const undo = addSecret(bench, 'password')
    const markdown = await bench.review()
    const sarif = await bench.review(' --format sarif')
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
    const { azure, open, run } = bench.lab
    const reader = azure.addAdministrator({
      graphPermissions: ['Application.Read.All', 'AuditLog.Read.All'],
      roles: ['Reader'],
    })
    const { code, text } = await run(`review ${bench.door.options} --format json`, {
      openAzure: () => open(reader),
    })
    assert.equal(code, 0, text)
  })

  test('without --service records nothing, and says that the keys were not looked at', async () => {
    const count = bench.door.reviews.length
    const { code, text } = await bench.lab.run('review --format json')
    assert.equal(code, 0)
    assert.deepEqual(
      (JSON.parse(text) as { findings: Finding[] }).findings.map((each) => each.code),
      ['review_key_unchecked'],
    )
    assert.equal(bench.door.reviews.length, count)
  })

  const unasked: [why: string, api: () => string, says: RegExp][] = [
    ['names no api', () => '', /names no api of it/],
    [
      'says that it is a Woodpecker server',
      () => `ci: woodpecker, api: { url: '${bench.drone.url}', token: { file: x } }`,
      /no Drone server/,
    ],
    [
      'keeps the token elsewhere',
      () => `api: { url: '${bench.drone.url}', token: { file: /nowhere/api.token } }`,
      /token cannot be read here \(.*nowhere/,
    ],
    [
      'has the CA elsewhere',
      () =>
        `api: { url: '${bench.drone.url}', token: { file: ${bench.apiTokenFile} }, ca_file: /nowhere/ca.pem }`,
      /CA file cannot be read here/,
    ],
    [
      'leads to nobody',
      () => `api: { url: 'https://127.0.0.1:9', token: { file: ${bench.apiTokenFile} } }`,
      /did not tell its repositories: .*127\.0\.0\.1:9 cannot be asked/,
    ],
    [
      'would send the token in clear',
      () => `api: { url: 'http://127.0.0.1:9', token: { file: ${bench.apiTokenFile} } }`,
      /begins with http:/,
    ],
  ]
  for (const [why, api, says] of unasked) {
    test(`where the configuration ${why}, the repositories are a note and no error`, async () => {
      bench.writeConfig(api())
      const { code, findings } = await review()
      bench.writeConfig()
      assert.equal(code, 0)
      assert.deepEqual(
        findings.map((each) => each.code),
        ['review_repositories_unchecked'],
      )
      assert.match(findings[0]?.message ?? '', says)
    })
  }

  test('an owner of the token who is no administrator is shown their own, which is enough', async () => {
    const undo = put(bench.drone.settings, 'isAdmin', false)
    bench.drone.settings.members.add(hello.uid)
    const { findings } = await review()
    undo()
    bench.drone.settings.members.clear()
    assert.deepEqual(findings, [])
  })

  const sinceTests: [title: string, file: string, says: RegExp][] = [
    ['no JSON', 'words', /it is no JSON/],
    ['another report', '{"findings":[]}', /no report of `trust review`/],
    [
      'a review of another tenant',
      '{"at":"2026-10-01T00:00:00.000Z","tenantId":"other","findings":[]}',
      /of the tenant other/,
    ],
  ]
  for (const [title, text, says] of sinceTests) {
    test(`--since takes no file that is ${title}`, async () => {
      const file = join(bench.lab.folder, 'bad.json')
      writeFileSync(file, text)
      await assert.rejects(bench.review(` --since ${file}`), { exitCode: 2, message: says })
      rmSync(file)
    })
  }

  test('--since last is of use only with --service', async () => {
    await assert.rejects(bench.lab.run('review --since last'), {
      exitCode: 2,
      message: /--service URL/,
    })
  })
})
