// The first day of an installation: an empty tenant, a policy without client ids, `trust apply` signed in
// through Microsoft's own library, which waits until trials work, and the first build uploads with no other step.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { runProgram, startProgram, type Program } from '../../src/demo/program.ts'
import { planTrustService, type TrustServicePlan } from '../../src/demo/trust-service.ts'
import { createAuthority } from '../../src/lab/authority.ts'
import { pushBuild, stepEnvironment } from '../../src/lab/drone.ts'
import { places, startTrustLab, type TrustLab } from './trust-lab.fixture.ts'

const policy = `version: 1
accounts:
  acmeart: { subscription: SUBSCRIPTION, resource_group: GROUP }
identities:
  artifacts:
    tenant_id: TENANT
policies:
  - name: hello-artifacts
    subjects:
      - { instance: main, repository: octo/hello, repository_id: "4711", events: [push], refs: [refs/heads/main] }
    identity: artifacts
    audiences: [api://AzureADTokenExchange]
    grants:
      - { id: out, account: acmeart, service: blob, container: artifacts, prefix: octo/hello/, verbs: [blob.read, blob.list, blob.write] }
      - { id: in, account: acmeart, service: blob, container: artifacts, prefix: shared/, verbs: [blob.read, blob.list] }
`

let lab: TrustLab
let plan: TrustServicePlan
let service: Program | undefined
let policyFile: string

describe('trust on the first day', () => {
  before(async () => {
    const authority = await createAuthority()
    lab = await startTrustLab(authority)
    lab.writePolicy(policy)
    const { entra, storage } = lab.azure
    const endpoints = { [places.account]: { blob: storage.endpointOf(places.account) } }
    const azure = { authorityHost: entra.url, endpoints }
    plan = await planTrustService(
      { authority, now: () => new Date(), azure },
      join(lab.folder, 'installation'),
    )
    // The service has the very file that is applied.
    policyFile = join(plan.folder, 'policy.yaml')
    writeFileSync(policyFile, lab.policy(), { mode: 0o600 })
    service = await startProgram(
      [process.execPath, resolve('bin/service.ts'), '--config', plan.configFile],
      { readyWhen: /"msg":"ready"/ },
    )
  })
  after(async () => {
    await service?.stop()
    await lab.close()
  })

  const trust = (...args: string[]) => {
    const file = args.find((each) => each.endsWith('.yaml')) ?? policyFile
    const { administrator, tenantId, entra, graph, arm } = lab.azure
    const words = args.filter((each) => each !== file)
    const cli = [process.execPath, resolve('bin/cli.ts'), 'trust', ...words]
    const where = ['--ca-file', plan.caFile, '--graph-url', graph.url, '--arm-url', arm.url]
    return runProgram([...cli, file, '--config', plan.configFile, ...where], {
      cwd: lab.folder,
      env: {
        AZURE_TENANT_ID: tenantId,
        AZURE_CLIENT_ID: administrator.app.clientId,
        AZURE_CLIENT_SECRET: administrator.clientSecret,
        AZURE_AUTHORITY_HOST: entra.url,
      },
    })
  }

  const upload = async (id: number, target: string) => {
    const { repository } = plan
    const drone = plan.droneWith({})
    const build = pushBuild(repository, { id, number: id, status: 'running', version: 2 })
    await drone.sendWebhook(repository, build)
    const answer = await drone.requestSecret(repository, build, 'hello-artifacts')
    assert.equal(answer.status, 200, answer.body)
    const { data: token } = JSON.parse(answer.body) as { data: string }
    const cwd = join(lab.folder, `workspace-${id}`)
    mkdirSync(cwd)
    writeFileSync(join(cwd, 'hello.txt'), 'hello')
    const settings = {
      token,
      action: 'upload',
      source: 'hello.txt',
      target,
      account: places.account,
      container: places.container,
      endpoint: lab.azure.storage.endpointOf(places.account),
      authority_host: lab.azure.entra.url,
      ca_file: plan.caFile,
    }
    return runProgram([process.execPath, resolve('bin/plugin.ts')], {
      cwd,
      env: stepEnvironment(repository, build, 'upload', settings),
    })
  }

  const door = () => ['--service', plan.adminUrl, '--admin-token-file', plan.adminTokenFile]
  const subject = 'hello-artifacts as repo:octo/hello@4711:ref:refs/heads/main'

  test('apply makes what the first build needs, and waits until trials of it work', async () => {
    lab.azure.setPropagation({ seconds: 2 })
    const applied = await trust('apply', '--yes', '--sign-in', 'environment', ...door())
    lab.azure.setPropagation({ seconds: 0 })
    assert.equal(applied.exitCode, 0, applied.output)
    assert.match(applied.output, /done: \+ custom role .* blob read\+write/)
    assert.match(
      applied.output,
      /\nAzure shows all of it\.\ntrial of hello-artifacts as \S+: not yet: /,
    )
    assert.match(
      applied.output,
      new RegExp(`\ntrial of ${subject}: works\nTrust works: 1 subject\\(s\\) tried`),
    )
    assert.equal(applied.output.includes(lab.azure.administrator.clientSecret), false)
    const first = await upload(101, 'octo/hello/')
    assert.equal(first.exitCode, 0, first.output)
    const again = await trust('apply', '--yes', ...door())
    assert.equal(
      again.output,
      `No change.\ntrial of ${subject}: works\nTrust works: 1 subject(s) tried, each with a token of its own.\n`,
    )
    assert.equal(again.exitCode, 0)
  })

  test('a trial that the firewall of the account blocks ends at once', async () => {
    lab.azure.denyNetwork(true)
    const blocked = await trust('apply', '--yes', ...door())
    lab.azure.denyNetwork(false)
    assert.equal(blocked.exitCode, 3, blocked.output)
    assert.match(blocked.output, /\nThe trial of hello-artifacts as \S+ says: .*\nwhat to do: /)
    assert.doesNotMatch(blocked.output, /not yet/)
  })

  test('a subject that the service does not know is told, with what to do', async () => {
    const text = readFileSync(policyFile, 'utf8')
    const newer = join(lab.folder, 'newer.yaml')
    writeFileSync(newer, text.replace('refs/heads/main', 'refs/heads/next'))
    const unknown = await trust('apply', newer, '--yes', '--wait', '0', ...door())
    assert.equal(unknown.exitCode, 4, unknown.output)
    assert.match(unknown.output, /what to do: .*policy file/)
  })

  test('whoever is not known at the admin door, or finds none, is told so before anything else', async () => {
    const file = join(lab.folder, 'other.token')
    writeFileSync(file, 'another-token-that-nobody-here-ever-knew')
    const stranger = await trust(
      'apply',
      '--yes',
      '--service',
      plan.adminUrl,
      '--admin-token-file',
      file,
    )
    assert.equal(stranger.exitCode, 3, stranger.output)
    assert.match(
      stranger.output,
      /^The trust service at \S+ does not know this admin token.*\nwhat to do: /,
    )
    assert.equal(stranger.output.includes('another-token'), false)
    const nowhere = ['--service', 'https://localhost:1', '--admin-token-file', file]
    const absent = await trust('apply', '--yes', ...nowhere)
    assert.equal(absent.exitCode, 5, absent.output)
  })

  test('the build may not write where the policy lets it read only', async () => {
    const refused = await upload(102, 'shared/')
    assert.equal(refused.exitCode, 3, refused.output)
  })

  test('a wrong secret ends with one sentence and no stack', async () => {
    const { administrator } = lab.azure
    const [secret] = administrator.app.secrets
    assert.ok(secret)
    const right = secret.value
    secret.value = 'another'
    const failed = await trust('plan', '--sign-in', 'environment')
    secret.value = right
    assert.equal(failed.exitCode, 3)
    assert.match(failed.output, /^Nobody could be signed in to the tenant \S+: .*AADSTS7000215/)
    assert.doesNotMatch(failed.output, /\n\s+at /)
  })
})
