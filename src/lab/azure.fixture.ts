// For the tests of the control plane: a lab Azure whose clock stands still, a token issuer to trust,
// and plain JSON calls to Graph and ARM.
import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'

import { createAuthority } from './authority.ts'
import { type LabAdministrator, type LabAzure, startAzure } from './azure.ts'
import { send, startTestIssuer, type TestIssuer } from './issuer.fixture.ts'

/** The one account of the kit, and its containers and share. */
export const names = {
  account: 'labaccount',
  container: 'artifacts',
  other: 'other',
  share: 'docs',
}

/** A JSON answer; the body is empty when there was none. */
export type JsonAnswer = {
  status: number
  headers: IncomingHttpHeaders
  body: Record<string, unknown>
}

/** What to send; the path has its query. */
export type JsonCall = {
  method?: string
  path: string
  body?: unknown
  headers?: Record<string, string>
  /** The administrator when nothing is said; an empty text sends no token. */
  token?: string
}

/** The running parts; the clock stands still. */
export type AzureKit = {
  azure: LabAzure
  issuer: TestIssuer
  now: () => Date
  /** Moves the clock. */
  pass: (seconds: number) => void
  /** Back to the real time, before Azurite behind the storage front finds the tokens too new. */
  resetTime: () => void
  graph: (call: JsonCall) => Promise<JsonAnswer>
  /** An api-version is added when the path has none. */
  arm: (call: JsonCall) => Promise<JsonAnswer>
  /** Exchanges an assertion of the issuer for a storage token; the body has it, or the refusal. */
  exchange: (
    clientId: string,
    claims?: Record<string, unknown>,
  ) => Promise<JsonAnswer & { token: string; codes: unknown }>
  /** Writes a blob with this token and gives the status. */
  putBlob: (token: string, path: string) => Promise<number>
  /** An application with a service principal, made through Graph. */
  createApp: (displayName?: string) => Promise<TestApp>
  close: () => Promise<void>
}

/** Ids of an application: of its object, of the client, and of its service principal. */
export type TestApp = { id: string; appId: string; principalId: string }

/** Starts everything, at the real time, which Azurite goes by. */
export async function startAzureKit(): Promise<AzureKit> {
  const authority = await createAuthority()
  let time = new Date()
  const now = (): Date => time
  const azure = await startAzure({ authority, now }, { accounts: [names.account] })
  const issuer = await startTestIssuer({ authority, now })
  await azure.createContainer(names.account, names.container)
  await azure.createContainer(names.account, names.other)
  azure.createShare(names.account, names.share)
  const ca = authority.caPem
  const kit: AzureKit = {
    azure,
    issuer,
    now,
    pass(seconds) {
      time = new Date(time.getTime() + seconds * 1000)
    },
    resetTime() {
      time = new Date()
    },
    graph: (call) => sendJson(ca, azure.graph.url, { ...call }, azure.administrator.graphToken),
    arm: (call) =>
      sendJson(ca, azure.arm.url, withVersion(call), () => azure.administrator.armToken()),
    async exchange(clientId, claims = {}) {
      const form = new URLSearchParams({
        client_id: clientId,
        scope: 'https://storage.azure.com/.default',
        grant_type: 'client_credentials',
        client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion: await issuer.sign({ claims }),
      })
      const answer = await sendForm(ca, azure, form)
      const { access_token: token = '', error_codes: codes } = answer.body
      return { ...answer, token: String(token), codes }
    },
    async putBlob(token, path) {
      const headers = {
        authorization: `Bearer ${token}`,
        'x-ms-version': '2025-11-05',
        'x-ms-blob-type': 'BlockBlob',
      }
      const call = { method: 'PUT', path: `/${names.account}/${path}`, headers, body: 'hello' }
      return (await send(ca, azure.storage.url, call)).status
    },
    async createApp(displayName = `drone-${randomUUID()}`) {
      const made = await kit.graph({
        method: 'POST',
        path: '/v1.0/applications',
        body: { displayName },
      })
      const { id, appId } = made.body
      const body = { appId }
      const principal = await kit.graph({ method: 'POST', path: '/v1.0/servicePrincipals', body })
      return { id: String(id), appId: String(appId), principalId: String(principal.body['id']) }
    },
    async close() {
      await issuer.close()
      await azure.close()
    },
  }
  return kit
}

/** A token by client_credentials with the administrator's secret, as the answer's JSON. */
export async function signIn(
  { azure }: AzureKit,
  { app, clientSecret }: LabAdministrator,
  scope: string,
): Promise<JsonAnswer> {
  const form = new URLSearchParams({
    client_id: app.clientId,
    client_secret: clientSecret,
    scope,
    grant_type: 'client_credentials',
  })
  return sendForm(azure.authority.caPem, azure, form)
}

/** The code and the message of an error of either API. */
export function errorOf({ body }: JsonAnswer): { code: unknown; message: string } {
  const error = body['error']
  if (typeof error !== 'object' || error === null) return { code: undefined, message: '' }
  const { code, message } = error as Record<string, unknown>
  return { code, message: String(message) }
}

/** The objects of a list. */
export function valueOf({ body }: JsonAnswer): Record<string, unknown>[] {
  return Array.isArray(body['value']) ? (body['value'] as Record<string, unknown>[]) : []
}

function withVersion(call: JsonCall): JsonCall {
  if (call.path.includes('api-version')) return call
  const path = `${call.path}${call.path.includes('?') ? '&' : '?'}api-version=2022-04-01`
  return { ...call, path }
}

async function sendForm(ca: string, azure: LabAzure, form: URLSearchParams): Promise<JsonAnswer> {
  const answer = await send(ca, azure.entra.url, {
    method: 'POST',
    path: `/${azure.tenantId}/oauth2/v2.0/token`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  })
  return readJson(answer)
}

async function sendJson(
  ca: string,
  base: string,
  { method = 'GET', path, body, headers, token }: JsonCall,
  mint: () => Promise<string>,
): Promise<JsonAnswer> {
  const bearer = token ?? (await mint())
  const answer = await send(ca, base, {
    method,
    path,
    headers: {
      ...(bearer !== '' && { authorization: `Bearer ${bearer}` }),
      'content-type': 'application/json',
      ...headers,
    },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  })
  return readJson(answer)
}

function readJson({
  status,
  headers,
  text,
}: {
  status: number
  headers: IncomingHttpHeaders
  text: string
}): JsonAnswer {
  const body = text === '' ? {} : (JSON.parse(text) as Record<string, unknown>)
  return { status, headers, body }
}
