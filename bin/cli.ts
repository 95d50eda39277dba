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
  serve --config FILE                     run the trust service
  policy lint|test|explain|diff|who-can   read the policy file, and answer for it
  trust lint|plan|apply|review            trust in Azure: what is wrong, set it up, keep it so
  doctor [URL] [--write] [--json]         why a build gets nowhere: one verdict, one thing to do
  exec [--for azure,aws,gcp,terraform] -- COMMAND
                                          run another tool with this build’s identity
  issuer keys|rotate|revoke|publish|check the signing keys and the public documents
  store move --from CONFIG --to CONFIG    from SQLite to PostgreSQL, compared record by record
  plugin                                  run one pipeline step from PLUGIN_* variables
  upload|download|sync|list|remove|link|verify
                                          the same by hand: upload SOURCE... URL, download URL... FOLDER
  --help, --version
`

// bin/ and dist/ are both one step below the package.
const dist = fileURLToPath(new URL('../dist/', import.meta.url))

const doors = {
  serve: () => import('./service.ts'),
  issuer: () => import('./issuer.ts'),
  plugin: () => import('./plugin.ts'),
}

type TransferCommand = Parameters<typeof import('./transfer.ts').transferCommand>[0]

function isTransferCommand(word: string | undefined): word is TransferCommand {
  return /^(upload|download|sync|list|remove|link|verify)$/.test(word ?? '')
}

async function main(args: string[]): Promise<number | undefined> {
  const [command, ...rest] = args
  if (isTransferCommand(command)) {
    const { transferCommand } = await import('./transfer.ts')
    return transferCommand(command, rest)
  }
  switch (command) {
    case 'demo':
      return demo(rest)
    case 'policy': {
      const { policyCommand } = await import('./policy.ts')
      return policyCommand(rest, {
        readFile: (path) => readFileSync(path, 'utf8'),
        write: (text) => void process.stdout.write(text),
      })
    }
    case 'trust': {
      const { trustCommand } = await import('./trust.ts')
      return trustCommand(rest, {
        readFile: (path) => readFileSync(path, 'utf8'),
        writeFile: (path, text) => {
          mkdirSync(dirname(path), { recursive: true })
          writeFileSync(path, text)
        },
        write: (text) => void process.stdout.write(text),
      })
    }
    case 'store': {
      const { storeCommand } = await import('./store.ts')
      return storeCommand(rest, (text) => void process.stdout.write(text))
    }
    case 'doctor': {
      const { doctorCommand } = await import('./doctor.ts')
      return doctorCommand(rest, process.env, (text) => void process.stdout.write(text))
    }
    case 'exec': {
      const { execCommand } = await import('./exec.ts')
      return execCommand(rest, process.env)
    }
    case 'serve':
    case 'issuer':
    case 'plugin':
      // The doors read their own arguments, as when they are started by themselves.
      process.argv.splice(2, 1)
      await doors[command]()
      return undefined
    case '--version':
      process.stdout.write(`${version}\n`)
      return 0
    case '--help':
    case undefined:
      process.stdout.write(usage)
      return command === undefined ? 2 : 0
    default:
      throw new Fault('cli_usage', `There is no command "${command}".`)
  }
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
