// Entra and storage say no, each for its own reason, and the very next exchange feels a change of the
// trust. The lab's Entra and storage front answer with the codes of the real ones.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { findFreePorts } from '../../src/demo/program.ts'
import { fetchToken } from '../../src/demo/step.ts'
import { assertRefused, uploadAll, useInstallation } from './lab.ts'

const e2e = useInstallation()
const files = { 'a.txt': 'a' }
const upload = uploadAll('octo/hello/x')

const credential = () => {
  const [found] = e2e.lab().app.credentials
  assert.ok(found)
  return { ...found }
}

async function withCredential(
  change: (
    from: ReturnType<typeof credential>,
  ) => Partial<ReturnType<typeof credential>> | undefined,
  run: () => Promise<void>,
): Promise<void> {
  const original = credential()
  const { app } = e2e.lab()
  app.removeCredential(original.name)
  const changed = change(original)
  if (changed) app.addCredential({ ...original, ...changed })
  try {
    await run()
  } finally {
    if (changed) app.removeCredential(changed.name ?? original.name)
    app.addCredential(original)
  }
}

test('the trust as it should be lets the step upload', async () => {
  const finished = await e2e.step(await e2e.newBuild(), upload, e2e.workspace(files))
  assert.equal(finished.exitCode, 0, finished.output)
})

test('removing the federated credential makes the next exchange fail', async () => {
  await withCredential(
    () => undefined,
    async () => {
      const finished = await e2e.step(await e2e.newBuild(), upload, e2e.workspace(files))
      assertRefused(finished, 'azure_entra_credential_absent', /AADSTS70025/)
    },
  )
})

test('a subject that is not in Entra is named, as it was presented', async () => {
  await withCredential(
    () => ({ subject: 'repo:octo/hello@4711:ref:refs/heads/release' }),
    async () => {
      const finished = await e2e.step(await e2e.newBuild(), upload, e2e.workspace(files))
      assertRefused(
        finished,
        'azure_entra_subject_unknown',
        /repo:octo\/hello@4711:ref:refs\/heads\/main/,
      )
    },
  )
})

test('one letter of another case in the subject has a code of its own', async () => {
  await withCredential(
    ({ subject }) => ({ subject: subject.replace('octo/hello', 'octo/Hello') }),
    async () => {
      const finished = await e2e.step(await e2e.newBuild(), upload, e2e.workspace(files))
      assertRefused(finished, 'azure_entra_subject_case', /AADSTS7002138/)
    },
  )
})

test('an issuer that differs by a trailing slash is told apart', async () => {
  await withCredential(
    ({ issuer }) => ({ issuer: `${issuer}/` }),
    async () => {
      const finished = await e2e.step(await e2e.newBuild(), upload, e2e.workspace(files))
      assertRefused(finished, 'azure_entra_issuer_unknown', /AADSTS700211/)
    },
  )
})

test('an audience of another cloud is told apart', async () => {
  await withCredential(
    () => ({ audience: 'api://AzureADTokenExchangeChina' }),
    async () => {
      const finished = await e2e.step(await e2e.newBuild(), upload, e2e.workspace(files))
      assertRefused(finished, 'azure_entra_audience_unknown', /AADSTS700212/)
    },
  )
})

test('ending the build makes the next exchange fail, though Entra would accept', async () => {
  const lab = e2e.lab()
  const build = await e2e.newBuild()
  const { token } = await fetchToken(lab, build)
  await lab.drone.sendWebhook(lab.repository, { ...build, status: 'failure', version: 9 })
  const finished = await e2e.stepWith(build, token, upload, e2e.workspace(files))
  assertRefused(finished, 'issuer_build_finished', /is over \(failure\)/)
})

test('a disabled application is told apart', async () => {
  const { app } = e2e.lab()
  app.enabled = false
  try {
    const finished = await e2e.step(await e2e.newBuild(), upload, e2e.workspace(files))
    assertRefused(finished, 'azure_entra_app_disabled', /AADSTS7000112/)
  } finally {
    app.enabled = true
  }
})

test('a role that does not cover the target is told apart from a bad token', async () => {
  const outside = uploadAll('somebody/else')
  const finished = await e2e.step(await e2e.newBuild(), outside, e2e.workspace(files))
  assertRefused(finished, 'azure_storage_role_missing', /AuthorizationPermissionMismatch/)
})

test('a blocked network is told apart from a missing role', async () => {
  const { storage } = e2e.lab()
  storage.denyNetwork(true)
  try {
    const finished = await e2e.step(await e2e.newBuild(), upload, e2e.workspace(files))
    assertRefused(finished, 'azure_storage_network_blocked', /AuthorizationFailure/)
  } finally {
    storage.denyNetwork(false)
  }
})

test('storage that cannot be reached is said so, by host', async () => {
  const [port] = await findFreePorts(1)
  const settings = { ...upload, endpoint: `https://localhost:${port}/acmeart` }
  const finished = await e2e.step(await e2e.newBuild(), settings, e2e.workspace(files))
  assertRefused(finished, 'azure_storage_unreachable', new RegExp(`localhost:${port}`))
})

test('a container that does not exist is said so, when the role would allow it', async () => {
  const { storage, app } = e2e.lab()
  const role = storage.assignRole({
    principalId: app.objectId,
    role: 'Storage Blob Data Contributor',
    account: 'acmeart',
  })
  try {
    const settings = { ...upload, container: 'no-such-container' }
    const finished = await e2e.step(await e2e.newBuild(), settings, e2e.workspace(files))
    assertRefused(finished, 'azure_storage_container_absent', /no-such-container/)
  } finally {
    storage.removeRole(role)
  }
})

test('a busy storage account is waited for', async () => {
  e2e.lab().storage.failNext({ count: 2, status: 503, code: 'ServerBusy', retryAfterSeconds: 1 })
  const finished = await e2e.step(await e2e.newBuild(), upload, e2e.workspace(files))
  assert.equal(finished.exitCode, 0, finished.output)
})
