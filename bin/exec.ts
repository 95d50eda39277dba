// `azure-storage-drone exec`: runs a command with short-lived tokens for the tools it is made of; passes
// signals on, renews the files meanwhile, removes them at the end, and ends as the command did.
import { readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { setTimeout as wait } from 'node:timers/promises'

import { Fault, messageOf } from '../src/core/fault.ts'
import { Secret } from '../src/core/secret.ts'
import { version } from '../src/core/version.ts'
import { keepFresh } from '../src/handoff/keep-fresh.ts'
import { type Prepared, prepareHandoff } from '../src/handoff/prepare.ts'
import { type ExecRequest, execUsage, readExecRequest } from '../src/handoff/read-request.ts'
import { createTokenFolder } from '../src/handoff/token-folder.ts'
import { refuseStaticKeys } from '../src/handoff/tool.ts'
import { openHttp } from '../src/http/open.ts'
import { readProxy } from '../src/http/read-proxy.ts'
import { createLog } from '../src/plugin/report.ts'
import { type Environment, tokenEmpty } from '../src/plugin/settings.ts'
import { toUserAgent } from '../src/plugin/user-agent.ts'
import { runCommand } from './run-command.ts'

// The command needs neither, unless it asks the service itself, and then it has it by another name.
const tokenVariables = ['AZURE_STORAGE_DRONE_TOKEN', 'PLUGIN_TOKEN']

/** Runs the command; gives its exit code, and throws a Fault for what went wrong before it began. */
export async function execCommand(args: readonly string[], env: Environment): Promise<number> {
  const request = readExecRequest(args, env)
  if (request === 'help') {
    process.stdout.write(execUsage)
    return 0
  }
  refuseStaticKeys(request.tools, env)
  const bearer = new Secret((env['PLUGIN_TOKEN'] || env['AZURE_STORAGE_DRONE_TOKEN'] || '').trim())
  if (bearer.isEmpty) throw tokenEmpty()
  const ending = new AbortController()
  const extraCa = request.caFile === undefined ? undefined : [readTrust(request.caFile)]
  const http = openHttp({ maxConnections: 1, proxy: readProxy(env), ...(extraCa && { extraCa }) })
  const deps = {
    openHttp,
    send: http.send,
    now: () => new Date(),
    sleep: async (milliseconds: number, signal?: AbortSignal) => {
      await wait(milliseconds, undefined, signal ? { signal } : {}).catch(() => undefined)
    },
    random: Math.random,
    signal: ending.signal,
    userAgent: toUserAgent(version, env),
  }
  const warn = createLog((text) => void process.stderr.write(text))
  try {
    const prepared = await prepareHandoff(deps, request, bearer)
    if (prepared.isPrivate && request.tools.includes('github')) {
      warn('warning: the trust service has a private CA: whatever asks it must be told to trust it')
    }
    return await runWithTokens({ ...deps, warn, ending }, { request, prepared, env })
  } finally {
    ending.abort()
    http.close()
  }
}

type Running = { request: ExecRequest; prepared: Prepared; env: Environment }

async function runWithTokens(
  deps: Pick<Parameters<typeof keepFresh>[0], 'sleep' | 'warn'> & { ending: AbortController },
  { request, prepared, env }: Running,
): Promise<number> {
  const folder = createTokenFolder(['/dev/shm', tmpdir()])
  // Also when this program fails in a way nobody thought of.
  process.once('exit', folder.remove)
  try {
    const { files, variables } = prepared.place(folder.path)
    for (const { name, content } of files) folder.write(name, content)
    for (const { name, token } of prepared.tokens) folder.write(name, token.reveal())
    const rest = Object.entries(env).filter(([name]) => !tokenVariables.includes(name))
    const { signal } = deps.ending
    // Nothing is waited for since the folder was made, so no signal comes before there is a command.
    const ended = runCommand(request.command, { ...Object.fromEntries(rest), ...variables })
    void keepFresh({ ...deps, signal, ask: prepared.ask, write: folder.write }, prepared.tokens)
    return await ended
  } finally {
    deps.ending.abort()
    folder.remove()
  }
}

function readTrust(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (cause) {
    throw new Fault('cli_usage', `exec: --ca-file cannot be read: ${messageOf(cause)}.`, { cause })
  }
}
