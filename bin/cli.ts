#!/usr/bin/env node
// The one public command. Each door is loaded only when it is called for.
import { randomBytes } from 'node:crypto'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

import { Fault } from '../src/core/fault.ts'
import { version } from '../src/core/version.ts'

const usage = `azure-storage-drone ${version}

  demo [--source DIR] [--keep] [--json]   the main job on embedded defaults: a build uploads and
                                          downloads DIR with a federated identity and no secret
  lab start|build|end [FOLDER]            the same installation, to try by hand (docs/tutorial.md)
  serve --config FILE                     run the trust service
  health --config FILE                    ask the service on this machine how it is
  policy lint|test|explain|diff|who-can   read the policy file, and answer for it
  trust lint|plan|apply|review            trust in Azure: what is wrong, set it up, keep it so
  dashboard --service URL                 a one-time link into the dashboard of a service on this machine
  trace REPO#BUILD|--blob URL|--request-id ID
                                          the whole story: from push to storage call, and back
  doctor [URL] [--write] [--json]         why a build gets nowhere: one verdict, one thing to do
  exec [--for azure,aws,gcp,terraform] -- COMMAND
                                          run another tool with this build’s identity
  issuer keys|rotate|revoke|publish|check the signing keys and the public documents
  audit verify|prove|keys|segments|export|reconcile
                                          is the ledger as it was written, and what does it prove
  store move --from CONFIG --to CONFIG    from SQLite to PostgreSQL, compared record by record
  backup|restore --config FILE            all a service knows in one encrypted file, and back
  plugin                                  run one pipeline step from PLUGIN_* variables
  upload|download|sync|list|remove|link|verify
                                          the same by hand: upload SOURCE... URL, download URL... FOLDER
  cache restore|save|run|list|show|clear|prune
                                          the build cache by hand, and around a command
  --help, --version
`

// bin/ and dist/ are both one step below the package.
const dist = fileURLToPath(new URL('../dist/', import.meta.url))

const write = (text: string) => void process.stdout.write(text)
const { env } = process

type Command = (args: string[]) => Promise<number | undefined>

const commands: Readonly<Record<string, Command>> = {
  demo,
  lab: async (args) => (await import('./lab.ts')).labCommand(args, write),
  policy: async (args) =>
    (await import('./policy.ts')).policyCommand(args, { readFile: readText, write }),
  trust: async (args) =>
    (await import('./trust.ts')).trustCommand(args, { readFile: readText, writeFile, write }),
  store: async (args) => (await import('./store.ts')).storeCommand(args, write),
  backup: async (args) => (await import('./backup.ts')).backupCommand(args, write),
  restore: async (args) => (await import('./restore.ts')).restoreCommand(args, write),
  dashboard: async (args) => (await import('./dashboard.ts')).dashboardCommand(args, env, write),
  audit: async (args) => (await import('./audit.ts')).auditCommand(args, { write }),
  trace: async (args) => (await import('./trace.ts')).traceCommand(args, { write }),
  doctor: async (args) => (await import('./doctor.ts')).doctorCommand(args, env, write),
  health: async (args) => (await import('./health.ts')).healthCommand(args, env, write),
  cache: async (args) => (await import('./cache.ts')).cacheCommand(args, env, write),
  exec: async (args) => (await import('./exec.ts')).execCommand(args, env),
  ...transferCommands(),
  serve: () => openDoor(() => import('./service.ts')),
  issuer: () => openDoor(() => import('./issuer.ts')),
  plugin: () => openDoor(() => import('./plugin.ts')),
  '--version': async () => {
    write(`${version}\n`)
    return 0
  },
  '--help': async () => {
    write(usage)
    return 0
  },
}

function transferCommands(): Record<string, Command> {
  const names = ['upload', 'download', 'sync', 'list', 'remove', 'link', 'verify'] as const
  return Object.fromEntries(
    names.map((name) => [
      name,
      async (args: string[]) => (await import('./transfer.ts')).transferCommand(name, args),
    ]),
  )
}

// These read their own arguments, as when they are started by themselves.
async function openDoor(load: () => Promise<unknown>): Promise<undefined> {
  process.argv.splice(2, 1)
  await load()
}

function readText(path: string): string {
  return readFileSync(path, 'utf8')
}

function writeFile(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
}

async function main([name, ...args]: string[]): Promise<number | undefined> {
  if (name === undefined) {
    write(usage)
    return 2
  }
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!command) throw new Fault('cli_usage', `There is no command "${name}".`)
  return command(args)
}

async function demo(args: string[]): Promise<number> {
  const options = parseDemoArgs(args)
  const { startFirstDay } = await import('../src/demo/first-day.ts')
  const { runDemo } = await import('../src/demo/run.ts')
  const { makeTree } = await import('../src/demo/tree.ts')
  const plugin = [process.execPath, join(dist, 'plugin.mjs')]
  const service = [process.execPath, join(dist, 'service.mjs')]
  if (!existsSync(plugin[1] ?? '')) throw new Fault('cli_usage', 'Run `npm run build` first.')

  const folder = mkdtempSync(join(tmpdir(), 'azure-storage-drone-'))
  // With --json only the document goes to standard output.
  const say = (text: string) => void (options.json ? process.stderr : process.stdout).write(text)
  const source = options.source ?? join(folder, 'source')
  if (options.source === undefined) makeTree(source)
  // Child processes and files go with us, also when Ctrl-C ends the demo half-way.
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130))
  const cli = [process.execPath, fileURLToPath(import.meta.url)]
  const lab = await startFirstDay({ folder, service, cli, say, now: () => new Date() })
  try {
    const randomHex = (sizeBytes: number) => randomBytes(sizeBytes).toString('hex')
    const result = await runDemo({ plugin, say, randomHex }, lab, source)
    if (options.json) process.stdout.write(`${JSON.stringify(result)}\n`)
    if (options.keep) await keep(lab, say)
    return result.ok ? 0 : 6
  } finally {
    await lab.close()
  }
}

function parseDemoArgs(args: string[]): {
  source: string | undefined
  keep: boolean
  json: boolean
} {
  let values
  try {
    values = parseArgs({
      args,
      options: {
        source: { type: 'string' },
        keep: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
      },
    }).values
  } catch (cause) {
    throw new Fault('cli_usage', `demo: ${(cause as Error).message}.`, { cause })
  }
  const source = values.source === undefined ? undefined : resolve(values.source)
  if (source !== undefined && !statSync(source, { throwIfNoEntry: false })?.isDirectory()) {
    throw new Fault('cli_usage', `demo: ${source} is not a folder.`)
  }
  return { source, keep: values.keep, json: values.json }
}

async function keep(
  lab: Awaited<ReturnType<typeof import('../src/demo/first-day.ts').startFirstDay>>,
  say: (text: string) => void,
): Promise<void> {
  const { pushBuild, stepEnvironment } = await import('../src/lab/drone.ts')
  const { fetchToken } = await import('../src/demo/step.ts')
  const build = pushBuild(lab.repository, { id: 2001, number: 8, status: 'running' })
  await lab.drone.sendWebhook(lab.repository, build)
  const { token } = await fetchToken(lab, build)
  const settings = lab.settings(token, { action: 'download', source: `${lab.repository.slug}/**` })
  const variables = stepEnvironment(lab.repository, build, 'by-hand', {
    ...settings,
    target: 'out',
  })
  const file = join(lab.folder, 'step.env')
  const lines = Object.entries(variables)
    .filter(([name]) => name !== 'PATH' && name !== 'HOME')
    .map(([name, value]) => `export ${name}='${value}'\n`)
  writeFileSync(file, lines.join(''), { mode: 0o600 })
  say(`
Everything is still up; Ctrl-C ends it.
  issuer          ${lab.issuer}
  trust service   ${lab.serviceUrl}
  Entra           ${lab.entra.url}
  storage         ${lab.storage.url}
  CA certificate  ${lab.caFile}
  a running build #${build.number} and the variables of a step of it are in ${file}:
    . ${file} && ${process.execPath} ${join(dist, 'plugin.mjs')}
`)
  // Until Ctrl-C; a promise alone would not keep the process.
  await new Promise<never>(() => setInterval(() => undefined, 2 ** 30))
}

try {
  const exitCode = await main(process.argv.slice(2))
  if (exitCode !== undefined) process.exitCode = exitCode
} catch (error) {
  if (!(error instanceof Fault)) throw error
  process.stderr.write(`${error.message}\nwhat to do: ${error.hint}\n`)
  process.exitCode = error.exitCode
}
