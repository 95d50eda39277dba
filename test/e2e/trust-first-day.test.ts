// The first day of an installation: an empty tenant, a policy without client ids, `trust apply` signed in
// through Microsoft's own library, and the first build uploads with no other step.
import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
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

describe('trust on the first day', () => {
  before(async () => {
    const authority = await createAuthority()
    lab = await startTrustLab(authority)
    lab.writePolicy(policy)
    plan = await planTrustService(
      { authority, now: () => new Date() },
      join(lab.folder, 'installation'),
    )
  })
  after(async () => {
    await service?.stop()
    await lab.close()
  })

  const trust = (...args: string[]) => {
    const { administrator, tenantId, entra, graph, arm } = lab.azure
    const cli = [process.execPath, resolve('bin/cli.ts'), 'trust', ...args]
    const where = ['--ca-file', plan.caFile, '--graph-url', graph.url, '--arm-url', arm.url]
    return runProgram([...cli, lab.policyFile, '--config', plan.configFile, ...where], {
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

  test('apply makes what the first build needs, and a second apply changes nothing', async () => {
    const applied = await trust('apply', '--yes', '--sign-in', 'environment')
    assert.equal(applied.exitCode, 0, applied.output)
    assert.match(applied.output, /done: \+ custom role .* blob read\+write/)
    assert.equal(applied.output.includes(lab.azure.administrator.clientSecret), false)
    writeFileSync(join(plan.folder, 'policy.yaml'), lab.policy(), { mode: 0o600 })
    service = await startProgram(
      [process.execPath, resolve('bin/service.ts'), '--config', plan.configFile],
      { readyWhen: /"door":"public"/ },
    )
    const first = await upload(101, 'octo/hello/')
    assert.equal(first.exitCode, 0, first.output)
    const again = await trust('apply', '--yes')
    assert.equal(again.output, 'No change.\n')
    assert.equal(again.exitCode, 0)
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
