// `trust lint | plan`, and their page: what they print and write, and how they end.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import * as z from 'zod'

import { trustCommand, trustUsage } from '../bin/trust.ts'
import { trustRules } from '../src/trust/finding.ts'
import { configExample, trustExample, withChanges } from '../src/trust/policy.fixture.ts'
import { reviewRules } from '../src/trust/review-rules.ts'
import { carryOut, tenant } from '../src/trust/tenant.fixture.ts'

type Run = { code: number; text: string; files: Record<string, string> }

async function run(args: string, inputs: Record<string, string> = {}): Promise<Run> {
  let text = ''
  const files: Record<string, string> = {}
  const code = await trustCommand(args.split(' '), {
    readFile: (path) => {
      const file = { 'p.yaml': trustExample, 'c.yaml': configExample, ...inputs }[path]
      if (file === undefined) throw new Error('no such file')
      return file
    },
    writeFile: (path, content) => void (files[path] = content),
    write: (part) => void (text += part),
  })
  return { code, text, files }
}

const bad = withChanges(
  ['refs: [refs/heads/main, refs/heads/next]', 'refs: [refs/heads/*]'],
  [', blob.delete', ''],
)

test('trust lint › of a policy in order tells the counts and ends with 0', async () => {
  const { code, text } = await run('lint p.yaml --config c.yaml')
  assert.equal(code, 0)
  assert.match(text, /identity artifacts: 2 of 20 federated credentials \(publish\)\n/)
  assert.match(text, /0 error\(s\), 0 warning\(s\), 0 note\(s\)\.\n$/)
})

test('trust lint › tells file, line, column and what to do, and ends with 6', async () => {
  const { code, text } = await run('lint bad.yaml', { 'bad.yaml': bad })
  assert.equal(code, 6)
  assert.match(
    text,
    /^bad\.yaml:11:\d+ error: The pattern refs\/heads\/\* .*\[trust_subject_open\]\n {4}Use `subject: policy`/,
  )
  assert.match(text, /note: The grant publish\/out takes a custom role/)
})

test('trust lint › with --strict ends with 6 for warnings, and without with 0', async () => {
  const warned = { 'w.yaml': withChanges(['refs/heads/next', 'refs/heads/Main']) }
  assert.equal((await run('lint w.yaml', warned)).code, 0)
  assert.equal((await run('lint w.yaml --strict', warned)).code, 6)
})

test('trust lint › points into the service configuration for what is wrong there', async () => {
  const slash = { 'slash.yaml': `# ours\n${configExample.replace('oidc', 'oidc/')}` }
  const { code, text } = await run('lint p.yaml --config slash.yaml --format json', slash)
  assert.equal(code, 6)
  const [finding] = JSON.parse(text).findings
  assert.equal(finding.code, 'trust_issuer_slash')
  assert.deepEqual([finding.uri, finding.line], ['slash.yaml', 2])
})

// What OASIS SARIF 2.1.0 asks of the parts we write (sections 3.13 to 3.52).
const level = z.enum(['none', 'note', 'warning', 'error'])
const message = z.strictObject({ text: z.string().min(1) })
const sarif = z.strictObject({
  $schema: z.url(),
  version: z.literal('2.1.0'),
  runs: z.tuple([
    z.strictObject({
      tool: z.strictObject({
        driver: z.strictObject({
          name: z.string().min(1),
          semanticVersion: z.string().regex(/^\d+\.\d+\.\d+/),
          rules: z.array(
            z.strictObject({
              id: z.string(),
              shortDescription: message,
              help: message,
              defaultConfiguration: z.strictObject({ level }),
            }),
          ),
        }),
      }),
      columnKind: z.enum(['utf16CodeUnits', 'unicodeCodePoints']),
      results: z.array(
        z.strictObject({
          ruleId: z.string(),
          ruleIndex: z.int().min(0),
          level,
          message,
          locations: z.tuple([
            z.strictObject({
              physicalLocation: z.strictObject({
                artifactLocation: z.strictObject({ uri: z.string().regex(/^[^\s\\]+$/) }),
                region: z.strictObject({ startLine: z.int().min(1), startColumn: z.int().min(1) }),
              }),
            }),
          ]),
          partialFingerprints: z.record(z.string(), z.string()),
        }),
      ),
    }),
  ]),
})

test('trust lint › writes SARIF 2.1.0 whose results refer to their rules', async () => {
  const { code, text } = await run('lint my,bad.yaml --format sarif', { 'my,bad.yaml': bad })
  assert.equal(code, 6)
  const [log] = sarif.parse(JSON.parse(text)).runs
  const { rules } = log.tool.driver
  assert.deepEqual(
    rules.map(({ id }) => id),
    Object.keys(trustRules),
  )
  assert.ok(log.results.length >= 2)
  for (const { ruleId, ruleIndex } of log.results) assert.equal(rules[ruleIndex]?.id, ruleId)
})

test('trust plan › compares with a state that was read before: 4 with changes, 0 without, 6 when stopped', async () => {
  const state = tenant()
  const planned = await run('plan p.yaml --config c.yaml --actual s.json', {
    's.json': JSON.stringify(state),
  })
  assert.equal(planned.code, 4)
  assert.match(planned.text, /5 to add, 0 to update, 0 to remove\./)
  const { text } = await run('plan p.yaml --config c.yaml --actual s.json --json', {
    's.json': JSON.stringify(state),
  })
  const done = carryOut(state, JSON.parse(text).changes)
  const again = await run('plan p.yaml --config c.yaml --actual s.json', {
    's.json': JSON.stringify(done),
  })
  assert.deepEqual([again.code, again.text], [0, 'No change.\n'])
  const stopped = { ...state, accounts: [] }
  assert.equal(
    (
      await run('plan p.yaml --config c.yaml --actual s.json', {
        's.json': JSON.stringify(stopped),
      })
    ).code,
    6,
  )
})

test('trust plan › does not plan a policy that lint finds errors in', async () => {
  await assert.rejects(run('plan bad.yaml --config c.yaml --output az', { 'bad.yaml': bad }), {
    code: 'config_invalid',
    message: /trust_subject_open/,
    hint: /trust lint bad\.yaml --config c\.yaml/,
  })
})

test('trust plan › writes one file to the output, and several into a folder', async () => {
  const az = await run('plan p.yaml --config c.yaml --output az')
  assert.match(az.text, /^#!\/usr\/bin\/env bash\n/)
  const json = await run('plan p.yaml --config c.yaml --output json')
  assert.equal(JSON.parse(json.text).identities.length, 2)
  const terraform = await run('plan p.yaml --config c.yaml --output terraform --out there')
  assert.deepEqual(Object.keys(terraform.files), ['there/trust.tf'])
  const bicep = await run('plan p.yaml --config c.yaml --output bicep --out there')
  assert.deepEqual(Object.keys(bicep.files), ['there/main.bicep', 'there/blob-role.bicep'])
  assert.equal(bicep.text, 'there/main.bicep\nthere/blob-role.bicep\n')
})

test('trust plan › of several tenants asks for one', async () => {
  const two = {
    'two.yaml': withChanges([
      'readers: { tenant_id: 11111111-2222-4333-8444-555555555555',
      'readers: { tenant_id: 22222222-2222-4333-8444-555555555555',
    ]),
  }
  await assert.rejects(run('plan two.yaml --config c.yaml --output terraform', two), {
    code: 'cli_usage',
    message: /2 tenants/,
  })
  const { text } = await run(
    'plan two.yaml --config c.yaml --output terraform --tenant 22222222-2222-4333-8444-555555555555',
    two,
  )
  assert.match(text, /readers/)
  assert.doesNotMatch(text, /artifacts/)
})

const refused: [args: string, says: RegExp][] = [
  ['frob', /no command "frob"/],
  ['lin p.yaml', /did you mean/],
  ['lint', /one policy file/],
  ['lint p.yaml --format xml', /text, json or sarif/],
  ['lint p.yaml --frob', /frob/],
  ['plan p.yaml', /--config/],
  ['plan p.yaml --config c.yaml --sign-in luck', /--sign-in is default, cli/],
  ['plan p.yaml --config c.yaml --arm-url http://arm.example', /--arm-url is of the form https/],
  ['review p.yaml --config c.yaml --ca-file gone.pem', /gone\.pem cannot be read/],
  ['review p.yaml --config c.yaml --format text', /markdown, json or sarif/],
  ['review p.yaml --config c.yaml --unused-days 0', /1 to 999/],
  ['plan p.yaml --config c.yaml --tenant x', /no identity in the tenant x/],
  ['plan p.yaml --config c.yaml --output pulumi', /not "pulumi"/],
  ['plan p.yaml --config c.yaml --output bicep', /--out/],
  ['plan p.yaml --config c.yaml --output az --tenant x', /no identity in the tenant x/],
  ['plan p.yaml --config gone.yaml --output az', /gone\.yaml cannot be read/],
  ['plan p.yaml --config p.yaml --output az', /says too little/],
  ['plan p.yaml --config c.yaml --actual p.yaml', /state of Azure cannot be read/],
]

for (const [args, says] of refused) {
  test(`trust › ${args} is refused with a sentence`, async () => {
    await assert.rejects(run(args), { message: says, exitCode: 2 })
  })
}

test('trust › --help tells how it is used', async () => {
  assert.deepEqual(await run('--help'), { code: 0, text: trustUsage, files: {} })
})

test('trust › docs/trust.md tells every finding of lint and review as the code does', () => {
  const page = readFileSync('docs/trust.md', 'utf8').replaceAll(/ +/g, ' ').replaceAll('\\*', '*')
  for (const [code, { severity, title, fix }] of Object.entries({
    ...trustRules,
    ...reviewRules,
  })) {
    assert.ok(
      page.includes(`| \`${code}\` | ${severity} | ${title} | ${fix.replaceAll('  ', ' ')} |`),
      code,
    )
  }
})
