// One GET to a Woodpecker server, its status read the way its API means it.
import { Fault, messageOf } from '../../core/fault.ts'
import type { Call, Endpoint } from '../drone/call.ts'

const timeoutMilliseconds = 2000
const answerLimitBytes = 4 * 1024 * 1024

/** A server's base URL without a trailing slash, with certificates (PEM) to trust if there are any. */
export type Server = Pick<Endpoint, 'url' | 'ca'>

/** The body at this path, undefined where there is nothing; throws ci_api_unavailable or ci_api_denied. */
export async function askWoodpecker(
  call: Call,
  server: Server,
  path: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<Buffer | undefined> {
  const { host } = new URL(server.url)
  const { status, body } = await call({
    method: 'GET',
    url: `${server.url}${path}`,
    headers: { 'accept-encoding': 'identity', ...headers },
    ...(server.ca && { ca: server.ca }),
    timeoutMilliseconds,
    answerLimitBytes,
  }).catch((cause: unknown) => {
    throw unavailable(`The Woodpecker server ${host} cannot be asked: ${messageOf(cause)}.`)
  })
  if (status === 200) return body
  if (status === 404) return undefined
  if (status === 401 || status === 403) {
    throw new Fault(
      'ci_api_denied',
      `The API of the Woodpecker server ${host} refuses our token (${status}).`,
      {
        hint: "Give the service the token of a Woodpecker user who may read the repository (the instance's `api.token`).",
      },
    )
  }
  throw unavailable(`The Woodpecker server ${host} answered ${status}.`)
}

function unavailable(sentence: string): Fault {
  return new Fault('ci_api_unavailable', sentence, {
    hint: 'Check the Woodpecker server and its API: nothing is issued while it is asked and does not answer.',
  })
}
