// A refused step ends with the verdict of `doctor` and with the command that comes to it again: that command
// is run as it is printed, and has to say the same.
import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { test } from 'node:test'

import { type Finished, runProgram } from '../../src/demo/program.ts'
import { fetchToken } from '../../src/demo/step.ts'
import { assertRefused, uploadAll, useInstallation } from './lab.ts'

const e2e = useInstallation()
const source = { 'a.txt': 'a' }
const inPrefix = uploadAll('octo/hello/x')

type Refused = { step: Finished; again: Finished }

async function refuse(settings: Record<string, string>): Promise<Refused> {
  const build = await e2e.newBuild()
  const { token } = await fetchToken(e2e.lab(), build)
  const step = await e2e.stepWith(build, token, settings, e2e.workspace(source))
  const command = /^to look again: azure-storage-drone (doctor .*)$/m.exec(step.output)?.[1]
  assert.ok(command, step.output)
  assert.equal(step.output.includes(token), false)
  const cli = `"${process.execPath}" "${resolve('bin/cli.ts')}"`
  const again = await runProgram(['sh', '-c', `${cli} ${command}`], {
    cwd: e2e.workspace(),
    env: { AZURE_STORAGE_DRONE_TOKEN: token },
  })
  return { step, again }
}

// Request ids and times are those of one call, and what a step could not upload is no probe of the doctor's.
const perCall = /[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}|\d{4}-\d\d-\d\d[T ]\S+|: Could not .*$/g
const lastWords = ({ output }: Finished) =>
  output
    .split('\n')
    .filter((line) => /^(verdict|what to do): /.test(line))
    .map((line) => line.replaceAll(perCall, '*'))

const assertSame = ({ step, again }: Refused, verdict: RegExp) => {
  assert.deepEqual(lastWords(step), lastWords(again))
  assert.equal(lastWords(step).length, 2)
  assert.match(lastWords(step)[0] ?? '', verdict)
  assert.match(step.output, /\ncode \w+, exit 3\n$/)
}

test('a credential that is missing is told with all that it has to say', async () => {
  const { app } = e2e.lab()
  const [credential] = app.credentials
  assert.ok(credential)
  const kept = { ...credential }
  app.removeCredential(credential.name)
  const refused = await refuse(inPrefix)
  app.addCredential(kept)
  assertRefused(refused.step, 'azure_entra_credential_absent', /AADSTS70025/)
  assertSame(refused, /^verdict: azure_entra_credential_absent /)
  assert.match(
    refused.step.output,
    /what to do: Make one federated credential of application \S+ say exactly issuer “https:.*”, subject “repo:octo\/hello@4711:ref:refs\/heads\/main”/,
  )
})

test('a target outside the grant is told from a role that is missing', async () => {
  assertSame(await refuse(uploadAll('somebody/else')), /^verdict: azure_storage_role_missing /)
})

test('a role that may only read is told to whoever writes', async () => {
  const { storage, app } = e2e.lab()
  const reader = { role: 'Storage Blob Data Reader', pathPrefix: 'shared/' } as const
  const place = { account: 'acmeart', container: 'artifacts' }
  storage.assignRole({ principalId: app.objectId, ...reader, ...place })
  const refused = await refuse(uploadAll('shared/x'))
  assertSame(
    refused,
    /^verdict: azure_storage_role_missing .* may read and not write below “shared\/x\/”/,
  )
})

test('a firewall is told with the verdict of the network, and a step that is not refused has no verdict', async () => {
  const { storage } = e2e.lab()
  storage.denyNetwork(true)
  const refused = await refuse(inPrefix)
  storage.denyNetwork(false)
  assertSame(refused, /^verdict: azure_storage_network_blocked /)
  const none = await e2e.step(
    await e2e.newBuild(),
    { ...inPrefix, source: 'gone' },
    e2e.workspace(),
  )
  assertRefused(none, 'transfer_no_files', /gone/)
  assert.doesNotMatch(none.output, /verdict|look again/)
})
