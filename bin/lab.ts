// `azure-storage-drone lab`: everything of an installation on loopback, to try things by hand: an Entra,
// storage, the trust service, and builds of a Drone that signs. docs/tutorial.md is a walk through it.
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

import { Fault } from '../src/core/fault.ts'
import { Secret } from '../src/core/secret.ts'
import { startFirstDay, type FirstDay } from '../src/demo/first-day.ts'
import { fetchToken } from '../src/demo/step.ts'
import { names } from '../src/demo/trust-service.ts'
import {
  createDrone,
  type LabBuild,
  type LabRepository,
  pushBuild,
  stepEnvironment,
} from '../src/lab/drone.ts'

const usage = `azure-storage-drone lab start|build|end [FOLDER]

  start [FOLDER]               runs an Entra, storage and the trust service on loopback until Ctrl-C; FOLDER
                               (lab when left out) gets their files, the variables for a shell in env, and
                               those of somebody who may change the tenant in admin.env
  build KIND [FOLDER]          plays a build up to its first step, and writes the step's variables to
                               build-NUMBER.env and last-build.env; KIND is push, fork, tag or custom
  end NUMBER [FOLDER]          ends this build: its server says so
`

const defaultFolder = 'lab'

/** What the other commands have to know of a lab that runs. */
type LabFile = {
  ciUrl: string
  repository: LabRepository
  /** Settings every step of this lab has. */
  settings: Record<string, string>
  builds: LabBuild[]
}

const kinds: Readonly<Record<string, Partial<LabBuild>>> = {
  push: {},
  tag: { event: 'tag', ref: 'refs/tags/v1.0.0' },
  custom: { event: 'custom', trigger: 'octocat' },
  fork: {
    event: 'pull_request',
    ref: 'refs/pull/3/head',
    source_repo: 'mallory/hello',
    sender: 'mallory',
  },
}

/** Runs one of the commands; resolves to the exit code, `start` only when it is told to end. */
export async function labCommand(
  args: readonly string[],
  write: (text: string) => void,
): Promise<number> {
  const [command, ...rest] = args
  switch (command) {
    case 'start':
      return start(rest[0] ?? defaultFolder, write)
    case 'build':
      return build(rest[0] ?? '', rest[1] ?? defaultFolder, write)
    case 'end':
      return end(rest[0] ?? '', rest[1] ?? defaultFolder, write)
    case '--help':
      write(usage)
      return 0
    default:
      throw new Fault('cli_usage', `lab: There is no command "${command ?? ''}".\n${usage}`)
  }
}

async function start(path: string, write: (text: string) => void): Promise<number> {
  const folder = resolve(path)
  if (existsSync(folder)) {
    throw new Fault(
      'cli_usage',
      `lab: ${folder} is there already; name another folder, or remove it.`,
    )
  }
  const bundled = fileURLToPath(new URL('../dist/', import.meta.url))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  const isOver = new Promise<void>((settle) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => settle())
  })
  const cli = [process.execPath, process.argv[1] ?? join(bundled, 'cli.mjs')]
  const service = [process.execPath, join(bundled, 'service.mjs')]
  const lab = await startFirstDay({ folder, service, cli, say: write, now: () => new Date() })
  try {
    writeFiles(lab, cli)
    writeAdmin(lab)
    write(`The lab is ready; Ctrl-C ends it and removes ${folder}.
  issuer          ${lab.issuer}
  trust service   ${lab.serviceUrl}
  admin door      ${lab.adminUrl}
  Entra           ${lab.entra.url}
  storage         ${lab.storage.url}
In another terminal: . ${path}/env
`)
    await isOver
  } finally {
    await lab.close()
  }
  return 0
}

function writeFiles(lab: FirstDay, cli: readonly string[]): void {
  const { repository, ciUrl } = lab
  const { token: _, ...settings } = lab.settings('')
  writeLab(lab.folder, { ciUrl, repository, settings, builds: [] })
  const folder = join(lab.folder, 'bin')
  mkdirSync(folder)
  const program = cli.map((word) => `'${word}'`).join(' ')
  writeFileSync(join(folder, 'azure-storage-drone'), `#!/bin/sh\nexec ${program} "$@"\n`, {
    mode: 0o755,
  })
  const variables = {
    LAB: lab.folder,
    LAB_ISSUER: lab.issuer,
    LAB_ADMIN: lab.adminUrl,
    LAB_STORAGE: `${lab.storage.endpointOf(names.account)}/${names.container}`,
    AZURE_AUTHORITY_HOST: lab.entra.url,
    NODE_EXTRA_CA_CERTS: lab.caFile,
  }
  writeFileSync(
    join(lab.folder, 'env'),
    `${toExports(variables)}export PATH='${folder}':"$PATH"\n`,
    { mode: 0o600 },
  )
}

// As somebody has it who is signed in to the tenant; `$LAB_TENANT` leads the trust commands there.
function writeAdmin({ folder, azure, caFile, adminUrl, adminTokenFile }: FirstDay): void {
  const { app, clientSecret } = azure.administrator
  const where = ['--graph-url', azure.graph.url, '--arm-url', azure.arm.url, '--ca-file', caFile]
  const service = ['--service', adminUrl, '--admin-token-file', adminTokenFile]
  const variables = {
    AZURE_TENANT_ID: azure.tenantId,
    AZURE_CLIENT_ID: app.clientId,
    AZURE_CLIENT_SECRET: clientSecret,
    LAB_TENANT: [...where, '--sign-in', 'environment'].join(' '),
    LAB_SERVICE: [...service, '--ca-file', caFile].join(' '),
  }
  writeFileSync(join(folder, 'admin.env'), toExports(variables), { mode: 0o600 })
}

async function build(kind: string, path: string, write: (text: string) => void): Promise<number> {
  const changes = kinds[kind]
  if (!changes) {
    const known = Object.keys(kinds).join(', ')
    throw new Fault('cli_usage', `lab: "${kind}" is no kind of build; there are ${known}.`)
  }
  const folder = resolve(path)
  const lab = readLab(folder)
  const number = 7 + lab.builds.length
  const played = pushBuild(lab.repository, { id: 2000 + number, number, ...changes })
  const drone = droneOf(folder, lab)
  await drone.sendWebhook(lab.repository, played)
  const { token } = await fetchToken({ drone, repository: lab.repository }, played)
  await drone.sendWebhook(lab.repository, { ...played, status: 'running', version: 2 })
  writeLab(folder, { ...lab, builds: [...lab.builds, played] })
  const variables = stepEnvironment(lab.repository, played, 'by-hand', { token, ...lab.settings })
  const { PATH: _, HOME: __, ...shown } = variables
  const file = join(folder, `build-${number}.env`)
  const text = toExports({ ...shown, AZURE_STORAGE_DRONE_TOKEN: token })
  for (const each of [file, join(folder, 'last-build.env')]) {
    writeFileSync(each, text, { mode: 0o600 })
  }
  const from = played.source_repo === '' ? '' : ` from ${played.source_repo}`
  write(`Build #${number} of ${lab.repository.slug} runs: ${played.event} of ${played.ref}${from}.
Its runner asked for the secret azure/${names.entry}; what the step got is in ${path}/build-${number}.env
`)
  return 0
}

async function end(number: string, path: string, write: (text: string) => void): Promise<number> {
  const folder = resolve(path)
  const lab = readLab(folder)
  const played = lab.builds.find((each) => String(each.number) === number)
  if (!played) throw new Fault('cli_usage', `lab: There is no build #${number}.`)
  const ended = { ...played, status: 'success', version: 3 }
  await droneOf(folder, lab).sendWebhook(lab.repository, ended)
  write(`Build #${number} has ended.\n`)
  return 0
}

function droneOf(folder: string, { ciUrl }: LabFile): ReturnType<typeof createDrone> {
  const secret = (file: string) => new Secret(readFileSync(join(folder, file), 'utf8').trim())
  return createDrone({
    ciUrl,
    instance: names.instance,
    runner: names.runner,
    runnerToken: secret('runner.token'),
    webhookSecret: secret('webhook.secret'),
    now: () => new Date(),
  })
}

function readLab(folder: string): LabFile {
  const file = join(folder, 'lab.json')
  if (!existsSync(file)) {
    throw new Fault('cli_usage', `lab: No lab runs in ${folder}; start one, or name its folder.`)
  }
  return JSON.parse(readFileSync(file, 'utf8')) as LabFile
}

function writeLab(folder: string, lab: LabFile): void {
  writeFileSync(join(folder, 'lab.json'), JSON.stringify(lab), { mode: 0o600 })
}

function toExports(variables: Readonly<Record<string, string>>): string {
  return Object.entries(variables)
    .map(([name, value]) => `export ${name}='${value.replaceAll("'", String.raw`'\''`)}'\n`)
    .join('')
}
