// `azure-storage-drone health --config FILE`: asks the service of this configuration, on this machine, how
// it is; for containers, which have no curl.
import { readFileSync } from 'node:fs'
import { request as requestPlain } from 'node:http'
import { request as requestTls } from 'node:https'

import { readServiceConfig, type Listener } from '../src/config/service-config.ts'
import { Fault, messageOf } from '../src/core/fault.ts'
import { readArgs } from './read-args.ts'

const usage = `azure-storage-drone health --config FILE [--ready]

Asks /healthz of the service's door for CI, or /readyz, and prints the answer. Exit codes: 0 well, 1 not.
`

const timeoutMs = 4000

/** Runs `health …`; resolves to the exit code, 1 when the service is ill or does not answer. */
export async function healthCommand(
  args: string[],
  env: Readonly<Record<string, string | undefined>>,
  write: (text: string) => void,
): Promise<number> {
  const { config, ready, help } = read(args)
  if (help) {
    write(usage)
    return 0
  }
  if (config === undefined) throw new Fault('cli_usage', 'health: --config is missing.')
  const readFile = (path: string) => readFileSync(path, 'utf8')
  const { listen } = readServiceConfig({ readFile, env }, config)
  try {
    const { status, body } = await ask(listen.ci, ready ? '/readyz' : '/healthz')
    write(`${body}\n`)
    return status === 200 ? 0 : 1
  } catch (error) {
    write(`${messageOf(error)}\n`)
    return 1
  }
}

function read(args: string[]) {
  return readArgs('health', {
    args,
    options: {
      config: { type: 'string', short: 'c' },
      ready: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  }).values
}

function ask(
  { host, port, tls }: Listener,
  path: string,
): Promise<{ status: number; body: string }> {
  const where = { host: addressOf(host), port, path, agent: false, timeout: timeoutMs }
  // Nothing secret is sent, and the certificate is for the name that others use: it is its own anchor.
  const call = tls
    ? requestTls({
        ...where,
        ca: readFileSync(tls.certificateFile),
        allowPartialTrustChain: true,
        checkServerIdentity: () => undefined,
      })
    : requestPlain(where)
  return new Promise((resolve, reject) => {
    call.on('response', (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (body += chunk))
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body }))
      response.on('error', reject)
    })
    call.on('timeout', () =>
      call.destroy(new Error(`no answer within ${timeoutMs / 1000} seconds`)),
    )
    call.on('error', reject)
    call.end()
  })
}

// Where everybody may call, loopback does.
function addressOf(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  return host === '::' ? '::1' : host
}
