// ID tokens at compile time: only where exactly one entry says so, never for what strangers can
// start, and with everything the exchange checks.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parsePolicy, type Policy } from '../policy/schema.ts'
import { allDirect } from './direct.fixture.ts'
import {
  audience,
  createRehearsal,
  createRehearsalSigner,
  jsonOf,
  partOf,
  policyText,
  type Json,
  type Rehearsal,
  type Sending,
} from './rehearsal.fixture.ts'

const signer = await createRehearsalSigner()

const classes = '[push, cron, custom, pull_request, "params:push", promote]'
const widerText = policyText.replace(
  'events: [push], refs: [refs/heads/main]',
  `events: ${classes}, refs: [refs/**]`,
)
// A file cannot say that an entry for pull requests is direct; here the issuer has to refuse by itself.
const wider = allDirect(parsePolicy(widerText))

async function begin(policy = wider, isTold = true, build: Json = {}) {
  const rehearsal = createRehearsal(signer)
  rehearsal.world.policy = policy
  if (isTold) await rehearsal.tell({ build })
  const askDirectly = (sending: Sending = {}) =>
    rehearsal.ask({ path: 'oidc', name: audience, build, ...sending })
  return { ...rehearsal, askDirectly }
}

async function assertNone(
  { records, lines }: Pick<Rehearsal, 'records' | 'lines'>,
  answer: Response,
  reason: string,
): Promise<string> {
  assert.deepEqual([answer.status, await answer.text()], [204, ''])
  const all = await records()
  assert.ok(all.every(({ type }) => type !== 'token.issued'))
  const record = all.at(-1)
  assert.equal(record?.type, 'token.denied')
  assert.deepEqual(record.reasons, [reason])
  assert.deepEqual(record.token, { kind: 'id', aud: record.token?.aud })
  assert.deepEqual(record.caller, { door: 'secret', runner: record.caller?.runner })
  assert.ok(lines.some((line) => line.includes('"level":"warn"') && line.includes(reason)))
  return record.detail ?? ''
}

test('direct › gives an ID token for the audience, on record', async () => {
  const { askDirectly, records } = await begin()
  for (const name of [audience, 'sts.amazonaws.com']) {
    const answer = await askDirectly({ name })
    assert.equal(answer.status, 200)
    const { data, ...rest } = await jsonOf(answer)
    assert.deepEqual(rest, { name, pull_request: false, pull: false })
    const claims = partOf(String(data), 1)
    assert.equal(claims['aud'], name)
    assert.equal(claims['sub'], 'repo:octo/hello@42:ref:refs/heads/main')
    const record = (await records()).at(-1)
    assert.deepEqual([record?.type, record?.rule], ['token.issued', 'publish'])
    assert.deepEqual(record?.caller, { door: 'secret', runner: 'docker-1' })
  }
})

for (const build of [
  { event: 'tag', ref: 'refs/tags/v1' },
  { event: 'cron', cron: 'nightly', trigger: '@cron' },
  { event: 'custom', trigger: 'octocat' },
  { event: 'promote', deploy_to: 'prod', trigger: 'octocat' },
]) {
  test(`direct › gives a ${build.event} build a token that the entry admits`, async () => {
    const { askDirectly } = await begin(wider, true, build)
    assert.equal((await askDirectly()).status, 200)
  })
}

const never: { name: string; build: Json }[] = [
  {
    name: 'a pull request of the repository itself',
    build: { event: 'pull_request', ref: 'refs/pull/7/head', source_repo: 'octo/hello' },
  },
  {
    name: 'a promoted pull request',
    build: {
      event: 'promote',
      deploy_to: 'prod',
      ref: 'refs/pull/7/head',
      source_repo: 'octo/hello',
    },
  },
  { name: 'a build with params', build: { params: { NODE_OPTIONS: '--require=evil' } } },
  {
    name: 'a fork pull request',
    build: { event: 'pull_request', ref: 'refs/pull/7/head', source_repo: 'mallory/hello' },
  },
  { name: 'an event nobody knows', build: { event: 'moon' } },
]

for (const { name, build } of never) {
  test(`direct › gives ${name} nothing, even where the entry admits it`, async () => {
    const forForks = allDirect(parsePolicy(widerText.replace(classes, '[fork]')))
    for (const policy of [wider, forForks]) {
      const stage = await begin(policy, true, build)
      const detail = await assertNone(stage, await stage.askDirectly(), 'issuer_direct_denied')
      assert.match(detail, /gets no ID token at compile time/)
    }
  })
}

const refused: {
  name: string
  policy?: Policy
  sending?: Sending
  reason: string
  says: RegExp
}[] = [
  {
    name: 'an entry that is not direct',
    policy: parsePolicy(policyText),
    reason: 'issuer_direct_denied',
    says: /No policy entry with `direct: true`/,
  },
  {
    name: 'an audience that is not allowed',
    sending: { name: 'https://evil.example' },
    reason: 'issuer_direct_denied',
    says: /"https:\/\/evil\.example"/,
  },
  { name: 'no audience', sending: { name: '' }, reason: 'issuer_direct_denied', says: /""/ },
  {
    name: 'a repository no entry names',
    sending: { repo: { slug: 'octo/other', uid: '9' } },
    reason: 'issuer_direct_denied',
    says: /No policy entry/,
  },
  {
    name: 'a repository this runner may not ask for',
    sending: { repo: { slug: 'x/y' } },
    reason: 'ci_runner_repository',
    says: /docker-1.*x\/y/,
  },
  {
    name: 'a build the server tells otherwise',
    sending: { build: { after: 'bad' } },
    reason: 'issuer_build_contradicted',
    says: /sha/,
  },
]

for (const { name, policy, sending, reason, says } of refused) {
  test(`direct › gives nothing to ${name}, and says why in the ledger`, async () => {
    const stage = await begin(policy)
    assert.match(await assertNone(stage, await stage.askDirectly(sending), reason), says)
  })
}

/** The wider policy with a second entry like its first, but for these words. */
function withOther(audiences: string, more = ''): Policy {
  const [from, to] = [
    widerText.indexOf('  - name: publish'),
    widerText.indexOf('  - name: release'),
  ]
  const other = widerText
    .slice(from, to)
    .replace('name: publish', `name: other\n${more}`)
    .replace(/audiences: .*/, `audiences: [${audiences}]`)
  return allDirect(parsePolicy(widerText + other))
}

test('direct › does not choose between two entries, and lets the audience choose', async () => {
  const stage = await begin(withOther(audience))
  const detail = await assertNone(stage, await stage.askDirectly(), 'policy_ambiguous')
  assert.match(detail, /publish, other/)
  assert.equal((await stage.askDirectly({ name: 'sts.amazonaws.com' })).status, 200)
})

test('direct › gives nothing through an entry on trial, which stands in the way of none', async () => {
  const onTrial = withOther('https://trial.example', '    mode: audit')
  const stage = await begin(onTrial)
  const answer = await stage.askDirectly({ name: 'https://trial.example' })
  const detail = await assertNone(stage, answer, 'policy_audit_only')
  assert.match(detail, /"other" is on trial/)
  const both = await begin(withOther(audience, '    mode: audit'))
  assert.equal((await both.askDirectly()).status, 200)
})

test('direct › needs the second witness like every other token', async () => {
  const stage = await begin(wider, false)
  await assertNone(stage, await stage.askDirectly(), 'issuer_build_unconfirmed')
  assert.equal(stage.world.slept, 2000)
  await stage.tell({ build: { status: 'killed', version: 3 } })
  await assertNone(stage, await stage.askDirectly(), 'issuer_build_finished')
})

test('direct › gives nothing while nothing can be recorded, and says so', async () => {
  const { askDirectly, store } = await begin()
  store.appendLedger = () => Promise.reject(new Error('disk full'))
  for (const sending of [{}, { name: 'https://evil.example' }]) {
    const answer = await askDirectly(sending)
    assert.deepEqual([answer.status, (await jsonOf(answer))['code']], [503, 'audit_unavailable'])
  }
})
