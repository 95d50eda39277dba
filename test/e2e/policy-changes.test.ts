// The policy file changes under a running service: the next exchange feels it, a bad file changes
// nothing and is told, and `direct: true` gives other plugins their plain ID token.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { decodeJwt } from 'jose'

import { fetchToken } from '../../src/demo/step.ts'
import { assertRefused, uploadAll, useInstallation } from './lab.ts'

const e2e = useInstallation()
const upload = uploadAll('octo/hello/policy')
const files = { 'a.txt': 'a' }

type Health = { policy: { sha256: string; problem?: string } }

async function readHealth(): Promise<Health> {
  const answer = await fetch(`${e2e.lab().ciUrl}/healthz`)
  return (await answer.json()) as Health
}

async function withPolicy(
  change: (text: string) => string,
  isTaken: (health: Health, before: Health) => boolean,
  run: () => Promise<void>,
): Promise<void> {
  const file = join(e2e.lab().folder, 'policy.yaml')
  const original = readFileSync(file, 'utf8')
  const before = await readHealth()
  const waitFor = async (holds: (health: Health) => boolean) => {
    for (let tries = 0; !holds(await readHealth()); tries += 1) {
      assert.ok(tries < 100, 'the service takes the file within ten seconds')
      await sleep(100)
    }
  }
  writeFileSync(file, change(original))
  try {
    await waitFor((health) => isTaken(health, before))
    await run()
  } finally {
    writeFileSync(file, original)
    await waitFor(({ policy }) => policy.sha256 === before.policy.sha256 && !policy.problem)
  }
}

const isNew = (health: Health, before: Health) => health.policy.sha256 !== before.policy.sha256

test('a policy that narrows stops a token that was handed out before', async () => {
  const build = await e2e.newBuild()
  const { token } = await fetchToken(e2e.lab(), build)
  await withPolicy(
    (text) => text.replace('refs/heads/main', 'refs/heads/release'),
    isNew,
    async () => {
      const finished = await e2e.stepWith(build, token, upload, e2e.workspace(files))
      assertRefused(finished, 'policy_ref_denied', /refs\/heads\/main/)
    },
  )
  const finished = await e2e.stepWith(build, token, upload, e2e.workspace(files))
  assert.equal(finished.exitCode, 0, finished.output)
})

test('a bad policy file changes nothing, and health and metrics say so', async () => {
  await withPolicy(
    (text) => text.replace('version: 1', 'version: one'),
    (health) => health.policy.problem !== undefined,
    async () => {
      const finished = await e2e.step(await e2e.newBuild(), upload, e2e.workspace(files))
      assert.equal(finished.exitCode, 0, finished.output)
      const metrics = await (await fetch(`${e2e.lab().ciUrl}/metrics`)).text()
      assert.match(metrics, /azure_storage_drone_policy_rejected 1/)
      assert.match(e2e.lab().service.output(), /the last good one stays/)
    },
  )
})

test('an entry on trial refuses with its own code', async () => {
  await withPolicy(
    (text) =>
      text.replace('  - name: hello-artifacts', '  - name: hello-artifacts\n    mode: audit'),
    isNew,
    async () => {
      const finished = await e2e.step(await e2e.newBuild(), upload, e2e.workspace(files))
      assertRefused(finished, 'policy_audit_only', /is on trial/)
    },
  )
})

test('direct mode gives a plain ID token to a push, and nothing to a fork', async () => {
  const lab = e2e.lab()
  const ask = (build: Awaited<ReturnType<typeof e2e.newBuild>>) =>
    lab.drone.requestSecret(lab.repository, build, 'api://AzureADTokenExchange', 'oidc')
  assert.equal((await ask(await e2e.newBuild())).status, 204, 'not without direct: true')
  await withPolicy(
    (text) =>
      text.replace('  - name: hello-artifacts', '  - name: hello-artifacts\n    direct: true'),
    isNew,
    async () => {
      const answer = await ask(await e2e.newBuild())
      assert.equal(answer.status, 200)
      const { data } = JSON.parse(answer.body) as { data: string }
      assert.equal(decodeJwt(data).sub, 'repo:octo/hello@4711:ref:refs/heads/main')
      const fork = { event: 'pull_request', ref: 'refs/pull/1/head', source_repo: 'mallory/hello' }
      assert.equal((await ask(await e2e.newBuild(fork))).status, 204)
    },
  )
})

test('the service becomes ready once the world reads its key', async () => {
  for (let tries = 0; ; tries += 1) {
    const answer = await fetch(`${e2e.lab().ciUrl}/readyz`)
    if (answer.status === 200) return
    assert.ok(tries < 100, await answer.text())
    await sleep(100)
  }
})
