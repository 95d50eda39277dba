// Reads a token issuer as Entra does: discovery document, then JWKS, over TLS (OpenID Connect
// Discovery 1.0 §4; facts/federation.md §1.3). Keys stay cached; an unknown key costs one refetch.
import { get } from 'node:https'

import type { JWK } from 'jose'

import type { LabAuthority } from './authority.ts'
import { EntraRefusal } from './entra-errors.ts'

const timeoutMs = 5_000
const maxDocumentBytes = 1024 * 1024
const maxKeys = 100

/** The published keys of token issuers; every failure to read an issuer is AADSTS501661. */
export type IssuerKeys = {
  find: (issuer: string, keyId: string) => Promise<JWK>
  forget: () => void
}

/** Makes the reader; it trusts certificates of the lab's authority and nothing else. */
export function createIssuerKeys({ authority }: { authority: LabAuthority }): IssuerKeys {
  const cache = new Map<string, JWK[]>()
  const refresh = async (issuer: string): Promise<JWK[]> => {
    const keys = await readIssuer(authority.caPem, issuer)
    cache.set(issuer, keys)
    return keys
  }
  return {
    async find(issuer, keyId) {
      const hasId = (key: JWK): boolean => key.kid === keyId
      const known = cache.get(issuer)?.find(hasId) ?? (await refresh(issuer)).find(hasId)
      if (known) return known
      throw new EntraRefusal(7000272, { issuer, keyId: spellKeyId(keyId) })
    },
    forget: () => cache.clear(),
  }
}

/** A `kid` as Entra prints it: the bytes it encodes, in upper-case hex. */
export function spellKeyId(keyId: string): string {
  return Buffer.from(keyId, 'base64url').toString('hex').toUpperCase()
}

async function readIssuer(ca: string, issuer: string): Promise<JWK[]> {
  try {
    // Discovery §4.1: a terminating slash is dropped before the well-known path is appended.
    const location = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
    const jwksUri = checkDocument(await fetchJson(ca, location), issuer)
    return readKeys(await fetchJson(ca, jwksUri))
  } catch (error) {
    // Entra's answer gives no detail, so neither does the lab's; the sign-in log has the cause.
    throw new EntraRefusal(501661, {}, error)
  }
}

function checkDocument(document: unknown, issuer: string): string {
  if (!isRecord(document)) throw new Error('the discovery document is no JSON object')
  if (document['issuer'] !== issuer) throw new Error('the discovery document has another issuer')
  if (document['authorization_endpoint'] === '') throw new Error('authorization_endpoint is empty')
  const subjectTypes = document['subject_types_supported']
  if (Array.isArray(subjectTypes) && subjectTypes.length === 0) {
    throw new Error('subject_types_supported is empty')
  }
  const jwksUri = document['jwks_uri']
  if (typeof jwksUri !== 'string') throw new Error('jwks_uri is missing')
  return jwksUri
}

function readKeys(document: unknown): JWK[] {
  const keys = isRecord(document) ? document['keys'] : undefined
  if (!Array.isArray(keys)) throw new Error('the JWKS has no keys')
  return keys.filter((key) => isKey(key)).slice(0, maxKeys)
}

function isKey(value: unknown): value is JWK {
  return isRecord(value) && typeof value['kty'] === 'string'
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

// node:https and not fetch: only this way can a request trust exactly one authority.
function fetchJson(ca: string, location: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(timeoutMs)
    const request = get(new URL(location), { ca, signal, agent: false }, (response) => {
      if (response.statusCode !== 200) {
        request.destroy(new Error(`answered ${response.statusCode}`))
        return
      }
      const chunks: Buffer[] = []
      let sizeBytes = 0
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk)
        sizeBytes += chunk.length
        if (sizeBytes > maxDocumentBytes) request.destroy(new Error('the document is too large'))
      })
      response.on('end', () => resolve(parseJson(Buffer.concat(chunks))))
      response.on('error', reject)
    })
    request.on('error', reject)
  })
}

function parseJson(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    return undefined
  }
}
