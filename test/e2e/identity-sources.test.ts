// Steps and commands whose identity comes from elsewhere than the trust service: a cluster’s token file,
// Harness, a managed identity, a person. The lab's Entra and storage check whoever comes.
import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, it } from 'node:test'

import { runProgram } from '../../src/demo/program.ts'
import { type LabManagedIdentity, startManagedIdentity } from '../../src/lab/managed-identity.ts'
import { account, startStorageKit, type StorageKit } from '../../src/lab/storage.fixture.ts'

const path = process.env['PATH'] ?? ''
const cli = [process.execPath, resolve('bin/cli.ts')]
const folder = mkdtempSync(join(tmpdir(), 'asd-sources-e2e-'))
let kit: StorageKit
let imds: LabManagedIdentity
let settings: Record<string, string> = {}

before(async () => {
  kit = await startStorageKit()
  const { entra, app, authority } = kit.entraKit
  imds = await startManagedIdentity({ entra }, { identities: [app] })
  kit.storage.assignRole({
    principalId: app.objectId,
    role: 'Storage Blob Data Contributor',
    account,
    container: 'files',
  })
  const caFile = join(folder, 'ca.pem')
  writeFileSync(caFile, authority.caPem)
  writeFileSync(join(folder, 'a b.txt'), 'hello')
  settings = {
    PLUGIN_ACTION: 'upload',
    PLUGIN_ACCOUNT: account,
    PLUGIN_CONTAINER: 'files',
    PLUGIN_ENDPOINT: kit.storage.endpointOf(account),
    PLUGIN_SOURCE: 'a b.txt',
    PLUGIN_TARGET: 'up',
    PLUGIN_CA_FILE: caFile,
    PLUGIN_AUTHORITY_HOST: entra.url,
  }
})
after(async () => {
  await imds.close()
  await kit.close()
  rmSync(folder, { recursive: true })
})

const run = (words: readonly string[], env: Record<string, string>) =>
  runProgram([...cli, ...words], { cwd: folder, env: { PATH: path, ...env } })
const step = (env: Record<string, string>) => run(['plugin'], { ...settings, ...env })
const ids = () => {
  const { app } = kit.entraKit
  return { tenantId: app.tenantId, clientId: app.clientId }
}

async function writeToken(claims: Record<string, unknown> = {}): Promise<string> {
  const file = join(folder, 'token')
  writeFileSync(file, await kit.entraKit.issuer.sign({ claims }))
  return file
}

describe('the token file of a cluster', () => {
  const variables = async () => ({
    AZURE_FEDERATED_TOKEN_FILE: await writeToken(),
    AZURE_TENANT_ID: ids().tenantId,
    AZURE_CLIENT_ID: ids().clientId,
    AZURE_AUTHORITY_HOST: `${kit.entraKit.entra.url}/`,
  })

  it('makes the identity of a step, authority included', async () => {
    const { output, exitCode } = await step({
      ...(await variables()),
      PLUGIN_AUTHORITY_HOST: '',
    })
    assert.equal(exitCode, 0, output)
    assert.match(output, /identity token file \(client .*\) as repo:acme\/api@7/)
  })

  it('does not step in for an empty request token', async () => {
    const { output, exitCode } = await step({ ...(await variables()), PLUGIN_TOKEN: '' })
    assert.equal(exitCode, 3, output)
    assert.match(output, /code plugin_token_empty/)
  })

  it('that Entra refuses is the end, and doctor says what was used and what else there was', async () => {
    const env = { ...(await variables()), AZURE_POD_IDENTITY_AUTHORITY_HOST: imds.url }
    await writeToken({ sub: 'system:serviceaccount:ci:other' })
    const asked = imds.granted.length
    const refused = await step(env)
    assert.equal(refused.exitCode, 3, refused.output)
    assert.match(refused.output, /code azure_entra_subject_unknown/)
    assert.equal(imds.granted.length, asked)
    const { output, exitCode } = await run(['doctor'], { ...settings, ...env })
    assert.equal(exitCode, 3, output)
    assert.match(output, /ok +identity +from the token file: AZURE_FEDERATED_TOKEN_FILE is set;/)
    assert.match(output, /request token absent: neither `token` nor/)
    assert.match(output, /managed identity absent: off unless `identity: managed`/)
    assert.match(output, /verdict: azure_entra_subject_unknown/)
  })
})

describe('a step of Harness', () => {
  it('becomes what the ID token given to it is for, and tells Harness what was uploaded', async () => {
    const artifacts = join(folder, 'artifacts/list.json')
    const outputs = join(folder, 'outputs.env')
    const { output, exitCode } = await step({
      PLUGIN_OIDC_TOKEN_ID: await kit.entraKit.issuer.sign(),
      PLUGIN_TENANT_ID: ids().tenantId,
      PLUGIN_CLIENT_ID: ids().clientId,
      PLUGIN_ARTIFACT_FILE: artifacts,
      DRONE_OUTPUT: outputs,
    })
    assert.equal(exitCode, 0, output)
    const url = `${kit.storage.endpointOf(account)}/files/up/a%20b.txt`
    assert.deepEqual(JSON.parse(readFileSync(artifacts, 'utf8')), {
      kind: 'fileUpload/v1',
      data: { fileArtifacts: [{ name: 'up/a b.txt', url }] },
    })
    assert.match(readFileSync(outputs, 'utf8'), /^AZURE_STORAGE_DRONE_FILES=1$/m)
  })

  it('is told which settings its token takes', async () => {
    const { output, exitCode } = await step({ PLUGIN_OIDC_TOKEN_ID: 'a.b.c' })
    assert.equal(exitCode, 2, output)
    assert.match(output, /`tenant_id` and `client_id`/)
  })
})

describe('a managed identity', () => {
  it('is used only when asked for by name, and never without a warning', async () => {
    const env = { AZURE_POD_IDENTITY_AUTHORITY_HOST: imds.url }
    const without = await step(env)
    assert.match(without.output, /code plugin_token_empty/)
    const asked = { ...env, PLUGIN_IDENTITY: 'managed', HTTP_PROXY: 'http://127.0.0.1:9' }
    const { output, exitCode } = await step(asked)
    assert.equal(exitCode, 0, output)
    assert.match(output, /^warning: this is the managed identity of the machine: every step/m)
    assert.match(output, /^managed identity of this machine \(client /m)
    const doctor = await run(['doctor'], { ...settings, ...asked })
    assert.equal(doctor.exitCode, 0, doctor.output)
    assert.match(doctor.output, /warning: managed_identity /)
  })

  it('of a user is named by `client_id` alone', async () => {
    const env = {
      AZURE_POD_IDENTITY_AUTHORITY_HOST: imds.url,
      PLUGIN_IDENTITY: 'managed',
      PLUGIN_CLIENT_ID: ids().clientId,
    }
    const { output, exitCode } = await step(env)
    assert.equal(exitCode, 0, output)
    assert.equal(imds.granted.at(-1)?.get('client_id'), ids().clientId)
  })

  it('of the lab is one to Microsoft’s own client', async () => {
    const script = `
      import { ManagedIdentityCredential } from '@azure/identity'
      const { token } = await new ManagedIdentityCredential().getToken('https://storage.azure.com/.default')
      console.log(JSON.parse(Buffer.from(token.split('.')[1], 'base64url')).appid)`
    const { output, exitCode } = await runProgram(
      [process.execPath, '--input-type=module', '-e', script],
      { cwd: resolve('.'), env: { PATH: path, AZURE_POD_IDENTITY_AUTHORITY_HOST: imds.url } },
    )
    assert.equal(exitCode, 0, output)
    assert.equal(output.trim(), ids().clientId)
  })
})

describe('the sign-in of a person', () => {
  // A terminal of util-linux’s `script`, and an `az` that answers as its reference says.
  const list = async (env: Record<string, string>) => {
    const bin = join(folder, 'bin')
    mkdirSync(bin, { recursive: true })
    const { entra, app } = kit.entraKit
    const accessToken = await entra.mintToken(app, 'https://storage.azure.com')
    const answer = JSON.stringify({ accessToken, expires_on: 4102444800, tenant: app.tenantId })
    writeFileSync(join(bin, 'az'), `#!/bin/sh\necho '${answer}'\n`)
    chmodSync(join(bin, 'az'), 0o755)
    const endpoint = kit.storage.endpointOf(account)
    const { PLUGIN_CA_FILE: caFile = '' } = settings
    const words = [...cli, 'list', `${endpoint}/files`, '--endpoint', endpoint, '--ca-file', caFile]
    const finished = await runProgram(['script', '-qec', words.join(' '), '/dev/null'], {
      cwd: folder,
      env: { PATH: `${bin}:${path}`, TERM: 'dumb', ...env },
    })
    assert.ok(!finished.output.includes(accessToken))
    return finished
  }

  it('does at a terminal', async () => {
    const { output, exitCode } = await list({})
    assert.equal(exitCode, 0, output)
    assert.match(output, /whoever is signed in with Azure CLI/)
  })

  it('does not in a build, whatever its terminal, and not without one', async () => {
    const inBuild = await list({ CI: 'true' })
    assert.match(inBuild.output, /code plugin_token_empty/)
    const url = `${kit.storage.endpointOf(account)}/files`
    const endpoint = kit.storage.endpointOf(account)
    const piped = await run(['list', url, '--endpoint', endpoint], {})
    assert.equal(piped.exitCode, 3)
    assert.match(piped.output, /There is nobody to be/)
  })
})
