// A whole installation on loopback, on embedded defaults: the lab's certificate authority, Entra and
// storage, our trust service as a process of its own with a configuration like any other, and a
// Drone that signs. The demo tells its story; the end-to-end tests break it in every way they can.
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { Secret } from '../core/secret.ts'
import { createAuthority, type LabAuthority } from '../lab/authority.ts'
import { createDrone, type LabDrone, type LabRepository } from '../lab/drone.ts'
import type { LabApp } from '../lab/entra-directory.ts'
import { startEntra, type LabEntra } from '../lab/entra.ts'
import { startStorage, type LabStorage } from '../lab/storage.ts'
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
} as const

/** A secret of the installation that must never be seen outside its own file. */
export type NamedSecret = { name: string; value: string }

/** Everything that runs, and what is needed to use or break it. */
export type Installation = {
  folder: string
  caFile: string
  stateFolder: string
  issuer: string
  /** Base URL of the door for CI. */
  ciUrl: string
  serviceUrl: string
  authority: LabAuthority
  entra: LabEntra
  app: LabApp
  storage: LabStorage
  /** Id of the role assignment that lets the identity write. */
  roleId: string
  service: Program
  drone: LabDrone
  droneWith: (changes: Partial<Parameters<typeof createDrone>[0]>) => LabDrone
  repository: LabRepository
  secrets: readonly NamedSecret[]
  /** Settings of a plugin step of this installation, as they stand in .drone.yml. */
  settings: (token: string, more?: Record<string, string>) => Record<string, string>
  close: () => Promise<void>
}

/** What an installation is made of; `service` is the command that runs the trust service. */
export type InstallationOptions = {
  folder: string
  service: readonly string[]
  now: () => Date
  accessTokenLifetimeSeconds?: number
}

/** Starts everything; whoever starts it closes it. */
export async function startInstallation(options: InstallationOptions): Promise<Installation> {
  const { folder, now } = options
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const authority = await createAuthority()
  const entra = await startEntra(
    { authority, now },
    options.accessTokenLifetimeSeconds === undefined
      ? {}
      : { accessTokenLifetimeSeconds: options.accessTokenLifetimeSeconds },
  )
  const storage = await startStorage({ authority, entra, now }, { accounts: [names.account] })
  await storage.createContainer(names.account, names.container)

  const [ciPort = 0, stepsPort = 0, publicPort = 0] = await findFreePorts(3)
  const issuerUrl = `https://localhost:${publicPort}`
  const serviceUrl = `https://localhost:${stepsPort}`
  const issuer = `${issuerUrl}/${names.instance}`
  const repository = { id: 1, uid: '4711', slug: 'octo/hello', secret: newSecret(), timeout: 60 }
  const app = registerApp(entra, issuer, repository)
  const roleId = storage.assignRole({
    principalId: app.objectId,
    role: 'Storage Blob Data Contributor',
    account: names.account,
    container: names.container,
    pathPrefix: `${repository.slug}/`,
  })

  const runnerToken = newSecret()
  const webhookSecret = newSecret()
  const files = await writeFiles(folder, authority, {
    'runner.token': runnerToken,
    'webhook.secret': webhookSecret,
    'policy.yaml': policyText(repository, app),
  })
  writeFileSync(
    files['service.yaml'],
    configText(files, { issuerUrl, serviceUrl, ciPort, stepsPort, publicPort }),
  )
  const service = await startProgram([...options.service, '--config', files['service.yaml']], {
    readyWhen: /"door":"public"/,
  })
  const droneOptions = {
    ciUrl: `http://127.0.0.1:${ciPort}`,
    instance: names.instance,
    runner: names.runner,
    runnerToken: new Secret(runnerToken),
    webhookSecret: new Secret(webhookSecret),
    now,
  }
  const caFile = files['ca.pem']
  return {
    folder,
    caFile,
    stateFolder: join(folder, 'state'),
    issuer,
    ciUrl: droneOptions.ciUrl,
    serviceUrl,
    authority,
    entra,
    app,
    storage,
    roleId,
    service,
    drone: createDrone(droneOptions),
    droneWith: (changes) => createDrone({ ...droneOptions, ...changes }),
    repository,
    secrets: [
      { name: 'runner token', value: runnerToken },
      { name: 'webhook secret', value: webhookSecret },
      { name: 'repo.secret', value: repository.secret },
    ],
    settings: (token, more = {}) => ({
      token,
      account: names.account,
      container: names.container,
      endpoint: storage.endpointOf(names.account),
      authority_host: entra.url,
      ca_file: caFile,
      ...more,
    }),
    close: async () => {
      await service.stop()
      await storage.close()
      await entra.close()
    },
  }
}

function newSecret(): string {
  return randomBytes(32).toString('hex')
}

function registerApp(entra: LabEntra, issuer: string, repository: LabRepository): LabApp {
  const app = entra.registerApp({
    tenantId: entra.tenantId,
    clientId: crypto.randomUUID(),
    objectId: crypto.randomUUID(),
    displayName: names.identity,
  })
  app.addCredential({
    name: 'octo-hello-main',
    issuer,
    subject: `repo:${repository.slug}@${repository.uid}:ref:refs/heads/main`,
    audience: names.audience,
  })
  return app
}

const fileNames = [
  'ca.pem',
  'server.pem',
  'server.key',
  'runner.token',
  'webhook.secret',
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

function policyText(repository: LabRepository, app: LabApp): string {
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
  },
): string {
  const tls = (ca: string) =>
    `{ certificate_file: ${files['server.pem']}, key_file: ${files['server.key']}${ca} }`
  return `issuer_url: ${at.issuerUrl}
service_url: ${at.serviceUrl}
policy_file: ${files['policy.yaml']}
state_dir: ${join(files['ca.pem'], '..', 'state')}
listen:
  ci: { address: 127.0.0.1:${at.ciPort} }
  steps:
    address: 127.0.0.1:${at.stepsPort}
    tls: ${tls(`, ca_file: ${files['ca.pem']}`)}
  public:
    address: 127.0.0.1:${at.publicPort}
    tls: ${tls('')}
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
