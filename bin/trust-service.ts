// How the `trust` commands get to the admin door of the trust service: `--service URL`, and the token of
// one of its `admins` from a file, from standard input or from the environment.
import { readFileSync } from 'node:fs'
import { isIP } from 'node:net'

import { Fault, messageOf } from '../src/core/fault.ts'
import { Secret } from '../src/core/secret.ts'
import { openService, type TrustService } from '../src/trust/service-client.ts'
import { openTrustHttp, readCaFile } from './trust-http.ts'
import { usage } from './trust-input.ts'

/** Options of commands that ask the trust service; `--ca-file` counts for it too. */
export const serviceOptions = {
  service: { type: 'string' },
  'admin-token-file': { type: 'string' },
} as const

/** Their values. */
export type ServiceValues = { service?: string; 'admin-token-file'?: string; 'ca-file'?: string }

const tokenVariable = 'AZURE_STORAGE_DRONE_ADMIN_TOKEN'

/** The admin door for as long as `work` takes, undefined without `--service`; throws cli_usage or config_invalid. */
export async function withService<T>(
  values: ServiceValues,
  work: (service: TrustService | undefined) => Promise<T>,
): Promise<T> {
  const { service: address } = values
  if (address === undefined) {
    if (values['admin-token-file'] !== undefined)
      throw usage('--admin-token-file is of use only with --service.')
    return work(undefined)
  }
  const origin = readAddress(address)
  const token = readToken(values['admin-token-file'])
  const http = openTrustHttp(readCaFile(values['ca-file']))
  try {
    return await work(openService({ send: http.send, origin, token }))
  } finally {
    http.close()
  }
}

// The token goes there, so nowhere without TLS but to this machine itself.
function readAddress(text: string): URL {
  const url = URL.parse(text)
  const isPlain = url && url.search === '' && url.hash === '' && url.username === ''
  if (isPlain && url.protocol === 'https:') return url
  if (isPlain && url.protocol === 'http:' && isLoopback(url.hostname)) return url
  throw usage(
    '--service is the address of the admin door, https://host[:port]; http:// only on this machine.',
  )
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || (isIP(host) === 4 && host.startsWith('127.'))
}

function readToken(file: string | undefined): Secret {
  const text = file === undefined ? process.env[tokenVariable] : readTokenFile(file)
  const token = (text ?? '').trim()
  if (token === '') {
    throw usage(
      `--service needs the token of one of the service's \`admins\`: --admin-token-file FILE|-, or the variable ${tokenVariable}.`,
    )
  }
  // A header takes nothing else, and the name of the wrong file must not become one.
  if (!/^[\x21-\x7e]+$/.test(token))
    throw usage('the admin token is not one line of plain letters.')
  return new Secret(token)
}

function readTokenFile(file: string): string {
  const standardInput = 0
  try {
    return readFileSync(file === '-' ? standardInput : file, 'utf8')
  } catch (cause) {
    const name = file === '-' ? 'standard input' : file
    throw new Fault('config_invalid', `${name} cannot be read: ${messageOf(cause)}.`, { cause })
  }
}
