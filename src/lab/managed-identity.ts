// The lab's managed identities: IMDS of an Azure VM, and the agent of Azure Arc with its challenge file
// ("How to use managed identities to get an access token", "Authenticate against Azure resources with
// Azure Arc-enabled servers"). Their tokens are the lab Entra's, so its storage checks them.
import { randomBytes, randomUUID } from 'node:crypto'
import { rmSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { join } from 'node:path'

import { decodeJwt } from 'jose'

import type { LabApp } from './entra-directory.ts'
import type { LabEntra } from './entra.ts'

/** A running endpoint. */
export type LabManagedIdentity = {
  /** `http://127.0.0.1:port`: AZURE_POD_IDENTITY_AUTHORITY_HOST, or IMDS_ENDPOINT. */
  url: string
  /** Queries that were answered with a token. */
  granted: readonly URLSearchParams[]
  /** Refuses so many of the next questions with this status. */
  failNext: (times: number, status: number) => void
  close: () => Promise<void>
}

/** Whose tokens are given out, and in which way: with `keyFolder` it is the Arc agent. */
export type LabManagedOptions = {
  /** The first is the one of the machine, or the only user-assigned one. */
  identities: readonly LabApp[]
  keyFolder?: string
}

type Answer = { status: number; body: unknown; headers?: Record<string, string> }

const path = '/metadata/identity/oauth2/token'

/** Starts an endpoint on a free port of the loopback interface, without TLS, as the real ones. */
export async function startManagedIdentity(
  { entra }: { entra: LabEntra },
  { identities, keyFolder }: LabManagedOptions,
): Promise<LabManagedIdentity> {
  const granted: URLSearchParams[] = []
  const failing = { times: 0, status: 500 }
  const challenges = new Map<string, string>()
  const answer = async (request: IncomingMessage): Promise<Answer> => {
    const url = new URL(request.url ?? '/', 'http://lab')
    if (failing.times > 0) {
      failing.times -= 1
      return refuse(failing.status, 'unknown', 'Please try again later.')
    }
    const refusal = checkForm(request, url, keyFolder === undefined ? '2018-02-01' : '2020-06-01')
    if (refusal) return refusal
    const query = url.searchParams
    if (keyFolder !== undefined && !takeChallenge(challenges, request)) {
      return challenge(challenges, keyFolder)
    }
    const app = findIdentity(identities, query.get('client_id'))
    if (!app) return refuse(400, 'invalid_request', 'Identity not found')
    granted.push(query)
    return grant(entra, app, query.get('resource') ?? '')
  }
  const server = createServer((request, response) => {
    void reply(response, answer(request))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port was bound')
  return {
    url: `http://127.0.0.1:${address.port}`,
    granted,
    failNext: (times, status) => Object.assign(failing, { times, status }),
    close: async () => {
      for (const file of challenges.keys()) rmSync(file, { force: true })
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function reply(response: ServerResponse, answer: Promise<Answer>): Promise<void> {
  const { status, body, headers } = await answer
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}

// The header keeps out whoever can only make a server fetch a URL; a proxy adds the other one.
function checkForm(request: IncomingMessage, url: URL, version: string): Answer | undefined {
  // Microsoft’s own client ends the path with a slash.
  if (url.pathname.replace(/\/$/, '') !== path || request.method !== 'GET') {
    return refuse(404, 'not_found', 'There is nothing here.')
  }
  if (request.headers['metadata'] !== 'true') {
    return refuse(400, 'invalid_request', 'Required metadata header not specified')
  }
  if (request.headers['x-forwarded-for'] !== undefined) {
    return refuse(400, 'invalid_request', 'The request was forwarded')
  }
  if (url.searchParams.get('api-version') !== version) {
    return refuse(400, 'bad_request_102', `The api-version must be ${version}`)
  }
  return url.searchParams.get('resource')
    ? undefined
    : refuse(400, 'invalid_request', 'Required query variable resource is missing')
}

function findIdentity(identities: readonly LabApp[], clientId: string | null): LabApp | undefined {
  if (clientId !== null) return identities.find((app) => app.clientId === clientId)
  return identities[0]
}

function challenge(challenges: Map<string, string>, folder: string): Answer {
  const file = join(folder, `${randomUUID()}.key`)
  const key = randomBytes(48).toString('base64url')
  writeFileSync(file, key, { mode: 0o640 })
  challenges.set(file, key)
  return {
    ...refuse(401, 'unauthorized', 'Read the file'),
    headers: { 'www-authenticate': `Basic realm=${file}` },
  }
}

function takeChallenge(challenges: Map<string, string>, request: IncomingMessage): boolean {
  const key = /^Basic (.+)$/.exec(request.headers.authorization ?? '')?.[1]
  for (const [file, wanted] of challenges) {
    if (wanted !== key) continue
    challenges.delete(file)
    rmSync(file, { force: true })
    return true
  }
  return false
}

async function grant(entra: LabEntra, app: LabApp, resource: string): Promise<Answer> {
  const token = await entra.mintToken(app, resource.replace(/\/$/, ''))
  const { exp = 0, nbf = 0, iat = 0 } = decodeJwt(token)
  const body = {
    access_token: token,
    client_id: app.clientId,
    // Numbers as texts, as the real one writes them.
    expires_in: String(exp - iat),
    expires_on: String(exp),
    ext_expires_in: String(exp - iat),
    not_before: String(nbf),
    resource,
    token_type: 'Bearer',
  }
  return { status: 200, body }
}

function refuse(status: number, error: string, description: string): Answer {
  return { status, body: { error, error_description: description } }
}
