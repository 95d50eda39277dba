// `azure-storage-drone dashboard`: asks a service on this machine for a one-time link into its dashboard,
// which works once and for a minute, and prints it.
import { rootCertificates } from 'node:tls'
import { parseArgs } from 'node:util'

import { Fault, messageOf } from '../src/core/fault.ts'
import { Secret } from '../src/core/secret.ts'
import { createHttp } from '../src/http/node.ts'
import { adminPaths, problemSchema, signInLinkSchema } from '../src/trust/admin-api.ts'
import { readOrFault } from './service-listen.ts'

/** How `dashboard` is used. */
export const dashboardUsage = `azure-storage-drone dashboard --service URL [options]

  --service URL         address of the admin door (listen.admin), such as http://127.0.0.1:8444
  --admin-token-file F  file with the token of one of the admins; without it, the variable
                        AZURE_STORAGE_DRONE_ADMIN_TOKEN
  --ca-file F           PEM of a private CA that the door is served under

Prints a link that signs its first reader in as that admin, once and within a minute. Only a door on
loopback makes such links; elsewhere people sign in by the provider of \`sign_in\`.
`

const options = {
  service: { type: 'string' },
  'admin-token-file': { type: 'string' },
  'ca-file': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

/** Runs `dashboard`; resolves to the exit code, throws cli_usage and what the service refuses with. */
export async function dashboardCommand(
  args: string[],
  env: Readonly<Record<string, string | undefined>>,
  write: (text: string) => void,
): Promise<number> {
  const values = read(args)
  if (values.help || values.service === undefined) {
    write(dashboardUsage)
    return values.help ? 0 : 2
  }
  if (!URL.canParse(values.service)) throw usage(`"${values.service}" is no URL.`)
  const origin = new URL(values.service)
  const token = readToken(values['admin-token-file'], env)
  const caFile = values['ca-file']
  const http = createHttp({
    maxConnections: 1,
    maxBodyBytes: 64 * 1024,
    ...(caFile !== undefined && { ca: [...rootCertificates, readOrFault(caFile, 'CA file')] }),
  })
  try {
    const answer = await http
      .send({
        method: 'POST',
        origin,
        path: adminPaths.signInLinks,
        headers: { authorization: `Bearer ${token.reveal()}` },
      })
      .catch((cause: unknown) => {
        const sentence = `The service at ${origin.origin} does not answer: ${messageOf(cause)}.`
        throw new Fault('issuer_unreachable', sentence, { cause })
      })
    const body = parse(answer.body)
    const link = signInLinkSchema.safeParse(body)
    if (answer.status === 201 && link.success) {
      write(`${new URL(link.data.path, origin).href}\n`)
      return 0
    }
    const problem = problemSchema.safeParse(body)
    if (!problem.success) {
      const sentence = `The service at ${origin.origin} answered ${answer.status} and no link.`
      throw new Fault('issuer_answer_invalid', sentence)
    }
    const { detail, hint } = problem.data
    throw new Fault('issuer_refused', detail, hint === undefined ? {} : { hint })
  } finally {
    http.close()
  }
}

function readToken(
  file: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Secret {
  const variable = 'AZURE_STORAGE_DRONE_ADMIN_TOKEN'
  const text = file === undefined ? env[variable] : readOrFault(file, 'admin token file')
  const token = (text ?? '').trim()
  if (/^[\x21-\x7e]+$/.test(token)) return new Secret(token)
  throw usage(`give the token of an admin with --admin-token-file or ${variable}.`)
}

function read(args: string[]) {
  try {
    return parseArgs({ args, options }).values
  } catch (cause) {
    throw usage(messageOf(cause), cause)
  }
}

function parse(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
}

function usage(sentence: string, cause?: unknown): Fault {
  return new Fault('cli_usage', `dashboard: ${sentence}`, { cause })
}
