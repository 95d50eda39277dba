// What the key file says (RFC 7517 JWKs): version 2 holds the whole ring, private keys in clear or
// sealed; version 1 held one active key and is read as a ring of one.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  sign as signBytes,
  X509Certificate,
} from 'node:crypto'

import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'
import * as z from 'zod'

import type { Secret } from '../core/secret.ts'
import { unusable } from './private-file.ts'
import type { Ring, RingKey } from './ring.ts'
import { createSealer, openSealer, type Sealer, type SealHeader } from './seal.ts'

const text = z.string().min(1)
const moment = z.iso.datetime().transform((written) => new Date(written))
// 2048 bits are 342 characters of base64url; relying parties refuse less.
const publicFields = { kty: z.literal('RSA'), kid: text, n: z.string().min(342), e: text }
const privateFields = { d: text, p: text, q: text, dp: text, dq: text, qi: text }
const publicSchema = z.strictObject(publicFields)
const privateSchema = z.strictObject(privateFields)

const firstVersion = z.strictObject({
  version: z.literal(1),
  keys: z
    .array(
      z.strictObject({
        state: z.literal('active'),
        createdAt: moment,
        key: z.object({ ...publicFields, ...privateFields }),
      }),
    )
    .length(1),
})

const secondVersion = z.strictObject({
  version: z.literal(2),
  encryption: z
    .strictObject({
      kdf: z.literal('HKDF-SHA-256'),
      cipher: z.literal('AES-256-GCM'),
      salt: text,
      check: text,
    })
    .optional(),
  keys: z
    .array(
      z.strictObject({
        state: z.enum(['next', 'active', 'retired', 'revoked', 'removed']),
        createdAt: moment,
        servedSince: moment.optional(),
        lastServedAt: moment.optional(),
        activatedAt: moment.optional(),
        retiredAt: moment.optional(),
        endedAt: moment.optional(),
        key: publicSchema,
        certificate: text.optional(),
        private: privateSchema.optional(),
        sealed: text.optional(),
      }),
    )
    .min(1),
})

type PublicPart = z.output<typeof publicSchema>
type PrivatePart = z.output<typeof privateSchema>
type FileEntry = z.output<typeof secondVersion>['keys'][number]

/** The halves of one key. Only keys that sign, or will, still have their private one. */
export type KeyPair = {
  public: PublicPart
  private?: PrivatePart
  /** DER in base64; absent only for keys that were retired before there were certificates. */
  certificate?: string
}

/** The ring with its keys, as read from a file. */
export type KeyFile = { ring: Ring; pairs: ReadonlyMap<string, KeyPair>; isSealed: boolean }

/** A fresh RSA key of 2048 bits with its certificate; its kid is its RFC 7638 thumbprint. */
export async function generateKey(createdAt: Date): Promise<KeyPair> {
  const { privateKey } = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true })
  const jwk = await exportJWK(privateKey)
  const kid = await calculateJwkThumbprint(jwk)
  const { kty, n, e, d, p, q, dp, dq, qi } = jwk
  const pair = {
    public: publicSchema.parse({ kty, kid, n, e }),
    private: privateSchema.parse({ d, p, q, dp, dq, qi }),
  }
  return certify(pair, createdAt)
}

/** The public half as it is published (RFC 7517 §4.7, §4.9). */
export function toPublicJwk({ public: { kid, n, e }, certificate }: KeyPair): JWK {
  const jwk = { kty: 'RSA', use: 'sig', alg: 'RS256', kid, n, e }
  if (certificate === undefined) return jwk
  const thumbprint = createHash('sha256').update(Buffer.from(certificate, 'base64'))
  return { ...jwk, x5c: [certificate], 'x5t#S256': thumbprint.digest('base64url') }
}

/** Reads a key file; throws keys_unreadable without quoting a word of it. */
export async function parseKeyFile(
  file: string,
  content: string,
  encryptionKey: Secret | undefined,
): Promise<KeyFile> {
  const read = readJson(content)
  if (!read) throw unusable(file, 'it is not a key file of this service')
  const sealer = read.encryption && findSealer(file, read.encryption, encryptionKey)
  const pairs = new Map<string, KeyPair>()
  for (const entry of read.keys) pairs.set(entry.key.kid, openPair(file, entry, sealer))
  const isSound = await Promise.all([...pairs.values()].map((pair) => isWhole(pair)))
  if (isSound.includes(false) || !isRing(read.keys) || pairs.size !== read.keys.length) {
    throw unusable(file, 'it is not a key file of this service')
  }
  const ring = read.keys.map((entry) => toRingKey(entry))
  for (const { kid, createdAt } of ring) {
    const pair = pairs.get(kid)
    if (pair) pairs.set(kid, await certify(pair, createdAt))
  }
  return { ring, pairs, isSealed: sealer !== undefined }
}

/** The text of a key file, version 2; sealed when there is a key-encryption key. */
export function formatKeyFile(
  ring: Ring,
  pairs: ReadonlyMap<string, KeyPair>,
  encryptionKey: Secret | undefined,
): string {
  const sealer = encryptionKey && createSealer(encryptionKey)
  const keys = ring.map(({ kid, ...rest }) => {
    const pair = pairs.get(kid)
    if (!pair) throw new Error(`the ring names a key that is not there: ${kid}`)
    const isNeeded = rest.state === 'active' || rest.state === 'next'
    const secret = isNeeded && pair.private ? pair.private : undefined
    return {
      ...rest,
      key: pair.public,
      ...(pair.certificate !== undefined && { certificate: pair.certificate }),
      ...(secret && !sealer && { private: secret }),
      ...(secret &&
        sealer && { sealed: sealer.seal(JSON.stringify(secret), { kid, state: rest.state }) }),
    }
  })
  const encryption = sealer && { encryption: sealer.header }
  return `${JSON.stringify({ version: 2, ...encryption, keys }, undefined, 1)}\n`
}

// Undefined instead of the parser's error, whose message may quote the file.
function readJson(
  content: string,
): { encryption?: SealHeader | undefined; keys: FileEntry[] } | undefined {
  try {
    const json: unknown = JSON.parse(content)
    const first = firstVersion.safeParse(json)
    if (!first.success) return secondVersion.parse(json)
    return {
      keys: first.data.keys.map(({ state, createdAt, key }) => {
        const { kty, kid, n, e, ...secret } = key
        const entry = { state, createdAt, activatedAt: createdAt }
        return { ...entry, key: { kty, kid, n, e }, private: secret }
      }),
    }
  } catch {
    return undefined
  }
}

const encryptionHint =
  'Configure the key-encryption key that the file was written with; without it only a backup in clear can help.'

function findSealer(file: string, header: SealHeader, encryptionKey: Secret | undefined): Sealer {
  if (!encryptionKey) {
    const why = 'it is encrypted, and no key-encryption key is configured'
    throw unusable(file, why, undefined, encryptionHint)
  }
  const sealer = openSealer(encryptionKey, header)
  if (sealer) return sealer
  const why = 'it is encrypted with another key-encryption key than the configured one'
  throw unusable(file, why, undefined, encryptionHint)
}

function openPair(file: string, entry: FileEntry, sealer: Sealer | undefined): KeyPair {
  const { key, state, private: inClear, sealed, certificate } = entry
  const known = { public: key, ...(certificate !== undefined && { certificate }) }
  if (sealed === undefined) return { ...known, ...(inClear && { private: inClear }) }
  const opened = inClear ? undefined : sealer?.open(sealed, { kid: key.kid, state })
  if (opened !== undefined) return { ...known, private: privateSchema.parse(JSON.parse(opened)) }
  throw unusable(
    file,
    `its key ${key.kid} was altered, or is not the ${state} key it is said to be`,
  )
}

// Files of before there were certificates have none; it is the same one whoever makes it.
async function certify(pair: KeyPair, createdAt: Date): Promise<KeyPair> {
  if (pair.certificate !== undefined || !pair.private) return pair
  // Only when it is needed: what makes certificates takes longer to load than all else of a start.
  const { makeCertificate } = await import('./certificate.ts')
  const key = createPrivateKey({ key: { ...pair.public, ...pair.private }, format: 'jwk' })
  const sign = async (input: Buffer) => signBytes('sha256', input, key)
  return { ...pair, certificate: await makeCertificate(pair.public, createdAt, sign) }
}

async function isWhole({ public: key, private: secret, certificate }: KeyPair): Promise<boolean> {
  if ((await calculateJwkThumbprint(key)) !== key.kid) return false
  if (certificate !== undefined && !isCertificateOf(key, certificate)) return false
  if (!secret) return true
  return importJWK({ ...key, ...secret }, 'RS256').then(
    () => true,
    () => false,
  )
}

function isCertificateOf(key: PublicPart, certificate: string): boolean {
  try {
    const { publicKey } = new X509Certificate(Buffer.from(certificate, 'base64'))
    return publicKey.equals(createPublicKey({ key, format: 'jwk' }))
  } catch {
    return false
  }
}

function isRing(keys: readonly FileEntry[]): boolean {
  const count = (state: FileEntry['state']) => keys.filter((key) => key.state === state).length
  return (
    count('active') === 1 &&
    count('next') <= 1 &&
    keys.every(({ state, private: inClear, sealed }) => {
      const isNeeded = state === 'active' || state === 'next'
      return isNeeded === ((inClear ?? sealed) !== undefined)
    })
  )
}

function toRingKey({ key, ...entry }: FileEntry): RingKey {
  const moments = Object.entries(entry).filter(([, value]) => value instanceof Date)
  const known = Object.fromEntries(moments) as Pick<RingKey, 'createdAt'>
  return { kid: key.kid, state: entry.state, ...known }
}
