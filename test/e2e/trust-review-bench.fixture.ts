// A lab tenant set up as a policy says, with a CI server and an admin door, where a review finds nothing.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { Secret } from '../../src/core/secret.ts'
import { startDroneServer, type LabDroneServer } from '../../src/lab/drone-server.ts'
import type { LabRepository } from '../../src/lab/drone.ts'
import type { LabApp } from '../../src/lab/entra-directory.ts'
import type { LabExchange } from '../../src/lab/entra-exchange.ts'
import { startTrustLab, type TrustLab, type TrustRun } from './trust-lab.fixture.ts'
import { startAdminDoor, type AdminDoor } from './trust-review-door.fixture.ts'

/** The tenant, the CI server, the service's admin door, and the policy as it was applied. */
export type Bench = {
  lab: TrustLab
  drone: LabDroneServer
  door: AdminDoor
  /** The configuration with an `api` of the CI server; other words may stand in its place. */
  writeConfig: (api?: string) => void
  apiTokenFile: string
  applied: string
  /** `trust review` at the admin door. */
  review: (more?: string) => Promise<TrustRun>
  close: () => Promise<void>
}

/** The repository of the policy, as the CI server knows it. */
export const hello: LabRepository = {
  id: 1,
  uid: '42',
  slug: 'octo/hello',
  secret: 'lab-repository-secret',
  timeout: 60,
}

/** A tenant in order: set up by `trust apply`, with builds that have signed in, and nobody who owns anything. */
export async function startBench(): Promise<Bench> {
  const lab = await startTrustLab()
  const { authority, folder, configFile } = lab
  const userToken = new Secret(randomBytes(32).toString('hex'))
  const drone = await startDroneServer({ authority }, { userToken })
  drone.know(hello)
  const door = await startAdminDoor(folder)
  const [apiTokenFile, caFile] = [join(folder, 'api.token'), join(folder, 'ca.pem')]
  writeFileSync(apiTokenFile, userToken.reveal())
  writeFileSync(caFile, authority.caPem)
  const ours = `api: { url: '${drone.url}', token: { file: ${apiTokenFile} }, ca_file: ${caFile} }`
  const writeConfig = (api = ours) =>
    writeFileSync(
      configFile,
      `issuer_url: https://ci.example/oidc\ninstances:\n  main: { ${api} }\n`,
    )
  writeConfig()
  lab.writePolicy(policy)
  const applied = await lab.run('apply --yes')
  assert.equal(applied.code, 0, applied.text)
  const bench: Bench = {
    lab,
    drone,
    door,
    writeConfig,
    apiTokenFile,
    applied: lab.policy(),
    review: (more = '') => lab.run(`review ${door.options}${more}`),
    async close() {
      await Promise.all([drone.close(), door.close()])
      await lab.close()
    },
  }
  for (const name of ['publisher', 'reader']) {
    appOf(bench, name).owners.length = 0
    signIn(bench, name)
  }
  return bench
}

/** Two identities, one account; nothing to find once it is applied. */
export const policy = `version: 1
accounts:
  acmeart: { subscription: SUBSCRIPTION, resource_group: GROUP }
identities:
  publisher: { tenant_id: TENANT }
  reader: { tenant_id: TENANT }
policies:
  - name: publish
    subjects:
      - { instance: main, repository: octo/hello, repository_id: "42", events: [push], refs: [refs/heads/main] }
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

/** The application of an identity. */
export function appOf(bench: Bench, name: string): LabApp {
  const displayName = `azure-storage-drone-${name}`
  const found = bench.lab.azure.entra.directory.apps.find((app) => app.displayName === displayName)
  assert.ok(found)
  return found
}

/** The lab's own list of sign-ins, which it shows to be read only. */
export const exchanges = ({ lab }: Bench) => lab.azure.entra.exchanges as LabExchange[]

/** A successful sign-in of a build by each credential of the identity. */
export function signIn(bench: Bench, name: string): void {
  const { tenantId, clientId, objectId, credentials } = appOf(bench, name)
  const empty = { correlationId: '', traceId: '', uti: '', issuer: '', subject: '', audience: '' }
  const result = { jti: '', resultCode: 0, resultText: '', accessTokenSha256: '', resource: '' }
  for (const { id, name: credential } of credentials) {
    const ids = { federatedCredentialId: id, federatedCredentialName: credential }
    const who = { time: new Date(), tenantId, clientId, objectId }
    exchanges(bench).push({ ...who, ...empty, ...result, ...ids })
  }
}

/** Sets a property until the answer is called. */
export function put<Owner extends object, Key extends keyof Owner>(
  owner: Owner,
  key: Key,
  value: Owner[Key],
): () => void {
  const old = owner[key]
  owner[key] = value
  return () => void (owner[key] = old)
}
