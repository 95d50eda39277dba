// The first day of an installation, as anybody has it: an empty tenant with one storage account, a policy
// without ids, and `trust apply`, which makes the rest. Entra, Graph, ARM and storage are the lab's.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { Fault } from '../core/fault.ts'
import { createAuthority } from '../lab/authority.ts'
import { type LabAzure, startAzure } from '../lab/azure.ts'
import { type InstallationOptions, type Running, stepSettings } from './installation.ts'
import { runProgram, startProgram } from './program.ts'
import { names, planTrustService, type TrustServicePlan } from './trust-service.ts'

/** What a first day takes beside an installation: the command that people type, and somebody to tell. */
export type FirstDayOptions = Omit<InstallationOptions, 'accessTokenLifetimeSeconds'> & {
  cli: readonly string[]
  say: (text: string) => void
}

/** An installation that `trust apply` has set up, what it said, and the Azure that it set up. */
export type FirstDay = Running & { applied: string; azure: LabAzure }

/** Starts everything around an empty tenant, and sets trust up; whoever starts it closes it. */
export async function startFirstDay(options: FirstDayOptions): Promise<FirstDay> {
  const { folder, now } = options
  const authority = await createAuthority()
  const azure = await startAzure({ authority, now }, { accounts: [names.account] })
  await azure.createContainer(names.account, names.container)
  const { entra, storage, administrator } = azure
  const endpoints = { [names.account]: { blob: storage.endpointOf(names.account) } }
  const addresses = { authorityHost: entra.url, endpoints }
  const plan = await planTrustService({ authority, now, azure: addresses }, folder)
  const policyFile = join(folder, 'policy.yaml')
  writeFileSync(policyFile, policyText(plan, azure), { mode: 0o600 })
  const service = await startProgram([...options.service, '--config', plan.configFile], {
    readyWhen: /"msg":"ready"/,
  })
  const close = async () => {
    await service.stop()
    await azure.close()
  }
  const applied = await applyTrust(options, plan, azure).catch(async (error: unknown) => {
    await close()
    throw error
  })
  return {
    ...plan,
    secrets: [...plan.secrets, { name: 'client secret', value: administrator.clientSecret }],
    applied,
    azure,
    authority,
    entra,
    storage,
    service,
    drone: plan.droneWith({}),
    settings: stepSettings(azure, plan.caFile),
    close,
  }
}

// As somebody types it who is signed in to the tenant.
async function applyTrust(
  { cli, say }: FirstDayOptions,
  { folder, configFile, caFile, adminUrl, adminTokenFile }: TrustServicePlan,
  { administrator, tenantId, entra, graph, arm }: LabAzure,
): Promise<string> {
  const files = [join(folder, 'policy.yaml'), '--config', configFile, '--ca-file', caFile]
  const where = ['--graph-url', graph.url, '--arm-url', arm.url, '--sign-in', 'environment']
  const trials = ['--service', adminUrl, '--admin-token-file', adminTokenFile]
  const { exitCode, output } = await runProgram(
    [...cli, 'trust', 'apply', '--yes', ...files, ...where, ...trials],
    {
      cwd: folder,
      env: {
        AZURE_TENANT_ID: tenantId,
        AZURE_CLIENT_ID: administrator.app.clientId,
        AZURE_CLIENT_SECRET: administrator.clientSecret,
        AZURE_AUTHORITY_HOST: entra.url,
      },
    },
  )
  if (exitCode !== 0) {
    const sentence = `\`trust apply\` ended with exit code ${exitCode}.`
    throw new Fault('demo_failed', `${sentence}\n${output.trim()}`)
  }
  const count = countChanges(output)
  say(
    `\`trust apply\` made ${count} things in an empty tenant, and a trial of every subject works.\n`,
  )
  return output
}

/** How many changes `trust apply` says it has made. */
export function countChanges(applied: string): number {
  return [...applied.matchAll(/^done: /gm)].length
}

function policyText(
  { repository }: TrustServicePlan,
  { tenantId, subscriptionId, resourceGroup }: LabAzure,
): string {
  return `version: 1
accounts:
  ${names.account}: { subscription: ${subscriptionId}, resource_group: ${resourceGroup} }
identities:
  ${names.identity}:
    tenant_id: ${tenantId}
policies:
  - name: ${names.entry}
    subjects:
      - instance: ${names.instance}
        repository: ${repository.slug}
        repository_id: "${repository.uid}"
        events: [push]
        refs: [refs/heads/main]
    identity: ${names.identity}
    audiences: [${names.audience}]
    lifetime: 10m
    grants:
      - id: artifacts
        account: ${names.account}
        service: blob
        container: ${names.container}
        prefix: ${repository.slug}/
        verbs: [blob.read, blob.list, blob.write]
`
}
