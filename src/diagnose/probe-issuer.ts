// The issuer as Entra has to read it: discovery document, then keys, without a secret and without any
// certificate of our own if that works (OpenID Connect Discovery 1.0; facts/federation.md §1.3).
import { createPublicKey, verify } from 'node:crypto'

import { toPlainLine } from '../azure/plain-line.ts'
import { messageOf } from '../core/fault.ts'
import type { Secret } from '../core/secret.ts'
import { type HttpAnswer, HttpError, type Send } from '../http/http.ts'
import type { IdClaims, IssuerFacts, IssuerProblem } from './facts.ts'
import { describeDifference } from './nearest.ts'

/** What reading an issuer needs; `sendAlso` trusts the `ca_file` beside the public CAs. */
export type IssuerDeps = {
  sendPublic: Send
  sendAlso?: Send
  /** Addresses of a host. */
  findAddresses: (host: string) => Promise<readonly string[]>
}

/** Reads and checks both documents; without an ID token only what can be said without one. */
export async function probeIssuer(
  deps: IssuerDeps,
  issuer: string,
  idToken?: { claims: IdClaims; value: Secret },
): Promise<IssuerFacts> {
  const reader = { deps, needsOwnCa: false }
  const problems: IssuerProblem[] = []
  const keys = await readKeys(reader, issuer, problems)
  const base = {
    issuer,
    needsOwnCa: reader.needsOwnCa,
    isPrivate: await isPrivateHost(deps, issuer),
  }
  if (!keys || !idToken) return { ...base, problems }
  return { ...base, ...checkKey(keys, idToken, problems), problems }
}

type Reader = { deps: IssuerDeps; needsOwnCa: boolean }

async function readKeys(
  reader: Reader,
  issuer: string,
  problems: IssuerProblem[],
): Promise<Record<string, unknown>[] | undefined> {
  if (!URL.canParse(issuer) || !issuer.startsWith('https://')) {
    problems.push({
      kind: 'unreachable',
      sentence: `The issuer “${issuer}” is no https URL.`,
      fix: 'Correct `issuer_url` in the configuration of the trust service.',
    })
    return undefined
  }
  const location = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const discovery = await readDocument(reader, location, problems)
  if (!discovery) return undefined
  checkIssuer(discovery['issuer'], issuer, location, problems)
  checkForm(discovery, location, problems)
  const jwksUri = discovery['jwks_uri']
  if (typeof jwksUri !== 'string' || !jwksUri.startsWith('https://') || !URL.canParse(jwksUri)) {
    problems.push(malformed(location, 'has no `jwks_uri` that is an https URL'))
    return undefined
  }
  const document = await readDocument(reader, jwksUri, problems)
  if (!document) return undefined
  const { keys } = document
  if (!Array.isArray(keys)) {
    problems.push(malformed(jwksUri, 'has no list of `keys`'))
    return undefined
  }
  return keys.filter(
    (key): key is Record<string, unknown> => typeof key === 'object' && key !== null,
  )
}

async function readDocument(
  reader: Reader,
  url: string,
  problems: IssuerProblem[],
): Promise<Record<string, unknown> | undefined> {
  let answer: HttpAnswer
  try {
    answer = await get(reader, url)
  } catch (error) {
    if (!(error instanceof HttpError)) throw error
    problems.push({
      kind: 'unreachable',
      sentence: `${url} cannot be reached: ${messageOf(error)}.`,
      fix: error.isTrust
        ? 'Serve the issuer URL with a certificate of a public CA for this very host name, with its whole chain.'
        : 'Check DNS, firewall and web server of the issuer URL: the internet must be able to read it.',
    })
    return undefined
  }
  if (answer.status !== 200) {
    problems.push({
      kind: 'unreachable',
      sentence: `${url} answers ${answer.status} and not 200.`,
      fix: 'Serve the document there to everybody, without redirect or sign-in (`azure-storage-drone issuer check` looks at it from the service).',
    })
    return undefined
  }
  const json = parseObject(answer.body.toString('utf8'))
  if (!json) problems.push(malformed(url, 'is no JSON object'))
  return json
}

async function get(reader: Reader, url: string): Promise<HttpAnswer> {
  const { sendPublic, sendAlso } = reader.deps
  const origin = new URL(url)
  const request = {
    method: 'GET',
    origin,
    path: `${origin.pathname}${origin.search}`,
    headers: { accept: 'application/json' },
  } as const
  try {
    return await sendPublic(request)
  } catch (error) {
    if (!(error instanceof HttpError && error.isTrust && sendAlso)) throw error
    const answer = await sendAlso(request)
    reader.needsOwnCa = true
    return answer
  }
}

function checkIssuer(
  named: unknown,
  issuer: string,
  location: string,
  problems: IssuerProblem[],
): void {
  if (named === issuer) return
  const shown = typeof named === 'string' ? `“${toPlainLine(named)}”` : 'no issuer'
  const how = typeof named === 'string' ? `; they differ ${describeDifference(named, issuer)}` : ''
  problems.push({
    kind: 'issuer',
    sentence: `${location} names ${shown}, and the ID token is of “${issuer}”${how}.`,
    fix: 'Make the three the same, byte by byte: `issuer_url` of the service with the instance, `issuer` in the document, and the `issuer` of the federated credential.',
  })
}

function checkForm(
  discovery: Record<string, unknown>,
  location: string,
  problems: IssuerProblem[],
): void {
  if (discovery['authorization_endpoint'] === '') {
    problems.push(malformed(location, 'has an empty `authorization_endpoint`'))
  }
  for (const name of ['subject_types_supported', 'response_types_supported']) {
    const value = discovery[name]
    if (!Array.isArray(value) || value.length === 0) {
      problems.push(malformed(location, `has no values in \`${name}\``))
    }
  }
  const algorithms = discovery['id_token_signing_alg_values_supported']
  if (!Array.isArray(algorithms) || !algorithms.includes('RS256')) {
    problems.push({
      kind: 'algorithm',
      sentence: `${location} does not name RS256 among the algorithms of its signatures.`,
      fix: 'Put RS256 into `id_token_signing_alg_values_supported`: it is the one Entra is known to take.',
    })
  }
}

function checkKey(
  keys: readonly Record<string, unknown>[],
  { claims, value }: { claims: IdClaims; value: Secret },
  problems: IssuerProblem[],
): Pick<IssuerFacts, 'isKeyPublished' | 'isSignatureRight'> {
  const { keyId, algorithm, issuer } = claims
  if (algorithm !== 'RS256') {
    problems.push({
      kind: 'algorithm',
      sentence: `The ID token is signed with ${algorithm || 'no algorithm'}; Entra takes RS256.`,
      fix: 'Use an RSA key and RS256.',
    })
  }
  const key = keys.find(({ kid }) => kid === keyId)
  if (!key) {
    const others = keys.map(({ kid }) => toPlainLine(String(kid), 64)).join(', ')
    problems.push({
      kind: 'key absent',
      sentence: `The ID token is signed with the key ${keyId}, and ${issuer} publishes ${others ? `only ${others}` : 'no key'}.`,
      fix: 'Publish the keys of the service (`azure-storage-drone issuer publish`), and see that nothing in front keeps an old copy.',
    })
    return { isKeyPublished: false }
  }
  const isSignatureRight = fitsKey(value, key)
  if (!isSignatureRight) {
    problems.push({
      kind: 'key differs',
      sentence: `The key published as ${keyId} is another one than the one that signs.`,
      fix: 'Publish the key set of the service that signs (`azure-storage-drone issuer publish`): two services may be writing to one issuer URL, or a backup was restored.',
    })
  }
  return { isKeyPublished: true, isSignatureRight }
}

function fitsKey(token: Secret, key: Record<string, unknown>): boolean {
  const [header = '', payload = '', signature = ''] = token.reveal().split('.')
  const { kty, n, e } = key
  if (typeof kty !== 'string' || typeof n !== 'string' || typeof e !== 'string') return false
  try {
    return verify(
      'RSA-SHA256',
      Buffer.from(`${header}.${payload}`),
      createPublicKey({ key: { kty, n, e }, format: 'jwk' }),
      Buffer.from(signature, 'base64url'),
    )
  } catch {
    return false
  }
}

async function isPrivateHost({ findAddresses }: IssuerDeps, issuer: string): Promise<boolean> {
  if (!URL.canParse(issuer)) return false
  const addresses = await findAddresses(new URL(issuer).hostname.replaceAll(/[[\]]/g, ''))
  return addresses.length > 0 && addresses.every((address) => isPrivateAddress(address))
}

/** Whether an address is loopback, link-local or of a private network (RFC 1918, 4193, 6598). */
export function isPrivateAddress(address: string): boolean {
  const text = address.replace(/^::ffff:/i, '')
  return (
    /^(10|127)\.|^192\.168\.|^169\.254\.|^172\.(1[6-9]|2\d|3[01])\./.test(text) ||
    /^100\.(6[4-9]|[7-9]\d|1[01]\d|12[0-7])\./.test(text) ||
    /^(::1$|f[cd]|fe[89ab])/i.test(text)
  )
}

function malformed(url: string, what: string): IssuerProblem {
  return {
    kind: 'malformed',
    sentence: `${url} ${what}.`,
    fix: 'Publish the documents of the service as they are (`azure-storage-drone issuer publish`), or let the public door of the service answer at this URL.',
  }
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
