// For the tests of this room: a small https token issuer that really signs and publishes its keys,
// whose documents can be spoilt, and a plain https client that trusts the lab's authority.
import { randomUUID } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'

import { CompactSign, exportJWK, generateKeyPair, type JWK } from 'jose'

import type { LabAuthority } from './authority.ts'
import { listenTls } from './listen.ts'

/** What to sign; `undefined` takes a default header or claim away. */
export type TestToken = {
  claims?: Readonly<Record<string, unknown>>
  header?: Readonly<Record<string, unknown>>
  key?: Parameters<CompactSign['sign']>[0]
}

/** A running issuer; tests change its answers in place. */
export type TestIssuer = {
  url: string
  /** Laid over the discovery document. */
  document: Record<string, unknown>
  keys: JWK[]
  /** When set, every request is answered with this status, or this body. */
  failWith: { status?: number; body?: string }
  requests: string[]
  /** Forgets every change. */
  reset: () => void
  sign: (token?: TestToken) => Promise<string>
  close: () => Promise<void>
}

/** Starts an issuer with one RSA key named `key-1`; its tokens hold ten minutes from `now`. */
export async function startTestIssuer({
  authority,
  now,
}: {
  authority: LabAuthority
  now: () => Date
}): Promise<TestIssuer> {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const firstKey = { ...(await exportJWK(publicKey)), kid: 'key-1', use: 'sig', alg: 'RS256' }
  const { url, close } = await listenTls({ authority }, (request, response) => {
    issuer.requests.push(request.url ?? '')
    const { document, keys, failWith } = issuer
    const answer = request.url === '/jwks' ? { keys } : { ...describeIssuer(url), ...document }
    response.statusCode = failWith.status ?? 200
    response.end(failWith.body ?? JSON.stringify(answer))
  })
  const issuer: TestIssuer = {
    url,
    document: {},
    keys: [firstKey],
    failWith: {},
    requests: [],
    reset() {
      Object.assign(issuer, { document: {}, keys: [firstKey], failWith: {}, requests: [] })
    },
    sign: ({ claims, header, key } = {}) =>
      new CompactSign(Buffer.from(JSON.stringify({ ...defaultClaims(url, now()), ...claims })))
        .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: 'key-1', ...header })
        .sign(key ?? privateKey),
    close,
  }
  return issuer
}

function describeIssuer(url: string): Record<string, unknown> {
  return {
    issuer: url,
    jwks_uri: `${url}/jwks`,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
  }
}

function defaultClaims(url: string, now: Date): Record<string, unknown> {
  const seconds = Math.floor(now.getTime() / 1000)
  return {
    iss: url,
    sub: 'repo:acme/api@7:ref:refs/heads/main',
    aud: 'api://AzureADTokenExchange',
    nbf: seconds,
    iat: seconds,
    exp: seconds + 600,
    jti: randomUUID(),
  }
}

/** One answer, its body as text. */
export type TestAnswer = { status: number; headers: IncomingHttpHeaders; text: string }

/** Sends one request with the path exactly as it is given, and reads the whole answer. */
export function send(
  ca: string,
  base: string,
  call: { path: string; method?: string; headers?: Record<string, string>; body?: string },
): Promise<TestAnswer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(base)
    const { path, method = 'GET', headers = {} } = call
    const length = { 'content-length': String(Buffer.byteLength(call.body ?? '')) }
    const request = httpsRequest(
      { ca, agent: false, hostname, port, path, method, headers: { ...length, ...headers } },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8')
          resolve({ status: response.statusCode ?? 0, headers: response.headers, text })
        })
        response.on('error', reject)
      },
    )
    request.on('error', reject)
    request.end(call.body)
  })
}
