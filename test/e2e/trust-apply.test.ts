// `trust plan` and `trust apply` against a lab tenant: from nothing to what the policy asks for, half-way
// and back, in somebody else's tenant, and with Azure as busy and slow as it is.
import assert from 'node:assert/strict'
import { chmodSync, lstatSync, readdirSync, renameSync, statSync, symlinkSync } from 'node:fs'
import { after, before, beforeEach, describe, test } from 'node:test'

import { Fault } from '../../src/core/fault.ts'
import { startTrustLab, type TrustLab } from './trust-lab.fixture.ts'

const policy = `version: 1
# Where the accounts are.
accounts:
  acmeart: { subscription: SUBSCRIPTION, resource_group: GROUP }
identities:
  publisher:
    tenant_id: TENANT # ours
    display_name: Drone publisher
  reader: { tenant_id: TENANT }
policies:
- name: publish
  subjects:
  - { instance: main, repository: octo/hello, repository_id: "42", events: [push], refs: [refs/heads/main, refs/heads/next] }
  identity: publisher
  audiences: [api://AzureADTokenExchange]
  grants:
  - { id: out, account: acmeart, service: blob, container: artifacts, prefix: hello/, verbs: [blob.read, blob.list, blob.write] }
- name: look
  subject: policy
  subjects:
  - { instance: main, repository: octo/hello, repository_id: "42", events: [pull_request], refs: [refs/**] }
  identity: reader
  audiences: [api://AzureADTokenExchange]
  grants:
  - { id: in, account: acmeart, service: blob, container: artifacts, verbs: [blob.read, blob.list] }
`

const managed = policy.replace(
  '  reader: { tenant_id: TENANT }',
  '  reader: { tenant_id: TENANT, kind: managed_identity, subscription: SUBSCRIPTION, resource_group: GROUP, location: westeurope }',
)

let lab: TrustLab

// As on the first day.
function empty(): void {
  const { administrator, arm, entra } = lab.azure
  const others = entra.directory.apps.filter((app) => app !== administrator.app)
  for (const { clientId } of others) entra.directory.removeApp(clientId)
  arm.state.identities.length = 0
  arm.state.assignments = arm.state.assignments.filter(
    ({ principalId }) => principalId === administrator.app.objectId,
  )
  arm.state.definitions = arm.state.definitions.filter(({ isBuiltIn }) => isBuiltIn)
  lab.writePolicy(policy)
}

describe('trust apply', () => {
  before(async () => {
    lab = await startTrustLab()
  })
  beforeEach(() => empty())
  after(() => lab.close())

  const refusal = async (command: string, code: string, sentence: RegExp) => {
    await assert.rejects(lab.run(command), (error: unknown) => {
      assert.ok(error instanceof Fault)
      assert.equal(error.code, code)
      assert.match(error.message, sentence)
      return true
    })
  }
  const writes = () =>
    [...lab.azure.graph.calls, ...lab.azure.arm.calls].filter(({ method }) => method !== 'GET')
      .length

  test('makes everything in an empty tenant, and a second time changes nothing', async () => {
    const first = await lab.run('apply --yes')
    assert.equal(first.code, 0, first.text)
    assert.match(
      first.text,
      /Azure shows all of it\. Whether Entra exchanges a token yet was not tried/,
    )
    const made = writes()
    const second = await lab.run('apply --yes')
    assert.deepEqual(second, { code: 0, text: 'No change.\n' })
    assert.equal(writes(), made)
    assert.deepEqual(await lab.run('plan'), { code: 0, text: 'No change.\n' })
  })

  test('puts the client ids into the policy file, and leaves all else as it was', async () => {
    const text = lab.policy()
    await lab.run('apply --yes')
    const { apps } = lab.azure.entra.directory
    const idOf = (name: string) => apps.find(({ displayName }) => displayName === name)?.clientId
    const expected = text
      .replace('# ours\n', `# ours\n    client_id: ${idOf('Drone publisher')}\n`)
      .replace(
        /(reader: \{ tenant_id: [^ ]+) \}/,
        `$1, client_id: ${idOf('azure-storage-drone-reader')} }`,
      )
    assert.equal(lab.policy(), expected)
  })

  test('keeps what somebody wrote into the policy file while they were asked', async () => {
    const ask = () => {
      lab.writePolicy(`${policy}# mine\n`)
      return Promise.resolve(true)
    }
    assert.equal((await lab.run('apply', { ask })).code, 0)
    assert.match(lab.policy(), /client_id: [^]*# mine\n$/)
  })

  test('keeps mode and link of the policy file, and writes it also when a later change fails', async () => {
    const real = `${lab.policyFile}.real`
    renameSync(lab.policyFile, real)
    chmodSync(real, 0o640)
    symlinkSync(real, lab.policyFile)
    lab.azure.arm.failNext({
      count: 1,
      status: 409,
      code: 'ScopeLocked',
      method: 'PUT',
      path: 'roleAssignments',
    })
    await assert.rejects(lab.run('apply --yes'), { code: 'trust_refused' })
    assert.equal(lab.policy().match(/client_id: /g)?.length, 2)
    assert.equal(lstatSync(lab.policyFile).isSymbolicLink(), true)
    assert.equal(statSync(real).mode & 0o777, 0o640)
    assert.deepEqual(
      readdirSync(lab.folder).filter((name) => name.startsWith('policy.yaml.real.')),
      [],
    )
    renameSync(real, lab.policyFile)
  })

  test('makes managed identities, waiting as long as ARM says between two writes', async () => {
    lab.writePolicy(managed)
    const { settings } = lab.azure.arm
    settings.credentialWriteIntervalSeconds = 0.05
    lab.azure.arm.failNext({ count: 2, status: 429, code: 'TooManyRequests', retryAfterSeconds: 3 })
    const pauses: number[] = []
    const openAzure = () => lab.open(undefined, (milliseconds) => void pauses.push(milliseconds))
    const run = await lab.run('apply --yes', { openAzure })
    settings.credentialWriteIntervalSeconds = 0
    assert.equal(run.code, 0, run.text)
    assert.deepEqual(pauses.slice(0, 2), [3000, 3000])
    assert.deepEqual(await lab.run('plan'), { code: 0, text: 'No change.\n' })
    assert.match(lab.policy(), /location: westeurope/)
  })

  test('continues where it stopped', async () => {
    for (const [status, code, path] of [
      [403, 'AuthorizationFailed', 'roleAssignments'],
      [409, 'ScopeLocked', 'roleDefinitions'],
      [400, 'Request_BadRequest', 'federatedIdentityCredentials'],
    ] as const) {
      const api = path.startsWith('role') ? lab.azure.arm : lab.azure.graph
      const method = path.startsWith('role') ? 'PUT' : 'PATCH'
      api.failNext({ count: 1, status, code, path, method })
      await assert.rejects(lab.run('apply --yes'), {
        code: status === 403 ? 'trust_denied' : 'trust_refused',
      })
      const run = await lab.run('apply --yes')
      assert.equal(run.code, 0, run.text)
      assert.equal((await lab.run('plan')).code, 0)
      const { apps } = lab.azure.entra.directory
      assert.equal(apps.length, 3, 'no application twice')
      empty()
    }
  })

  test('changes and removes only what is its own', async () => {
    await lab.run('apply --yes')
    const { apps } = lab.azure.entra.directory
    const app = apps.find(({ displayName }) => displayName === 'Drone publisher')
    assert.ok(app)
    const foreign = {
      name: 'by-hand',
      issuer: 'https://other.example',
      subject: 's',
      audience: 'a',
    }
    app.addCredential(foreign)
    lab.azure.arm.seedAssignment({
      principalId: app.objectId,
      roleName: 'Reader',
      scope: lab.azure.scopes.resourceGroup,
    })
    const text = lab.policy()
    lab.writePolicy(
      text.replace(', refs/heads/next', '').replace('prefix: hello/', 'prefix: other/'),
    )
    const run = await lab.run('apply --yes')
    assert.equal(run.code, 0, run.text)
    assert.match(
      run.text,
      /done: - federated credential publisher: repo:octo\/hello@42:ref:refs\/heads\/next/,
    )
    assert.match(run.text, /done: ~ role assignment {6}publisher/)
    assert.match(run.text, /The credential "by-hand" .* is not ours and stays/)
    assert.deepEqual(app.credentials.map(({ subject }) => subject).toSorted(), [
      'repo:octo/hello@42:ref:refs/heads/main',
      's',
    ])
    const { assignments } = lab.azure.arm.state
    const own = assignments.filter(({ principalId }) => principalId === app.objectId)
    assert.equal(own.length, 2)
    assert.ok(own.some(({ condition }) => condition?.includes("StringStartsWith 'other/'")))
  })

  test('takes away what an identity had that left the policy', async () => {
    await lab.run('apply --yes')
    const [head, tail] = lab.policy().split('- name: look')
    assert.ok(tail)
    lab.writePolicy(head?.replace(/ {2}reader: .*\n/, '') ?? '')
    const run = await lab.run('apply --yes')
    assert.equal(run.code, 0, run.text)
    assert.match(run.text, /done: - federated credential .*policy:look/)
    assert.match(run.text, /done: - role assignment/)
    assert.match(run.text, /was made for the identity "reader", which nothing uses any more/)
  })

  test('asks first, and does nothing after a no, with nobody to ask, and with --dry-run', async () => {
    const questions: string[] = []
    const ask = (question: string) => {
      questions.push(question)
      return Promise.resolve(false)
    }
    const writesBefore = writes()
    const declined = await lab.run('apply', { ask })
    assert.equal(declined.code, 4)
    assert.match(declined.text, /\nNothing was changed\.\n$/)
    assert.deepEqual(questions, ['Carry this out?'])
    await refusal('apply', 'cli_usage', /nobody to ask/)
    assert.equal((await lab.run('apply --dry-run')).code, 4)
    assert.equal((await lab.run('plan')).code, 4)
    assert.equal(writes(), writesBefore)
    const agreed = await lab.run('apply', { ask: () => Promise.resolve(true) })
    assert.equal(agreed.code, 0)
  })

  test('asks the trust service only at a fit address, with a token, and for a time that is one', async () => {
    const door = '--service https://localhost:1 --admin-token-file'
    await refusal(`apply --service http://ci.example ${door.slice(-18)} x`, 'cli_usage', /https:/)
    await refusal(
      'apply --service https://localhost:1',
      'cli_usage',
      /AZURE_STORAGE_DRONE_ADMIN_TOKEN/,
    )
    await refusal('apply --admin-token-file x', 'cli_usage', /only with --service/)
    await refusal('apply --wait 3', 'cli_usage', /only with --service/)
    await refusal(`apply --wait long ${door} x`, 'cli_usage', /minutes/)
    await refusal(`apply ${door} ${lab.folder}/none`, 'config_invalid', /none cannot be read/)
    await refusal(`apply ${door} ${lab.policyFile}`, 'cli_usage', /one line of plain letters/)
  })

  test('stops before the first change where something stands in the way', async () => {
    lab.writePolicy(policy.replaceAll('acmeart', 'acmegone'))
    const writesBefore = writes()
    const run = await lab.run('apply --yes')
    assert.equal(run.code, 6)
    assert.match(run.text, /There is no storage account .*acmegone/)
    assert.equal(writes(), writesBefore)
  })

  test('reads lists of many pages', async () => {
    await lab.run('apply --yes')
    lab.azure.graph.settings.pageSize = 1
    lab.azure.arm.settings.pageSize = 1
    const run = await lab.run('plan')
    lab.azure.graph.settings.pageSize = 100
    lab.azure.arm.settings.pageSize = 100
    assert.deepEqual(run, { code: 0, text: 'No change.\n' })
  })

  test('says who may not, what is down, and that a next page leads elsewhere', async () => {
    const nobody = lab.azure.addAdministrator({})
    const openAzure = () => lab.open(nobody)
    await assert.rejects(lab.run('plan', { openAzure }), (error: unknown) => {
      assert.ok(error instanceof Fault)
      assert.equal(error.code, 'trust_denied')
      assert.match(error.message, /^Microsoft Graph answered 403 .*Authorization_RequestDenied/)
      return true
    })
    lab.azure.graph.failNext({ count: 7, status: 503, code: 'ServiceUnavailable' })
    await refusal('plan', 'trust_unavailable', /answered 503 .*ServiceUnavailable/)
  })

  test('with roles at the accounts alone, reads the assignments there', async () => {
    const { azure } = lab
    await lab.run('apply --yes')
    const narrow = azure.addAdministrator({ graphPermissions: ['Application.Read.All'] })
    const scope = azure.scopes.resourceGroup
    azure.arm.seedAssignment({ principalId: narrow.app.objectId, roleName: 'Reader', scope })
    const run = await lab.run('plan', { openAzure: () => lab.open(narrow) })
    assert.deepEqual(run, { code: 0, text: 'No change.\n' })
  })
})
