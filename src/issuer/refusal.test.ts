// A refused but rightly signed request gets a refusal token, because Drone would swallow an error:
// the reason must reach whoever reads the step's log, with the exchange (DESIGN §5.3).
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { isFaultCode, faults } from '../core/fault.ts'
import { parsePolicy } from '../policy/schema.ts'
import {
  canaries,
  createRehearsal,
  createRehearsalSigner,
  jsonOf,
  policyText,
  runnerTokens,
  tokenOf,
  type Json,
  type Rehearsal,
  type Sending,
} from './rehearsal.fixture.ts'
import { parsePayload } from './request-token.ts'

const signer = await createRehearsalSigner()

const fork = { event: 'pull_request', ref: 'refs/pull/7/head', source_repo: 'mallory/hello' }

type Refused = {
  name: string
  sending: Sending
  code: string
  says: RegExp
  hint?: string | undefined
}
const refused: Refused[] = [
  {
    name: 'an entry the policy does not have',
    sending: { name: 'publsih' },
    code: 'policy_entry_unknown',
    says: /"publsih"/,
  },
  { name: 'no entry at all', sending: { name: '' }, code: 'policy_entry_unknown', says: /""/ },
  {
    name: 'a repository the policy does not name',
    sending: { repo: { slug: 'octo/other', uid: '99' } },
    code: 'policy_repository_denied',
    says: /octo\/other \(id 99\)/,
  },
  {
    name: 'a renamed repository',
    sending: { repo: { slug: 'octo/renamed' } },
    code: 'policy_repository_denied',
    says: /was renamed before the policy knew/,
    hint: 'If the new name is right, run `azure-storage-drone trust rotate --rename octo/hello=octo/renamed` with the policy file; until then builds of it get nothing.',
  },
  {
    name: 'a repository that took over the name',
    sending: { repo: { uid: '4711' } },
    code: 'policy_repository_denied',
    says: /another repository of the same name\?/,
  },
  {
    name: 'a fork pull request',
    sending: { build: fork },
    code: 'policy_fork_denied',
    says: /mallory/,
  },
  {
    name: 'a pull request of a deleted repository',
    sending: { build: { ...fork, source_repo: '' } },
    code: 'policy_fork_denied',
    says: /a deleted repository/,
  },
  {
    name: 'a same-repository pull request',
    sending: { build: { ...fork, source_repo: 'octo/hello' } },
    code: 'policy_event_denied',
    says: /pull_request build/,
  },
  {
    name: 'a promoted fork pull request',
    sending: { build: { ...fork, event: 'promote', deploy_to: 'production', trigger: 'octocat' } },
    code: 'policy_fork_denied',
    says: /mallory/,
  },
  {
    name: 'a build with params',
    sending: { build: { params: { NODE_OPTIONS: '--require=./evil.js' } } },
    code: 'policy_event_denied',
    says: /parameters \(NODE_OPTIONS\)/,
  },
  {
    name: 'a custom build of main',
    sending: { build: { event: 'custom', trigger: 'mallory' } },
    code: 'policy_event_denied',
    says: /custom build/,
  },
  {
    name: 'a push somebody made through the API',
    sending: { build: { trigger: 'mallory' } },
    code: 'policy_event_denied',
    says: /custom build/,
  },
  {
    name: 'another branch',
    sending: { build: { ref: 'refs/heads/main-attacker' } },
    code: 'policy_ref_denied',
    says: /main-attacker/,
  },
  {
    name: 'an event nobody knows',
    sending: { build: { event: 'deployment' } },
    code: 'identity_event_unknown',
    says: /deployment/,
  },
  {
    name: 'a runner that may not ask for the repository',
    sending: { runner: 'narrow-1', token: runnerTokens.narrow },
    code: 'ci_runner_repository',
    says: /"narrow-1".*octo\/hello/,
  },
  {
    name: 'an instance the policy does not name',
    sending: { instance: 'ci-two', token: runnerTokens.two },
    code: 'policy_repository_denied',
    says: /instance ci-two/,
  },
]

async function assertRefused(
  rehearsal: Rehearsal,
  token: string,
  { code, says, hint }: Pick<Refused, 'code' | 'says' | 'hint'>,
) {
  assert.match(token, /^asd1\.[\w-]+\.[\w-]{43}$/)
  // The server confirms the build: even then the reason stays what it was.
  await rehearsal.tell()
  const before = (await rehearsal.records()).length
  const answer = await rehearsal.exchange(token)
  assert.equal(answer.status, 403)
  assert.equal(answer.headers.get('content-type'), 'application/problem+json')
  assert.equal(answer.headers.get('cache-control'), 'no-store')
  const problem = await jsonOf(answer)
  assert.deepEqual(Object.keys(problem), ['type', 'title', 'status', 'detail', 'code', 'hint'])
  assert.equal(problem['status'], 403)
  assert.equal(problem['code'], code)
  assert.match(String(problem['detail']), says)
  assert.ok(isFaultCode(code))
  assert.equal(problem['hint'], hint ?? faults[code].hint)
  const [record, ...others] = (await rehearsal.records()).slice(before)
  assert.deepEqual(others, [])
  assert.equal(record?.type, 'token.denied')
  assert.equal(record.decision, 'deny')
  assert.deepEqual(record.reasons, [code])
  assert.equal(record.detail, problem['detail'])
  assert.equal(record.token?.kind, 'refusal')
  assert.equal(record.caller?.door, 'id-token')
}

for (const { name, sending, code, says, hint } of refused) {
  test(`refusal token › tells of ${name} at the exchange, and is on record twice`, async () => {
    const rehearsal = createRehearsal(signer)
    const answer = await rehearsal.ask(sending)
    assert.equal(answer.status, 200)
    const [record] = await rehearsal.records()
    assert.equal(record?.type, 'token.requested')
    assert.equal(record.decision, 'deny')
    assert.deepEqual(record.reasons, [code])
    assert.equal(record.token?.kind, 'refusal')
    assert.equal(record.caller?.runner, sending.runner ?? 'docker-1')
    await assertRefused(rehearsal, await tokenOf(answer), { code, says, hint })
  })
}

const refusedAtEnviron: typeof refused = [
  {
    name: 'a fork pull request',
    sending: { build: fork },
    code: 'policy_fork_denied',
    says: /fork/,
  },
  {
    name: 'a repository no entry names',
    sending: { repo: { slug: 'x/y', uid: '9' } },
    code: 'policy_repository_denied',
    says: /x\/y/,
  },
  {
    name: 'a build with params',
    sending: { build: { params: { A: '1' } } },
    code: 'policy_event_denied',
    says: /parameters \(A\)/,
  },
]

for (const { name, sending, code, says } of refusedAtEnviron) {
  test(`refusal token › of the environ door tells of ${name}`, async () => {
    const rehearsal = createRehearsal(signer)
    const [variable] = (await (await rehearsal.askEnviron(sending)).json()) as Json[]
    assert.equal(variable?.['mask'], true)
    await assertRefused(rehearsal, String(variable['data']), { code, says })
  })
}

test('refusal token › of the environ door tells of two matching entries', async () => {
  const rehearsal = createRehearsal(signer)
  const publish = rehearsal.world.policy.entries.get('publish')
  assert.ok(publish)
  const other = { ...publish, name: 'other' }
  rehearsal.world.policy = {
    entries: new Map([publish, other].map((entry) => [entry.name, entry])),
  }
  const [variable] = (await (await rehearsal.askEnviron()).json()) as Json[]
  await assertRefused(rehearsal, String(variable?.['data']), {
    code: 'policy_ambiguous',
    says: /publish, other/,
  })
})

test('refusal token › stays a refusal after the policy has widened', async () => {
  const rehearsal = createRehearsal(signer)
  const token = await tokenOf(rehearsal.ask({ name: 'later' }))
  const publish = rehearsal.world.policy.entries.get('publish')
  assert.ok(publish)
  rehearsal.world.policy = { entries: new Map([['later', { ...publish, name: 'later' }]]) }
  await assertRefused(rehearsal, token, { code: 'policy_entry_unknown', says: /later/ })
})

test('refusal token › tells of an entry on trial, and on record what it would have been', async () => {
  const rehearsal = createRehearsal(signer)
  rehearsal.world.policy = parsePolicy(
    policyText.replace('name: publish', 'name: publish\n    mode: audit'),
  )
  const token = await tokenOf(rehearsal.ask())
  const [record] = await rehearsal.records()
  assert.deepEqual(record?.reasons, ['policy_audit_only'])
  assert.match(record.detail ?? '', /would admit this build as repo:octo\/hello@42:ref/)
  await assertRefused(rehearsal, token, { code: 'policy_audit_only', says: /on trial/ })
})

test('refusal token › of a code that only a newer release knows is a plain refusal', () => {
  const payload = { kind: 'refusal', code: 'policy_moon_phase', sentence: 'No.', hint: 'Wait.' }
  const read = parsePayload(JSON.stringify(payload))
  assert.deepEqual(read, { ...payload, code: 'issuer_refused' })
})

test('refusal token › is stored as its hash, and carries no reason in itself', async () => {
  const { ask } = createRehearsal(signer)
  const token = await tokenOf(ask({ name: 'secret-project' }))
  const where = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
  assert.ok(!where.includes('secret-project') && !where.includes(canaries.repository))
})
