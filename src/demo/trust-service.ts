// Our trust service as a process of its own, with the files any installation has, and a Drone that
// signs for it. Started for the demo, the end-to-end tests, the kill suite and the mint benchmark.
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { Secret } from '../core/secret.ts'
import type { LabAuthority } from '../lab/authority.ts'
import { createDrone, type LabDrone, type LabRepository } from '../lab/drone.ts'
import { findFreePorts, startProgram, type Program } from './program.ts'

/** Names the demo uses everywhere. */
export const names = {
  instance: 'main',
  runner: 'docker-1',
  entry: 'hello-artifacts',
  identity: 'artifacts',
  account: 'acmeart',
  container: 'artifacts',
  audience: 'api://AzureADTokenExchange',
  admin: 'lab-admin',
} as const

/** A secret of the installation that must never be seen outside its own file. */
export type NamedSecret = { name: string; value: string }

/** Who builds may become, in Entra's ids. */
export type AppIds = { tenantId: string; clientId: string }

/** Where Azure is for trials: the lab's Entra, and its storage by account and service. */
export type AzureAddresses = {
  authorityHost: string
  endpoints: Readonly<Record<string, { blob?: string; file?: string }>>
}

/** The files and addresses of a trust service that is not running yet. */
export type TrustServicePlan = {
  folder: string
  caFile: string
  configFile: string
  stateFolder: string
  issuer: string
  /** Base URL of the door for CI. */
  ciUrl: string
  serviceUrl: string
  /** Base URL of the admin door, and the file with the token of its one admin. */
  adminUrl: string
  adminTokenFile: string
  repository: LabRepository
  secrets: readonly NamedSecret[]
  droneWith: (changes: Partial<Parameters<typeof createDrone>[0]>) => LabDrone
}

/**
 * Chooses addresses and secrets and writes certificates; the policy waits for the application's ids.
 * Trials at the admin door need to be told where `azure` is.
 */
export async function planTrustService(
  { authority, now, azure }: { authority: LabAuthority; now: () => Date; azure?: AzureAddresses },
  folder: string,
): Promise<TrustServicePlan> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const [ciPort = 0, stepsPort = 0, publicPort = 0, adminPort = 0] = await findFreePorts(4)
  const issuerUrl = `https://localhost:${publicPort}`
  const serviceUrl = `https://localhost:${stepsPort}`
  const ciUrl = `http://127.0.0.1:${ciPort}`
  const repository = { id: 1, uid: '4711', slug: 'octo/hello', secret: newSecret(), timeout: 60 }
  const runnerToken = newSecret()
  const webhookSecret = newSecret()
  const adminToken = newSecret()
  const files = await writeFiles(folder, authority, {
    'runner.token': runnerToken,
    'webhook.secret': webhookSecret,
    'admin.token': adminToken,
  })
  writeFileSync(
    files['service.yaml'],
    configText(files, { issuerUrl, serviceUrl, ciPort, stepsPort, publicPort, adminPort }, azure),
  )
  const droneOptions = {
    ciUrl,
    instance: names.instance,
    runner: names.runner,
    runnerToken: new Secret(runnerToken),
    webhookSecret: new Secret(webhookSecret),
    now,
  }
  return {
    folder,
    caFile: files['ca.pem'],
    configFile: files['service.yaml'],
    stateFolder: join(folder, 'state'),
    issuer: `${issuerUrl}/${names.instance}`,
    ciUrl,
    serviceUrl,
    adminUrl: `https://localhost:${adminPort}`,
    adminTokenFile: files['admin.token'],
    repository,
    secrets: [
      { name: 'runner token', value: runnerToken },
      { name: 'webhook secret', value: webhookSecret },
      { name: 'admin token', value: adminToken },
      { name: 'repo.secret', value: repository.secret },
    ],
    droneWith: (changes) => createDrone({ ...droneOptions, ...changes }),
  }
}

/** Writes the policy that lets the repository become this application. */
export function writePolicy({ folder, repository }: TrustServicePlan, app: AppIds): void {
  writeFileSync(join(folder, 'policy.yaml'), policyText(repository, app), { mode: 0o600 })
}

/** Writes the policy for this application and starts the service; it can be started again after its end. */
export function startTrustService(
  plan: TrustServicePlan,
  command: readonly string[],
  app: AppIds,
): Promise<Program> {
  writePolicy(plan, app)
  return startProgram([...command, '--config', plan.configFile], { readyWhen: /"msg":"ready"/ })
}

function newSecret(): string {
  return randomBytes(32).toString('hex')
}

const fileNames = [
  'ca.pem',
  'server.pem',
  'server.key',
  'runner.token',
  'webhook.secret',
  'admin.token',
  'policy.yaml',
  'service.yaml',
] as const

type Files = Record<(typeof fileNames)[number], string>

async function writeFiles(
  folder: string,
  authority: LabAuthority,
  contents: Partial<Files>,
): Promise<Files> {
  const { certPem, keyPem } = await authority.issue(['localhost', '127.0.0.1'])
  const all: Partial<Files> = {
    ...contents,
    'ca.pem': authority.caPem,
    'server.pem': certPem,
    'server.key': keyPem,
  }
  const paths = Object.fromEntries(fileNames.map((name) => [name, join(folder, name)])) as Files
  for (const name of fileNames) {
    const content = all[name]
    if (content !== undefined) writeFileSync(paths[name], content, { mode: 0o600 })
  }
  return paths
}

function policyText(repository: LabRepository, app: AppIds): string {
  return `version: 1
identities:
  ${names.identity}:
    tenant_id: ${app.tenantId}
    client_id: ${app.clientId}
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
`
}

function configText(
  files: Files,
  at: {
    issuerUrl: string
    serviceUrl: string
    ciPort: number
    stepsPort: number
    publicPort: number
    adminPort: number
  },
  azure: AzureAddresses | undefined,
): string {
  const tls = (ca: string) =>
    `{ certificate_file: ${files['server.pem']}, key_file: ${files['server.key']}${ca} }`
  return `issuer_url: ${at.issuerUrl}
service_url: ${at.serviceUrl}
policy_file: ${files['policy.yaml']}
state_dir: ${join(files['ca.pem'], '..', 'state')}
keys: { ca_file: ${files['ca.pem']} }
listen:
  ci: { address: 127.0.0.1:${at.ciPort} }
  steps:
    address: 127.0.0.1:${at.stepsPort}
    tls: ${tls(`, ca_file: ${files['ca.pem']}`)}
  public:
    address: 127.0.0.1:${at.publicPort}
    tls: ${tls('')}
  admin:
    address: 127.0.0.1:${at.adminPort}
    tls: ${tls('')}
admins:
  ${names.admin}: { token: { file: ${files['admin.token']} } }
azure: ${JSON.stringify({ ca_file: files['ca.pem'], ...(azure && { authority_host: azure.authorityHost, endpoints: azure.endpoints }) })}
instances:
  ${names.instance}:
    scm: gitea
    webhook_secret: { file: ${files['webhook.secret']} }
    runners:
      ${names.runner}:
        token: { file: ${files['runner.token']} }
        repositories: ['octo/*']
`
}
