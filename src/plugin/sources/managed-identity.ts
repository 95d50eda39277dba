// The managed identity of the machine: IMDS on Azure VMs ("Managed identities for Azure resources, how to
// use a VM token"), and the Azure Arc agent, which asks to see that its caller may read a file of root's.
import { readFile, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'

import { parseRecord } from '../../azure/assertion.ts'
import { storageScope } from '../../azure/clouds.ts'
import { toPlainLine } from '../../azure/plain-line.ts'
import { retry, type RetryDeps, tokenDelaysMs } from '../../azure/retry.ts'
import { Fault, messageOf } from '../../core/fault.ts'
import { Secret } from '../../core/secret.ts'
import type { Clock } from '../../core/time.ts'
import { type HttpAnswer, type HttpClient, HttpError, type HttpOptions } from '../../http/http.ts'
import type { Credential } from '../credential.ts'
import type { GivenAccess } from '../identity.ts'

/** What is said whenever a managed identity is used (DESIGN §5.9). */
export const managedWarning =
  'warning: this is the managed identity of the machine: every step of every build on it, those of forks included, ' +
  'can become it, and its tokens live for up to 24 hours. A request token of the trust service is this build’s alone.'

type Managed = Extract<Credential, { source: 'managed identity' }>

type ManagedDeps = RetryDeps & {
  openHttp: (options: HttpOptions) => HttpClient
  now: Clock
  /** Where the agent of Azure Arc puts its challenges; no other file is read for it. */
  keyFolder?: string
}

const arcKeyFolder = '/var/opt/azcmagent/tokens'
const maxKeyBytes = 4096
const versions = { IMDS: '2018-02-01', 'Azure Arc': '2020-06-01' }

/** A storage token of the machine's identity; throws `plugin_managed_identity_*`. */
export async function askManagedIdentity(
  deps: ManagedDeps,
  credential: Managed,
): Promise<GivenAccess> {
  // Never through a proxy: the address means this machine.
  const http = deps.openHttp({
    maxConnections: 1,
    connectTimeoutMs: 3_000,
    idleTimeoutMs: 30_000,
    maxBodyBytes: 64 * 1024,
  })
  try {
    return await retry(
      deps,
      tokenDelaysMs,
      () => askOnce(deps, http, credential),
      (error) => ({ again: error instanceof Fault && error.details['again'] === 1 }),
    )
  } finally {
    http.close()
  }
}

async function askOnce(
  deps: ManagedDeps,
  http: HttpClient,
  credential: Managed,
): Promise<GivenAccess> {
  const { by } = credential.endpoint
  let answer = await send(http, credential)
  if (by === 'Azure Arc' && answer.status === 401) {
    const key = await readChallenge(answer, deps.keyFolder ?? arcKeyFolder)
    answer = await send(http, credential, { authorization: `Basic ${key.reveal()}` })
  }
  const body = parseRecord(answer.body.toString('utf8'))
  const { access_token: token, expires_on: expiresOn, client_id: clientId } = body
  const expiresAt = new Date(Number(expiresOn) * 1000)
  if (answer.status !== 200) throw refused(credential, answer, body)
  if (typeof token !== 'string' || token === '' || !(expiresAt > deps.now())) {
    throw new Fault(
      'plugin_managed_identity_refused',
      `${by} at ${credential.endpoint.url} answered without a token that is valid.`,
    )
  }
  const who = typeof clientId === 'string' ? ` (client ${toPlainLine(clientId, 64)})` : ''
  return {
    token: new Secret(token),
    expiresAt,
    correlationId: '',
    says: `managed identity of this machine${who} by ${by}`,
  }
}

async function send(
  http: HttpClient,
  { endpoint: { by, url }, clientId }: Managed,
  headers: Record<string, string> = {},
): Promise<HttpAnswer> {
  const resource = storageScope.slice(0, -'.default'.length)
  const query = new URLSearchParams({ 'api-version': versions[by], resource })
  if (clientId !== undefined) query.set('client_id', clientId)
  try {
    const origin = new URL(url)
    return await http.send({
      method: 'GET',
      origin,
      path: `${origin.pathname}?${query.toString()}`,
      headers: { metadata: 'true', accept: 'application/json', ...headers },
    })
  } catch (error) {
    if (!(error instanceof HttpError) && !(error instanceof TypeError)) throw error
    throw new Fault(
      'plugin_managed_identity_unreachable',
      `${by} did not answer at ${url}: ${messageOf(error)}.`,
      { cause: error, details: { again: error instanceof HttpError ? 1 : 0 } },
    )
  }
}

function refused(
  { endpoint: { by }, clientId }: Managed,
  { status }: HttpAnswer,
  { error, error_description: says }: Record<string, unknown>,
): Fault {
  const words = [error, says].filter((text) => typeof text === 'string').join(': ')
  const whose = clientId === undefined ? '' : ` for the client ${clientId}`
  // 404 and 410 are said while the machine or its identity is being changed.
  const again = [404, 410, 429].includes(status) || status >= 500
  return new Fault(
    again ? 'plugin_managed_identity_unreachable' : 'plugin_managed_identity_refused',
    `${by} answered ${status}${whose}: ${toPlainLine(words) || 'without a reason'}.`,
    { details: { httpStatus: status, again: again ? 1 : 0 } },
  )
}

// Whoever answers names the file: anything but a small key in the agent's own folder stays unread.
async function readChallenge({ headers }: HttpAnswer, folder: string): Promise<Secret> {
  const [, path = ''] = /^Basic realm="?([^"]+?)"?$/.exec(headers['www-authenticate'] ?? '') ?? []
  const refuse = (why: string) =>
    new Fault('plugin_managed_identity_refused', `The challenge of Azure Arc is refused: ${why}.`)
  if (path !== join(folder, basename(path)) || !path.endsWith('.key')) {
    throw refuse(`“${toPlainLine(path)}” is no .key file in ${folder}`)
  }
  try {
    const { size } = await stat(path)
    if (size > maxKeyBytes) throw refuse(`${path} holds ${size} bytes`)
    return new Secret((await readFile(path, 'latin1')).trim())
  } catch (error) {
    if (error instanceof Fault) throw error
    throw new Fault(
      'plugin_managed_identity_refused',
      `The challenge of Azure Arc cannot be read: ${messageOf(error)}.`,
      { cause: error, hint: 'Put the user of the step into the group `himds`.' },
    )
  }
}
