// Builds that must get nothing, seen from the step's log: each is refused for its own reason.
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'

import { extensions, signRequest } from '../../src/ci/drone/signature.ts'
import { sha256Hex } from '../../src/core/digest.ts'
import type { FaultCode } from '../../src/core/fault.ts'
import { Secret } from '../../src/core/secret.ts'
import { fetchToken } from '../../src/demo/step.ts'
import { send, type LabBuild, type LabRepository } from '../../src/lab/drone.ts'
import { assertRefused, uploadAll, useInstallation } from './lab.ts'

const e2e = useInstallation()
const files = { 'a.txt': 'a' }

async function stepOf(
  build: LabBuild,
  repository: LabRepository = e2e.lab().repository,
  entry = 'hello-artifacts',
) {
  const answer = await e2e.lab().drone.requestSecret(repository, build, entry)
  assert.equal(answer.status, 200, 'a signed request is answered, also with a refusal')
  const { data } = JSON.parse(answer.body) as { data: string }
  return e2e.stepWith(build, data, uploadAll('octo/hello/x'), e2e.workspace(files))
}

const refusals: {
  name: string
  build: Partial<LabBuild>
  code: FaultCode
  sentence: RegExp
}[] = [
  {
    name: 'a fork pull request',
    build: { event: 'pull_request', ref: 'refs/pull/7/head', source_repo: 'mallory/hello' },
    code: 'policy_fork_denied',
    sentence: /fork pull requests, and this build runs code of mallory\/hello/,
  },
  {
    name: 'a pull request whose source repository is gone',
    build: { event: 'pull_request', ref: 'refs/pull/7/head', source_repo: '' },
    code: 'policy_fork_denied',
    sentence: /code of a deleted repository/,
  },
  {
    name: 'a promotion of a fork pull request',
    build: {
      event: 'promote',
      ref: 'refs/pull/7/head',
      source_repo: 'mallory/hello',
      deploy_to: 'production',
    },
    code: 'policy_fork_denied',
    sentence: /fork/,
  },
  {
    name: 'a restart with parameters',
    build: { trigger: 'octocat', parent: 3, params: { NODE_OPTIONS: '--require ./evil.js' } },
    code: 'policy_event_denied',
    sentence: /whose caller set parameters \(NODE_OPTIONS\)/,
  },
  {
    name: 'a custom build of any commit on main',
    build: { event: 'custom', trigger: 'octocat' },
    code: 'policy_event_denied',
    sentence: /a custom build of octo\/hello/,
  },
  {
    name: 'a push to another branch',
    build: { ref: 'refs/heads/main-attacker' },
    code: 'policy_ref_denied',
    sentence: /the ref "refs\/heads\/main-attacker"/,
  },
]

for (const { name, build, code, sentence } of refusals) {
  test(`${name} is refused with ${code}`, async () => {
    assertRefused(await stepOf(await e2e.newBuild(build)), code, sentence)
  })
}

test('a repository that is not in the policy is refused by name', async () => {
  const repository = { ...e2e.lab().repository, uid: '99', slug: 'octo/other' }
  const build = await e2e.newBuild()
  const finished = await stepOf(build, repository)
  assertRefused(finished, 'policy_repository_denied', /octo\/other \(id 99\)/)
})

test('a new repository under an old name is refused', async () => {
  const repository = { ...e2e.lab().repository, uid: '4712' }
  const finished = await stepOf(await e2e.newBuild(), repository)
  assertRefused(finished, 'policy_repository_denied', /another repository of the same name/)
})

test('an entry that does not exist is refused by name', async () => {
  const finished = await stepOf(await e2e.newBuild(), undefined, 'no-such-entry')
  assertRefused(finished, 'policy_entry_unknown', /no entry named "no-such-entry"/)
})

test('a runner may not ask for repositories that are not its own', async () => {
  const repository = { ...e2e.lab().repository, slug: 'elsewhere/hello' }
  const finished = await stepOf(await e2e.newBuild(), repository)
  assertRefused(
    finished,
    'ci_runner_repository',
    /may not ask for tokens of the repository elsewhere/,
  )
})

test('a build that the server has ended is refused, and only its record stays', async () => {
  const lab = e2e.lab()
  const build = await e2e.newBuild()
  const { token } = await fetchToken(lab, build)
  const settings = uploadAll('octo/hello/ended')
  const first = await e2e.stepWith(build, token, settings, e2e.workspace(files))
  assert.equal(first.exitCode, 0, first.output)
  await lab.drone.sendWebhook(lab.repository, { ...build, status: 'killed', version: 3 })
  const second = await e2e.stepWith(build, token, settings, e2e.workspace(files))
  assertRefused(second, 'issuer_build_finished', /is over \(killed\)/)
})

test('a build the server has never confirmed is refused after a short wait', async () => {
  const build = { ...(await e2e.newBuild()), id: 9_999_001, number: 9001 }
  assertRefused(await stepOf(build), 'issuer_build_unconfirmed', /no webhook about it arrived/)
})

test('a runner that tells another story than the server is refused', async () => {
  const build = await e2e.newBuild({ ref: 'refs/heads/topic' })
  const finished = await stepOf({ ...build, ref: 'refs/heads/main' })
  assertRefused(
    finished,
    'issuer_build_contradicted',
    /disagree about the build octo\/hello#\d+: ref/,
  )
})

test('a request token that expired is refused', async () => {
  const build = await e2e.newBuild()
  const { token } = await fetchToken(e2e.lab(), build)
  const database = new DatabaseSync(join(e2e.lab().stateFolder, 'state.db'))
  database
    .prepare('UPDATE request_token SET expires_at = ? WHERE token_hash = ?')
    .run(Date.now() - 1000, sha256Hex(token))
  database.close()
  const finished = await e2e.stepWith(build, token, uploadAll('octo/hello/x'), e2e.workspace(files))
  assertRefused(finished, 'issuer_token_expired', /expired at 20/)
})

test('an empty token is explained by the ways it comes about', async () => {
  const build = await e2e.newBuild()
  const finished = await e2e.stepWith(build, '', uploadAll('octo/hello/x'), e2e.workspace(files))
  assertRefused(finished, 'plugin_token_empty', /DRONE_SECRET_PLUGIN_ENDPOINT/)
})

test('a token nobody handed out is refused', async () => {
  const build = await e2e.newBuild()
  const { token } = await fetchToken(e2e.lab(), build)
  const forged = token.replace(/.{4}$/, 'AAAA')
  const finished = await e2e.stepWith(
    build,
    forged,
    uploadAll('octo/hello/x'),
    e2e.workspace(files),
  )
  assertRefused(finished, 'issuer_token_unknown', /none that this service handed out/)
})

test('requests that are not signed right get 401, and nothing of them is kept', async (t) => {
  const lab = e2e.lab()
  const build = await e2e.newBuild()
  const before = countTokens()
  const url = `${new URL(lab.ciUrl).origin}/main/drone/runners/docker-1/secret`
  const ask = (drone: typeof lab.drone) =>
    drone.requestSecret(lab.repository, build, 'hello-artifacts')

  await t.test('wrong HMAC', async () => {
    const answer = await ask(lab.droneWith({ runnerToken: new Secret('w'.repeat(64)) }))
    assert.equal(answer.status, 401)
    assert.match(answer.body, /ci_signature_invalid/)
  })
  await t.test('stale date', async () => {
    const answer = await ask(lab.droneWith({ now: () => new Date(Date.now() - 400_000) }))
    assert.equal(answer.status, 401)
    assert.match(answer.body, /ci_signature_stale/)
  })
  await t.test('unknown runner', async () => {
    const answer = await ask(lab.droneWith({ runner: 'nobody' }))
    assert.equal(answer.status, 404)
    assert.match(answer.body, /ci_runner_unknown/)
  })
  await t.test('altered body', async () => {
    const runnerToken = new Secret(
      lab.secrets.find(({ name }) => name === 'runner token')?.value ?? '',
    )
    const signed = signRequest(extensions.secret, runnerToken, Buffer.from('{"a":1}'), new Date())
    const answer = await send(url, signed, Buffer.from('{"a":2}'))
    assert.equal(answer.status, 401)
    assert.match(answer.body, /its body is not the body that was signed/)
  })
  assert.equal(countTokens(), before)
})

test('the same signed request twice is answered the same', async () => {
  const lab = e2e.lab()
  const build = await e2e.newBuild()
  const moment = new Date()
  const drone = lab.droneWith({ now: () => moment })
  const answers = await Promise.all(
    [1, 2].map(() => drone.requestSecret(lab.repository, build, 'hello-artifacts')),
  )
  assert.equal(answers[0]?.status, 200)
  assert.equal(answers[0]?.body, answers[1]?.body)
})

function countTokens(): number {
  const database = new DatabaseSync(join(e2e.lab().stateFolder, 'state.db'))
  const row = database.prepare('SELECT count(*) AS n FROM request_token').get()
  database.close()
  return Number(row?.['n'])
}
