// Our side of a run: the trust service's bundle as a process, and the lab's Entra, Blob and Files, where one
// application stands for every kind of build that the policy admits.
import { appendFileSync, copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { createMintClient } from '../../src/demo/mint-client.ts'
import { type Program, startProgram } from '../../src/demo/program.ts'
import {
  type NamedSecret,
  names,
  planTrustService,
  type TrustServicePlan,
} from '../../src/demo/trust-service.ts'
import { createAuthority, type LabAuthority } from '../../src/lab/authority.ts'
import { type LabEntra, startEntra } from '../../src/lab/entra.ts'
import { type LabFiles, startFilesServer } from '../../src/lab/files/files-server.ts'
import { type LabStorage, startStorage } from '../../src/lab/storage.ts'
import { policyText, subjectsOf } from './policy.ts'

/** The share of the scenarios; their container is the lab's. */
export const share = 'builds'

/** What the CI servers of this run are, as our service is told. */
export type CiFacts = {
  drone: { url: string; userToken: string; runnerToken: string; webhookSecret: string }
  woodpecker: { url: string; userToken: string; image: string }
}

/** Everything of ours that runs. */
export type Ours = {
  plan: TrustServicePlan
  authority: LabAuthority
  entra: LabEntra
  storage: LabStorage
  files: LabFiles
  service: Program
  secrets: readonly NamedSecret[]
  /** A folder with the lab's CA and nothing else, for steps in containers. */
  caFolder: string
  /** Settings that every step has. */
  blob: Readonly<Record<string, string>>
  shared: Readonly<Record<string, string>>
  /** Exchanges a request token as a step does; an empty code is a yes. */
  exchange: (token: string) => Promise<{ status: number; code: string }>
  close: () => Promise<void>
}

/** Whatever has to be known before the CI servers start: addresses, certificates, and Azure. */
export async function prepareOurs(folder: string) {
  const now = () => new Date()
  const authority = await createAuthority()
  const entra = await startEntra({ authority, now })
  const accounts = { accounts: [names.account] }
  const storage = await startStorage({ authority, entra, now }, accounts)
  const files = await startFilesServer({ authority, entra, now }, accounts)
  const plan = await planTrustService({ authority, now }, folder)
  return { folder, authority, entra, storage, files, plan }
}

/** Starts our service for these CI servers. */
export async function startOurs(
  prepared: Awaited<ReturnType<typeof prepareOurs>>,
  command: readonly string[],
  ci: CiFacts,
): Promise<Ours> {
  const { folder, authority, entra, storage, files, plan } = prepared
  await grantAccess(prepared)
  configure(plan, ci)
  const app = entra.registerApp({
    tenantId: entra.tenantId,
    clientId: crypto.randomUUID(),
    objectId: crypto.randomUUID(),
    displayName: names.identity,
  })
  const account = names.account
  storage.assignRole({
    principalId: app.objectId,
    role: 'Storage Blob Data Contributor',
    account,
    container: names.container,
    pathPrefix: `${plan.repository.slug}/`,
  })
  const role = 'Storage File Data Privileged Contributor'
  files.assignRole({ principalId: app.objectId, role, account, share })
  const servers = [plan.issuer, plan.issuer.replace(/[^/]+$/, 'wood')]
  for (const [index, issuer] of servers.entries()) {
    for (const [entry, subject] of Object.entries(subjectsOf(plan.repository))) {
      app.addCredential({ name: `${entry}-${index}`, issuer, subject, audience: names.audience })
    }
  }
  writeFileSync(
    join(folder, 'policy.yaml'),
    policyText(plan.repository, { tenantId: entra.tenantId, clientId: app.clientId }),
    { mode: 0o600 },
  )
  const service = await startProgram([...command, '--config', plan.configFile], {
    readyWhen: /"msg":"ready"/,
  })
  const caFolder = join(folder, 'ca')
  mkdirSync(caFolder)
  copyFileSync(plan.caFile, join(caFolder, 'ca.pem'))
  const shared = {
    account,
    authority_host: entra.url,
    ca_file: join(caFolder, 'ca.pem'),
  }
  const mintClient = createMintClient(authority, {
    serviceUrl: plan.serviceUrl,
    audience: names.audience,
    connections: 2,
  })
  return {
    plan,
    authority,
    entra,
    storage,
    files,
    service,
    caFolder,
    secrets: [
      ...plan.secrets.filter(({ name }) => name === 'admin token'),
      { name: 'runner token', value: ci.drone.runnerToken },
      { name: 'webhook secret', value: ci.drone.webhookSecret },
      { name: 'Drone user token', value: ci.drone.userToken },
      { name: 'Woodpecker user token', value: ci.woodpecker.userToken },
    ],
    shared,
    blob: { ...shared, container: names.container, endpoint: storage.endpointOf(account) },
    exchange: async (token) => {
      const { status, body } = await mintClient.mint(token)
      const { code = '' } = JSON.parse(body.toString()) as { code?: string }
      return { status, code }
    },
    close: async () => {
      mintClient.close()
      await service.stop()
      await files.close()
      await storage.close()
      await entra.close()
    },
  }
}

async function grantAccess({ storage, files }: Pick<Ours, 'storage' | 'files'>): Promise<void> {
  await storage.createContainer(names.account, names.container)
  files.createShare(names.account, share)
}

// The plan's configuration has one runner of one Drone: that gets its API and environ, and Woodpecker follows.
function configure({ configFile, folder, caFile }: TrustServicePlan, ci: CiFacts): void {
  const secret = (name: string, value: string) => {
    const file = join(folder, name)
    writeFileSync(file, value, { mode: 0o600 })
    return file
  }
  secret('runner.token', ci.drone.runnerToken)
  secret('webhook.secret', ci.drone.webhookSecret)
  const api = `    api: { url: ${ci.drone.url}, allow_http: true, token: { file: ${secret('drone.user', ci.drone.userToken)} } }`
  const text = readFileSync(configFile, 'utf8')
    .replace(/^ {4}scm: gitea$/m, `    scm: gitea\n${api}`)
    .replace(/^( {8})(repositories: .*)$/m, '$1$2\n$1environ: true')
  writeFileSync(configFile, text)
  appendFileSync(
    configFile,
    `  wood:
    ci: woodpecker
    scm: gitea
    api:
      url: ${ci.woodpecker.url}
      token: { file: ${secret('woodpecker.user', ci.woodpecker.userToken)} }
      ca_file: ${caFile}
    woodpecker:
      public_key: from_api
      images: [${ci.woodpecker.image}]
      repositories: ['octo/*']
`,
  )
}
