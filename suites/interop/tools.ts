// AzCopy and rclone, unmodified, on the lab under the names of the public cloud: AzCopy signs in with
// the build's own ID token (workload identity), rclone has a user delegation SAS of the owner.
import { randomUUID } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import {
  ContainerSASPermissions,
  generateBlobSASQueryParameters,
  SASProtocol,
} from '@azure/storage-blob'

import { clouds } from '../../src/azure/clouds.ts'
import { type Finished, runProgram } from '../../src/demo/program.ts'
import { openBlobService } from '../matrix/blob-place.ts'
import { type Gate, startGate } from '../matrix/gate.ts'
import { type MatrixLab, ours } from '../matrix/lab.ts'

/** The tools that are there, ready to run. */
export type Tools = {
  /** Runs AzCopy; it must end with 0. */
  azcopy: (args: readonly string[]) => Promise<Finished>
  /** Runs rclone; it must end with 0. */
  rclone: (args: readonly string[]) => Promise<Finished>
  /** A place below our container or share, for AzCopy. */
  azcopyUrl: (service: 'blob' | 'files', path: string) => string
  /** The same for rclone, which knows Blob only. */
  rcloneUrl: (path: string) => string
  close: () => Promise<void>
}

/** Where programs are looked for. */
export type ToolPaths = { azcopy: string; rclone: string }

/** The tools by the environment, or where they usually are; throws when one is not there. */
export function findTools(env: Readonly<Record<string, string | undefined>>): ToolPaths {
  const paths = {
    azcopy: env['AZCOPY'] ?? '/usr/local/bin/azcopy',
    rclone: env['RCLONE'] ?? '/usr/bin/rclone',
  }
  for (const [name, path] of Object.entries(paths)) {
    if (existsSync(path)) continue
    throw new Error(`${name} is not at ${path}: install it, or set ${name.toUpperCase()}`)
  }
  return paths
}

/** Prepares the tools; their homes are below `folder`. */
export async function openTools(lab: MatrixLab, paths: ToolPaths, folder: string): Promise<Tools> {
  mkdirSync(folder, { recursive: true })
  const gate = await startGate(lab.installation, {
    filesUrl: lab.files.url,
    account: ours.account,
    cloud: clouds.public,
  })
  const sas = await signContainer(lab)
  const common = { HOME: folder, PATH: '/usr/bin:/bin', HTTPS_PROXY: gate.proxy.url }
  const run = async (
    program: string,
    args: readonly string[],
    env: Record<string, string>,
  ): Promise<Finished> => {
    const finished = await runProgram([program, ...args], { cwd: folder, env })
    if (finished.exitCode === 0) return finished
    throw new Error(
      `${program} ${args.join(' ')} ended with ${finished.exitCode}: ${finished.output.slice(0, 1500)}`,
    )
  }
  return {
    azcopy: async (args) => run(paths.azcopy, args, { ...common, ...(await signIn(lab, folder)) }),
    rclone: (args) => {
      const trust = ['--ca-cert', lab.installation.caFile, '--config', '/dev/null']
      return run(paths.rclone, [...args, ...trust], common)
    },
    azcopyUrl: (service, path) => `https://${hostOf(gate, service)}/${escapePath(path)}`,
    rcloneUrl: (path) => {
      const url = `https://${gate.hosts.blob}/${ours.container}?${sas}`
      return `:azureblob,sas_url='${url}':${ours.container}/${path}`
    },
    close: () => gate.close(),
  }
}

function hostOf({ hosts }: Gate, service: 'blob' | 'files'): string {
  return service === 'blob' ? `${hosts.blob}/${ours.container}` : `${hosts.files}/${ours.share}`
}

function escapePath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/')
}

async function signIn(lab: MatrixLab, folder: string): Promise<Record<string, string>> {
  const { app, entra, caFile } = lab.installation
  const tokenFile = join(folder, `id-token-${randomUUID()}`)
  writeFileSync(tokenFile, await lab.mintIdToken(), { mode: 0o600 })
  return {
    SSL_CERT_FILE: caFile,
    AZCOPY_AUTO_LOGIN_TYPE: 'WORKLOAD',
    AZCOPY_TENANT_ID: entra.tenantId,
    AZURE_TENANT_ID: entra.tenantId,
    AZURE_CLIENT_ID: app.clientId,
    AZURE_FEDERATED_TOKEN_FILE: tokenFile,
    AZCOPY_LOG_LOCATION: join(folder, 'logs'),
    AZCOPY_JOB_PLAN_LOCATION: join(folder, 'plans'),
    AZCOPY_DISABLE_SYSLOG: 'true',
  }
}

async function signContainer({ access }: MatrixLab): Promise<string> {
  const service = openBlobService(access.blob)
  const startsOn = new Date(Date.now() - 60_000)
  const expiresOn = new Date(Date.now() + 50 * 60_000)
  const key = await service.getUserDelegationKey(startsOn, expiresOn)
  return generateBlobSASQueryParameters(
    {
      containerName: ours.container,
      permissions: ContainerSASPermissions.parse('racwdl'),
      protocol: SASProtocol.Https,
      startsOn,
      expiresOn,
    },
    key,
    ours.account,
  ).toString()
}
