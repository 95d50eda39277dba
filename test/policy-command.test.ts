// `policy lint | test | explain | diff | who-can`: what they print, and how they end.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { policyCommand, policyUsage } from '../bin/policy.ts'
import { fullExample, withMistake } from '../src/policy/example.fixture.ts'

const changed = (...pairs: [string | RegExp, string][]): string =>
  pairs.reduce((text, [from, to]) => {
    const next = text.replace(from, () => to)
    assert.notEqual(next, text, String(from))
    return next
  }, fullExample)

type Run = { code: number; text: string }

async function run(args: string, files: Record<string, string> = {}): Promise<Run> {
  let text = ''
  const code = await policyCommand(args.split(' '), {
    readFile: (path) => {
      const file = { 'p.yaml': fullExample, ...files }[path]
      if (file === undefined) throw new Error('no such file')
      return file
    },
    write: (part) => void (text += part),
  })
  return { code, text }
}

const push = '--instance main --repo octo/hello --repo-id 42 --event push --ref refs/heads/main'

test('policy lint › marks every grant with who enforces it, and warns', async () => {
  const { code, text } = await run('lint p.yaml')
  assert.equal(code, 0)
  for (const part of [
    /abac +publish\/out/,
    /rbac +publish\/all .*\n.*Storage Blob Data Reader/,
    /lint_subjects_unbounded/,
    /3 grant\(s\), 3 warning\(s\)/,
  ]) {
    assert.match(text, part)
  }
  assert.equal((await run('lint p.yaml --strict')).code, 6)
})

test('policy lint › of a file with mistakes throws them all', async () => {
  const bad = withMistake({ from: 'mode: audit', to: 'mode: adit' })
  await assert.rejects(run('lint bad.yaml', { 'bad.yaml': bad }), { code: 'config_invalid' })
  await assert.rejects(run('lint gone.yaml'), { code: 'config_invalid', message: /gone\.yaml/ })
})

test('policy lint › with --gateway takes what only a gateway enforces', async () => {
  const files = { 'g.yaml': changed(['prefix: app/out/', 'prefix: "app/${build.number}/"']) }
  await assert.rejects(run('lint g.yaml', files), /only a gateway/)
  assert.match((await run('lint g.yaml --gateway', files)).text, /gateway +publish\/out/)
})

const cases = `version: 1
defaults: { instance: main, repository: octo/hello, repository_id: '42' }
cases:
  - { build: { event: push, ref: refs/heads/main }, entry: publish, expect: 'policy:publish' }
  - { build: { event: push, ref: refs/heads/x }, entry: publish, expect: policy_ref_denied }
  - { build: { event: pull_request, source: mallory/hello }, entry: publish, expect: policy_fork_denied }
  - { build: { event: push, params: [A] }, entry: publish, expect: policy_event_denied }
  - { build: { event: tag, ref: refs/tags/v1 }, expect: 'repo:octo/hello@42:tag', mode: audit }
`

test('policy test › is 0 when all cases are as expected, 6 when one differs', async () => {
  const good = await run('test p.yaml c.yaml', { 'c.yaml': cases })
  assert.equal(good.code, 0, good.text)
  assert.match(good.text, /5 of 5 case\(s\) as expected/)
  const other = cases
    .replace('policy_ref_denied', 'policy_event_denied')
    .replace(', mode: audit', '')
  const bad = await run('test p.yaml c.yaml --json', { 'c.yaml': other })
  assert.equal(bad.code, 6)
  const { results } = JSON.parse(bad.text)
  assert.deepEqual(
    results.filter((each: { ok: boolean }) => !each.ok).map((each: { got: string }) => each.got),
    ['policy_ref_denied', 'audit repo:octo/hello@42:tag'],
  )
})

test('policy test › reports mistakes of the cases file with their places', async () => {
  const bad = cases.replace('event: push,', 'evnet: push,').replace('policy_ref_denied', 'nonsense')
  await assert.rejects(run('test p.yaml c.yaml', { 'c.yaml': bad }), {
    message:
      /line 4, column \d+: cases\[0\]\.build\.evnet: unknown key; did you mean "event".*cases\[1\]\.expect: is neither/s,
  })
})

test('policy explain › tells class, subject, and the grant that covers a path', async () => {
  const { code, text } = await run(
    `explain p.yaml ${push} --account acmeart --container builds --path app/out/x --verb blob.write`,
  )
  assert.equal(code, 0)
  assert.match(
    text,
    /class push\npublish: admitted\n.*policy:publish.*covered: The grant publish\/out/s,
  )
  assert.match(text, /cache: admitted\n.*on trial/)
})

const explained: [name: string, args: string, codes: unknown[]][] = [
  [
    'another CI instance',
    push.replace('instance main', 'instance other'),
    ['policy_repository_denied', 'policy_repository_denied'],
  ],
  [
    'a renamed repository',
    push.replace('octo/hello', 'octo/new'),
    ['policy_repository_denied', 'policy_repository_denied'],
  ],
  ['a branch outside', push.replace('heads/main', 'heads/x'), ['policy_ref_denied', 'admitted']],
  ['params', `${push} --param A --param B`, ['policy_event_denied', 'policy_event_denied']],
  ['a fork', `${push} --source mallory/hello`, ['policy_fork_denied', 'policy_fork_denied']],
  [
    'an unknown event',
    push.replace('event push', 'event x'),
    ['identity_event_unknown', 'identity_event_unknown'],
  ],
]
for (const [name, args, codes] of explained) {
  test(`policy explain › of ${name} names the first failing field of each entry`, async () => {
    const { code, text } = await run(`explain p.yaml ${args} --json`)
    const { entries, allowed } = JSON.parse(text)
    assert.deepEqual(
      entries.map((each: { code: string }) => each.code),
      codes,
    )
    assert.deepEqual([allowed, code], [false, 3])
  })
}

const places: [path: string, verb: string, code: string][] = [
  ['app/out/x', 'blob.delete', 'policy_verb_denied'],
  ['app/out', 'blob.read', 'policy_path_denied'],
  ['app/out2/x', 'blob.read', 'policy_path_denied'],
  ['app/out/../x', 'blob.read', 'policy_path_denied'],
  ['app/out//x', 'blob.read', 'policy_path_denied'],
  ['app/out/x\\..\\y', 'blob.read', 'policy_path_denied'],
  ['app/out/x', 'file.read', 'policy_path_denied'],
  ['app/out/x/y/', 'blob.list', 'covered'],
]
for (const [path, verb, expected] of places) {
  test(`policy explain › ${verb} of ${path} is ${expected}`, async () => {
    const where = `--account acmeart --container builds --path ${path} --verb ${verb}`
    const { code, text } = await run(`explain p.yaml ${push} --entry publish ${where} --json`)
    assert.equal(JSON.parse(text).entries[0].place.code, expected)
    assert.equal(code, expected === 'covered' ? 0 : 3)
  })
}

const diffs: [name: string, pairs: [string, string][], code: number, says: RegExp][] = [
  ['a comment', [['version: 1', '# x\nversion: 1']], 0, /^No change/],
  ['a branch fewer', [[', refs/heads/release/*', '']], 4, /^- publish: push builds.*release\/\*/],
  ['a narrower pattern', [['release/*', 'release/v1']], 4, /^- publish/],
  ['a wider pattern', [['release/*', 'release/**']], 3, /^\+ publish/],
  [
    'a verb more',
    [['blob.write]', 'blob.write, blob.delete]']],
    3,
    /\+ publish: right blob\.delete on blob:acmeart\/builds\/app\/out\//,
  ],
  [
    'a verb fewer',
    [['blob.list, blob.write]', 'blob.list]']],
    4,
    /^- publish: right blob\.create, blob\.write/,
  ],
  ['a wider prefix', [['prefix: app/out/', 'prefix: app/']], 3, /\+ publish: right/],
  ['a narrower prefix', [['prefix: app/out/', 'prefix: app/out/x/']], 4, /^- publish: right/],
  ['a longer life', [['5m', '6m']], 3, /lifetime 300 s → 360 s/],
  ['a shorter life', [['5m', '4m']], 4, /lifetime/],
  ['the end of a trial', [['mode: audit', 'mode: enforce']], 3, /\+ cache: push builds/],
  ['the begin of a trial', [['mode: enforce', 'mode: audit']], 4, /^- publish: push builds/],
  ['a change on trial', [['[push, tag]', '[push]']], 4, /~ cache: changed on trial/],
  [
    'another application',
    [['aaaaaaaa-bbbb-4ccc-8ddd-eee', 'aaaaaaaa-bbbb-4ccc-8ddd-eef']],
    3,
    /\+ publish: identity artifacts/,
  ],
  ['direct no more', [['direct: true', 'direct: false']], 4, /- publish: direct/],
  ['another subject', [['subject: policy', 'subject: repository']], 3, /\+ publish: subject repo:/],
  [
    'an audience more',
    [['[api://AzureADTokenExchange]', '[api://AzureADTokenExchange, sts.amazonaws.com]']],
    3,
    /\+ publish: audience sts/,
  ],
]
for (const [name, pairs, expected, says] of diffs) {
  test(`policy diff › of ${name} ends with ${expected}`, async () => {
    const { code, text } = await run('diff p.yaml new.yaml', { 'new.yaml': changed(...pairs) })
    assert.match(text, says)
    assert.equal(code, expected)
  })
}

test('policy diff › sees a right that comes through an application two entries share', async () => {
  const alone = changed(['mode: audit', 'mode: enforce'])
  const shared = alone.replace('identity: cache', 'identity: artifacts')
  const { code, text } = await run('diff a.yaml b.yaml', { 'a.yaml': alone, 'b.yaml': shared })
  assert.equal(code, 3)
  assert.match(text, /\+ cache: right blob\.read.* on blob:acmeart\/builds\/app\/out\//)
})

const ways: [where: string, code: number, says: RegExp][] = [
  [
    'acmeart/builds/app/out/x blob.write',
    0,
    /publish: .*publish\/out \(abac\)\n {2}push builds of octo\/hello/,
  ],
  ['acmeart/builds', 0, /only below app\/out\//],
  ['acmeart/builds/app/', 0, /only below app\/out\//],
  ['acmeart/builds/app2/', 4, /Nobody, by this file/],
  ['acmeart/builds/app/out', 4, /Nobody/],
  ['acmeart/builds/app/out/x blob.delete', 4, /Nobody/],
  ['other/builds/app/out/', 4, /Nobody/],
  ['acmeart/tools file.read', 0, /publish\/share \(rbac\)/],
]
for (const [where, expected, says] of ways) {
  test(`policy who-can › ${where} ends with ${expected}`, async () => {
    const { code, text } = await run(`who-can p.yaml ${where}`)
    assert.match(text, says)
    assert.equal(code, expected)
  })
}

const misuses: [args: string, says: RegExp][] = [
  ['lnt p.yaml', /no command "lnt"; did you mean "lint"\?/],
  ['constructor', /no command "constructor"/],
  ['lint', /file or place/],
  ['lint p.yaml --verbose', /verbose/],
  ['explain p.yaml --event push', /--ref is missing/],
  ['explain p.yaml --event push --ref x', /--instance, --repo, --repo-id: missing/],
  [`explain p.yaml ${push} --parent x`, /--parent/],
  [`explain p.yaml ${push} --verb blob.read`, /need --account and --container/],
  ['who-can p.yaml acmeart', /account\/container/],
  ['who-can p.yaml a/b blob.raed', /did you mean "blob\.read"/],
]
for (const [args, says] of misuses) {
  test(`policy ${args} › is a usage fault`, async () => {
    await assert.rejects(run(args), { code: 'cli_usage', exitCode: 2, message: says })
  })
}

test('policy › tells its usage', async () => {
  assert.deepEqual(await run('--help'), { code: 0, text: policyUsage })
})
