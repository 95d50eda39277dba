// The keys of the lab's Key Vault: versions with an enabled flag and tags, and what may be done with
// them. Private keys never leave this file (Key Vault REST, "Keys").
import { constants, createHash, generateKeyPair, privateEncrypt, randomUUID } from 'node:crypto'
import type { JsonWebKey, KeyObject } from 'node:crypto'
import { promisify } from 'node:util'

import { ControlRefusal, isObject, textOf } from './control/server.ts'

const makePair = promisify(generateKeyPair)

/** One version of a key. */
export type VaultVersion = {
  name: string
  version: string
  enabled: boolean
  createdAt: Date
  updatedAt: Date
  tags: Readonly<Record<string, string>>
  publicKey: JsonWebKey
  sign: (digest: Buffer) => Buffer
}

/** All versions of all keys, oldest first. */
export type VaultKeys = { versions: VaultVersion[] }

/** Makes a version as a `create` asks for it; only RSA keys for signing are known here. */
export async function createVersion(
  keys: VaultKeys,
  name: string,
  body: Readonly<Record<string, unknown>>,
  at: Date,
): Promise<VaultVersion> {
  const size = body['key_size'] ?? 2048
  if (body['kty'] !== 'RSA' || ![2048, 3072, 4096].includes(Number(size))) {
    throw badParameter('Property has invalid value: kty or key_size')
  }
  if (!/^[0-9a-zA-Z-]{1,127}$/.test(name)) throw badParameter(`The key name ${name} is invalid`)
  const { publicKey, privateKey } = await makePair('rsa', { modulusLength: Number(size) })
  const made: VaultVersion = {
    name,
    version: randomUUID().replaceAll('-', ''),
    enabled: readEnabled(body) ?? true,
    createdAt: at,
    updatedAt: at,
    tags: readTags(body) ?? {},
    publicKey: publicKey.export({ format: 'jwk' }),
    sign: (digest) => signDigest(privateKey, digest),
  }
  keys.versions.push(made)
  return made
}

/** A version, the newest when none is named; KeyNotFound (404) without one. */
export function findVersion(keys: VaultKeys, name: string, version: string): VaultVersion {
  const found = keys.versions.findLast(
    (each) => each.name === name && (version === '' || each.version === version),
  )
  if (found) return found
  const message = `A key with (name/id) ${[name, version].filter(Boolean).join('/')} was not found in this key vault.`
  throw new ControlRefusal(404, 'KeyNotFound', message)
}

/** Changes what an update may change. */
export function updateVersion(
  version: VaultVersion,
  body: Readonly<Record<string, unknown>>,
  at: Date,
): void {
  version.enabled = readEnabled(body) ?? version.enabled
  version.tags = readTags(body) ?? version.tags
  version.updatedAt = at
}

/** Signs a SHA-256 digest by RS256; a disabled version refuses. */
export function signWith(version: VaultVersion, body: Readonly<Record<string, unknown>>): Buffer {
  if (!version.enabled) {
    const message = 'Operation sign is not allowed on a disabled key.'
    throw new ControlRefusal(403, 'Forbidden/KeyDisabled', message)
  }
  if (body['alg'] !== 'RS256') throw badParameter('Property has invalid value: alg')
  const digest = Buffer.from(textOf(body['value']), 'base64url')
  if (digest.length !== createHash('sha256').digest().length) {
    throw badParameter('Invalid length of value: a digest of 32 bytes is expected')
  }
  return version.sign(digest)
}

function badParameter(message: string): ControlRefusal {
  return new ControlRefusal(400, 'BadParameter', message)
}

// DigestInfo of RFC 8017 §9.2 for SHA-256; the caller hashes, so node must not do it again.
const digestInfo = Buffer.from('3031300d060960864801650304020105000420', 'hex')

function signDigest(key: KeyObject, digest: Buffer): Buffer {
  const padding = constants.RSA_PKCS1_PADDING
  return privateEncrypt({ key, padding }, Buffer.concat([digestInfo, digest]))
}

function readEnabled({ attributes }: Readonly<Record<string, unknown>>): boolean | undefined {
  const enabled = isObject(attributes) ? attributes['enabled'] : undefined
  return typeof enabled === 'boolean' ? enabled : undefined
}

function readTags({ tags }: Readonly<Record<string, unknown>>): Record<string, string> | undefined {
  if (!isObject(tags)) return undefined
  return Object.fromEntries(Object.entries(tags).map(([name, value]) => [name, textOf(value)]))
}
