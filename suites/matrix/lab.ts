// What the matrix runs on: an installation on loopback with a container and a share of its own, steps
// of the shipped bundle with PLUGIN_* settings, and the owner's view of what came of them.
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import type { ContainerClient } from '@azure/storage-blob'
import type { ShareClient } from '@azure/storage-file-share'

import { type CloudName, clouds } from '../../src/azure/clouds.ts'
import { startInstallation, type Installation } from '../../src/demo/installation.ts'
import { createMintClient, readIdToken } from '../../src/demo/mint-client.ts'
import { type Finished, runProgram } from '../../src/demo/program.ts'
import { fetchToken } from '../../src/demo/step.ts'
import { names } from '../../src/demo/trust-service.ts'
import { type LabBuild, pushBuild, stepEnvironment } from '../../src/lab/drone.ts'
import type { LabApp } from '../../src/lab/entra-directory.ts'
import { type LabFiles, startFilesServer } from '../../src/lab/files/files-server.ts'
import { blobPlace, openBlobService } from './blob-place.ts'
import { filesPlace, openShare } from './files-place.ts'
import type { LoggedCall, OwnerAccess, Place } from './place.ts'

/** The account, and the container or share, of everything in the matrix. */
export const ours = { account: names.account, container: 'matrix', share: 'matrix' } as const

/** Everything that runs. */
export type MatrixLab = {
  installation: Installation
  files: LabFiles
  container: ContainerClient
  share: ShareClient
  blob: Place
  shares: Place
  build: LabBuild
  /** Who the build is in other clouds. */
  cloudApps: Record<'usgov' | 'china', LabApp>
  /** The owner's way into either service. */
  access: Record<'blob' | 'files', OwnerAccess>
  /** A fresh folder holding these files. */
  workspace: (files?: Readonly<Record<string, string | Buffer>>) => string
  /** Runs the plugin bundle as a step of the build. */
  step: (
    settings: Readonly<Record<string, string>>,
    cwd: string,
    env?: Readonly<Record<string, string>>,
  ) => Promise<Finished>
  /** The same as a child process, for those who want to end it. */
  spawnStep: (
    settings: Readonly<Record<string, string>>,
    cwd: string,
    env?: Readonly<Record<string, string>>,
  ) => SpawnedStep
  /** An ID token for the build, as another tool gets it. */
  mintIdToken: () => Promise<string>
  close: () => Promise<void>
}

/** A step that runs. */
export type SpawnedStep = { child: ChildProcess; output: () => string; ended: Promise<number> }

/** Starts everything in a folder that is not there yet; close it when done. `programs` holds the bundles. */
export async function startMatrixLab(
  folder: string,
  { programs }: { programs: string },
): Promise<MatrixLab> {
  const installation = await startInstallation({
    folder: join(folder, 'installation'),
    service: [process.execPath, join(programs, 'service.mjs')],
    now: () => new Date(),
  })
  const { storage, entra, app, authority, repository } = installation
  const { account, container, share } = ours
  const files = await startFilesServer(
    { authority, entra, now: () => new Date() },
    { accounts: [account] },
  )
  files.createShare(account, share)
  await storage.createContainer(account, container)
  const cloudApps = {
    usgov: registerApp(installation, 'usgov'),
    china: registerApp(installation, 'china'),
  }
  for (const { objectId: principalId } of [app, ...Object.values(cloudApps)]) {
    storage.assignRole({ principalId, role: 'Storage Blob Data Owner', account, container })
    const role = 'Storage File Data Privileged Contributor'
    files.assignRole({ principalId, role, account, share })
  }
  await allowClouds(installation)
  const principalId = app.objectId

  const build = pushBuild(repository, { id: 500, number: 500, status: 'running', version: 2 })
  await installation.drone.sendWebhook(repository, build)
  const { token } = await fetchToken(installation, build)
  const access = ownerAccess(installation, files)
  const client = openBlobService(access.blob).getContainerClient(container)
  const shareClient = openShare(access.files, share)
  const common = { account, authority_host: entra.url, ca_file: installation.caFile }
  const environment = (settings: Readonly<Record<string, string>>) =>
    stepEnvironment(repository, build, 'matrix', { token, ...common, ...settings })
  const plugin = [process.execPath, join(programs, 'plugin.mjs')]
  let lastWorkspace = 0
  return {
    installation,
    files,
    build,
    cloudApps,
    access,
    container: client,
    share: shareClient,
    blob: blobPlace(
      {
        settings: { container, endpoint: storage.endpointOf(account) },
        failNext: (trouble) => storage.failNext(trouble),
        ...logOf(storage.calls, principalId),
      },
      client,
    ),
    shares: filesPlace(
      {
        settings: { share, endpoint: files.endpointOf(account) },
        failNext: (trouble) => files.failNext(trouble),
        ...logOf(files.calls, principalId),
      },
      shareClient,
    ),
    workspace: (contents = {}) => {
      lastWorkspace += 1
      const path = join(folder, `workspace-${lastWorkspace}`)
      mkdirSync(path)
      writeTree(path, contents)
      return path
    },
    step: (settings, cwd, env = {}) =>
      runProgram(plugin, { cwd, env: { ...environment(settings), ...env } }),
    spawnStep: (settings, cwd, env = {}) =>
      spawnStep(plugin, cwd, { ...environment(settings), ...env }),
    mintIdToken: () => mintIdToken(installation, token),
    close: async () => {
      await files.close()
      await installation.close()
    },
  }
}

async function mintIdToken(
  { authority, serviceUrl }: Installation,
  token: string,
): Promise<string> {
  const { audience } = names
  const client = createMintClient(authority, { serviceUrl, audience, connections: 1 })
  try {
    return readIdToken(await client.mint(token))
  } finally {
    client.close()
  }
}

function spawnStep(
  [file = '', ...args]: readonly string[],
  cwd: string,
  env: Record<string, string>,
): SpawnedStep {
  const child = spawn(file, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const read = (chunk: Buffer) => void (output += chunk.toString())
  child.stdout.on('data', read)
  child.stderr.on('data', read)
  const ended = once(child, 'close').then(([code]) => (typeof code === 'number' ? code : -1))
  return { child, output: () => output, ended }
}

/** Writes files below a folder, making the folders between. */
export function writeTree(
  folder: string,
  contents: Readonly<Record<string, string | Buffer>>,
): void {
  for (const [name, content] of Object.entries(contents)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), content)
  }
}

// Each cloud wants an audience of its own in the build's ID token, and has directories of its own.
async function allowClouds({ folder, ciUrl }: Installation): Promise<void> {
  const audiences = Object.values(clouds).map(({ federationAudience }) => federationAudience)
  const readHash = async () => {
    const answer = await fetch(`${ciUrl}/healthz`)
    return ((await answer.json()) as { policy: { sha256: string } }).policy.sha256
  }
  const file = join(folder, 'policy.yaml')
  const before = await readHash()
  const text = readFileSync(file, 'utf8')
  writeFileSync(
    file,
    text.replace(/^ {4}audiences: .*$/m, `    audiences: [${audiences.join(', ')}]`),
  )
  for (let tries = 0; (await readHash()) === before; tries += 1) {
    if (tries > 100) throw new Error('the trust service does not take the policy')
    await sleep(100)
  }
}

function registerApp({ entra, issuer, repository }: Installation, cloud: CloudName): LabApp {
  const app = entra.registerApp({
    tenantId: entra.tenantId,
    clientId: randomUUID(),
    objectId: randomUUID(),
    displayName: `artifacts-${cloud}`,
  })
  app.addCredential({
    name: cloud,
    issuer,
    subject: `repo:${repository.slug}@${repository.uid}:ref:refs/heads/main`,
    audience: clouds[cloud].federationAudience,
  })
  return app
}

function ownerAccess(lab: Installation, files: LabFiles): MatrixLab['access'] {
  const credential = {
    getToken: async () => ({
      token: await lab.entra.mintOwnerToken(),
      expiresOnTimestamp: Date.now() + 30 * 60 * 1000,
    }),
  }
  const shared = { ca: lab.authority.caPem, credential }
  const { account } = ours
  return {
    blob: { ...shared, endpoint: lab.storage.endpointOf(account) },
    files: { ...shared, endpoint: files.endpointOf(account) },
  }
}

function logOf(
  calls: readonly LoggedCall[],
  principalId: string,
): Pick<Place, 'mark' | 'callsSince'> {
  return {
    mark: () => Date.now(),
    // By when they began: calls of a step that was killed may end, and be logged, much later.
    callsSince: (mark) =>
      calls.filter((call) => call.requesterObjectId === principalId && call.time.getTime() >= mark),
  }
}
