// What the world reads at an issuer, and how it differs from what we sign with: one sentence for
// each difference (OpenID Connect Discovery 1.0; facts/federation.md §1.3 on what parties choke on).
import type { JWK } from 'jose'

import { messageOf } from '../core/fault.ts'
import type { Ring } from '../keys/ring.ts'
import { discoveryDocument, discoveryPath, jwksPath } from './discovery.ts'

/** Sends one request without following redirects; rejects when no whole answer came. */
export type Send = (request: {
  method: 'GET' | 'PUT'
  /** Scheme, host and port. */
  origin: URL
  path: string
  headers: Record<string, string>
  body?: Buffer
}) => Promise<{ status: number; headers: Record<string, string>; body: Buffer }>

/** One document as it was found. */
export type FoundDocument = {
  url: string
  /** Why there is none; empty when it was read. */
  trouble: string
  contentType: string
  cacheControl: string
  json: Record<string, unknown>
}

/** Both documents of one issuer as they were found. */
export type PublishedIssuer = { issuer: string; discovery: FoundDocument; keys: FoundDocument }

/** One difference: `unreachable` ones may pass, the others have to be put right. */
export type Difference = { kind: 'unreachable' | 'differs'; sentence: string }

/** What should be there. */
export type Expected = { keys: readonly JWK[]; ring: Ring }

// A longer one would keep a revoked key alive in caches, and keep a new one unknown.
const longestCacheSeconds = 3600

/** Reads both documents of an issuer; never rejects. */
export async function readPublished(
  { send }: { send: Send },
  issuer: string,
): Promise<PublishedIssuer> {
  const [discovery, keys] = await Promise.all([
    readDocument({ send }, `${issuer}${discoveryPath}`),
    readDocument({ send }, `${issuer}${jwksPath}`),
  ])
  return { issuer, discovery, keys }
}

/** The kids of ours that an issuer serves with the right key; undefined when nothing can be said. */
export function servedKids(expected: Expected, seen: PublishedIssuer): Set<string> | undefined {
  const found = keysOf(seen.keys)
  const isUsable = seen.discovery.trouble === '' && seen.discovery.json['issuer'] === seen.issuer
  if (!found || !isUsable) return undefined
  const ours = expected.keys.filter((key) => found.some((other) => isSameKey(key, other)))
  return new Set(ours.map((key) => key.kid ?? ''))
}

/** Every difference between what is served at an issuer and what should be. */
export function findDifferences(expected: Expected, seen: PublishedIssuer): Difference[] {
  const documents = [seen.discovery, seen.keys]
  return [
    ...documents.flatMap((document) => transportDifferences(document)),
    ...(seen.discovery.trouble === '' ? discoveryDifferences(seen) : []).map(differs),
    ...(seen.keys.trouble === '' ? keyDifferences(expected, seen) : []).map(differs),
  ]
}

async function readDocument({ send }: { send: Send }, url: string): Promise<FoundDocument> {
  const blank = { url, trouble: '', contentType: '', cacheControl: '', json: {} }
  const origin = new URL(url)
  try {
    const headers = { accept: 'application/json' }
    const { status, ...answer } = await send({
      method: 'GET',
      origin,
      path: origin.pathname,
      headers,
    })
    const found = {
      ...blank,
      contentType: answer.headers['content-type'] ?? '',
      cacheControl: answer.headers['cache-control'] ?? '',
    }
    if (status !== 200) return { ...found, trouble: `is answered with status ${status}` }
    const json = parseObject(answer.body.toString('utf8'))
    return json ? { ...found, json } : { ...found, trouble: 'is no JSON object' }
  } catch (error) {
    return { ...blank, trouble: `cannot be reached: ${messageOf(error)}` }
  }
}

function transportDifferences(document: FoundDocument): Difference[] {
  const { url, trouble, contentType, cacheControl } = document
  if (trouble !== '') return [{ kind: 'unreachable', sentence: `${url} ${trouble}.` }]
  const found: string[] = []
  const [type = ''] = contentType.split(';', 1)
  if (!['application/json', 'application/jwk-set+json'].includes(type.trim().toLowerCase())) {
    const said = contentType === '' ? 'no content type' : `the content type ${contentType}`
    found.push(`${url} is served with ${said}; it must be application/json.`)
  }
  const maxAge = Number(/(?:^|[\s,])max-age="?(\d+)/i.exec(cacheControl)?.[1] ?? 0)
  if (maxAge > longestCacheSeconds) {
    found.push(
      `${url} may be cached for ${maxAge} s; more than ${longestCacheSeconds} s keeps a revoked key alive.`,
    )
  }
  return found.map(differs)
}

function discoveryDifferences({ issuer, discovery }: PublishedIssuer): string[] {
  const { url, json } = discovery
  const wanted = discoveryDocument(issuer)
  const found: string[] = []
  const named = String(json['issuer'])
  if (named !== issuer && named.replace(/\/+$/, '') === issuer) {
    found.push(`${url} names the issuer ${named} with a trailing slash; tokens say ${issuer}.`)
  } else if (named !== issuer) {
    found.push(`${url} names another issuer, ${named}; tokens say ${issuer}.`)
  }
  if (json['jwks_uri'] !== wanted['jwks_uri']) {
    const said = String(json['jwks_uri'])
    found.push(`${url} sends readers to the keys at ${said}, not at ${String(wanted['jwks_uri'])}.`)
  }
  if (!holdsAll(json['id_token_signing_alg_values_supported'], ['RS256'])) {
    found.push(`${url} does not list RS256 in id_token_signing_alg_values_supported.`)
  }
  // Entra answers AADSTS501661 to either, which looks like a network error.
  if (!holdsAll(json['subject_types_supported'], ['public'])) {
    found.push(`${url} does not list public in subject_types_supported, which Entra insists on.`)
  }
  if (json['authorization_endpoint'] === '') {
    found.push(`${url} has an empty authorization_endpoint, which Entra refuses.`)
  }
  return found
}

function keyDifferences({ keys, ring }: Expected, { keys: document }: PublishedIssuer): string[] {
  const { url } = document
  const seen = keysOf(document)
  if (!seen) return [`${url} is no key set: it has no array of keys.`]
  const found = [...missingKeys(keys, ring, seen, url), ...staleKeys(keys, ring, seen, url)]
  const active = keys[0]?.kid ?? ''
  if (found.length === 0 && seen[0]?.kid !== active) {
    found.push(`${url} does not begin with the active key ${active}; some read no other.`)
  }
  return found
}

function missingKeys(ours: readonly JWK[], ring: Ring, seen: JWK[], url: string): string[] {
  return ours.flatMap((key) => {
    const { kid = '' } = key
    const other = seen.find((each) => each.kid === kid)
    if (!other) return [`${url} lacks the ${stateOf(ring, kid) ?? ''} key ${kid}.`]
    if (isSameKey(key, other)) return []
    return [`${url} has another key under the kid ${kid}: tokens will not verify.`]
  })
}

function staleKeys(ours: readonly JWK[], ring: Ring, seen: JWK[], url: string): string[] {
  return seen
    .filter(({ kid }) => !ours.some((key) => key.kid === kid))
    .map(({ kid }) => {
      const state = stateOf(ring, kid)
      const what = state ? `the ${state} key` : 'a key that is not ours,'
      return `${url} still has ${what} ${String(kid)}; whoever holds it can pass for any build.`
    })
}

function stateOf(ring: Ring, kid: string | undefined): string | undefined {
  return ring.find((key) => key.kid === kid)?.state
}

/** The keys of a key set that was read; undefined when it is none. */
export function keysOf(document: Pick<FoundDocument, 'trouble' | 'json'>): JWK[] | undefined {
  const { keys } = document.json
  const isSet = Array.isArray(keys) && keys.every((key) => typeof key === 'object' && key !== null)
  return document.trouble === '' && isSet ? (keys as JWK[]) : undefined
}

function isSameKey(one: JWK, other: JWK): boolean {
  return one.kid === other.kid && one.kty === other.kty && one.n === other.n && one.e === other.e
}

function holdsAll(list: unknown, wanted: readonly string[]): boolean {
  return Array.isArray(list) && wanted.every((each) => list.includes(each))
}

function differs(sentence: string): Difference {
  return { kind: 'differs', sentence }
}

/** A JSON object from a text; undefined when it is none. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const json: unknown = JSON.parse(text)
    const isObject = typeof json === 'object' && json !== null && !Array.isArray(json)
    return isObject ? (json as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
