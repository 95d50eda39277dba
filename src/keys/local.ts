// Signing keys in one file of mode 0600 (RFC 7517 JWKs). The first start makes the first key.
import { randomUUID } from 'node:crypto'
import { link, open, readFile, rm, stat } from 'node:fs/promises'

import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  SignJWT,
  type CryptoKey,
  type JWK,
} from 'jose'
import * as z from 'zod'

import { Fault, messageOf } from '../core/fault.ts'
import type { Signer } from './signer.ts'

const text = z.string().min(1)
// 2048 bits are 342 characters of base64url; relying parties refuse less.
const modulus = z.string().min(342)
const privateKeySchema = z.looseObject({
  kty: z.literal('RSA'),
  kid: text,
  n: modulus,
  e: text,
  d: text,
})
const keyFileSchema = z.strictObject({
  version: z.literal(1),
  keys: z
    .array(z.strictObject({ state: z.literal('active'), createdAt: text, key: privateKeySchema }))
    .length(1),
})

type KeyFile = z.output<typeof keyFileSchema>
type LocalKey = { key: z.output<typeof privateKeySchema>; privateKey: CryptoKey }

/** A signer over the key file, which is made when it does not exist; throws keys_unreadable. */
export async function openLocalSigner({ now }: { now: () => Date }, file: string): Promise<Signer> {
  const { key, privateKey } = await loadKey({ now }, file)
  const { kid, n, e } = key
  const publicKey: JWK = { kty: 'RSA', use: 'sig', alg: 'RS256', kid, n, e }
  return {
    sign: (claims) =>
      new SignJWT({ ...claims })
        .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid })
        .sign(privateKey),
    publicKeys: () => [publicKey],
  }
}

async function loadKey(
  { now }: { now: () => Date },
  file: string,
  isMade = false,
): Promise<LocalKey> {
  let content: string
  try {
    await refuseReadableByOthers(file)
    content = await readFile(file, 'utf8')
  } catch (cause) {
    if (isMade || !isAbsence(cause)) throw unreadable(file, messageOf(cause), cause)
    await createKeyFile({ now }, file)
    return loadKey({ now }, file, true)
  }
  try {
    const [{ key }] = keyFileSchema.parse(JSON.parse(content)).keys as [KeyFile['keys'][number]]
    if ((await calculateJwkThumbprint(key)) !== key.kid) throw new Error('kid is no thumbprint')
    return { key, privateKey: await importJWK(key, 'RS256') }
  } catch {
    // No cause, and only the fact is told: the parser's message may quote the file.
    throw unreadable(file, 'it is not a key file of this service')
  }
}

async function createKeyFile({ now }: { now: () => Date }, file: string): Promise<void> {
  const pair = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true })
  const jwk = await exportJWK(pair.privateKey)
  const kid = await calculateJwkThumbprint(jwk)
  const content: KeyFile = keyFileSchema.parse({
    version: 1,
    keys: [{ state: 'active', createdAt: now().toISOString(), key: { ...jwk, kid } }],
  })
  await writeSecretFile(file, JSON.stringify(content))
}

/** 32 random bytes in base64url kept in a file of mode 0600, made on first use; throws keys_unreadable. */
export async function openSecretFile(
  { randomBytes }: { randomBytes: (size: number) => Buffer },
  file: string,
  isMade = false,
): Promise<Buffer> {
  try {
    await refuseReadableByOthers(file)
    const bytes = Buffer.from((await readFile(file, 'utf8')).trim(), 'base64url')
    if (bytes.length === 32) return bytes
  } catch (cause) {
    if (isMade || !isAbsence(cause)) throw unreadable(file, messageOf(cause), cause)
    await writeSecretFile(file, randomBytes(32).toString('base64url'))
    return openSecretFile({ randomBytes }, file, true)
  }
  throw unreadable(file, 'it does not hold 32 bytes in base64url')
}

// Written aside and then linked: the file is there whole or not at all, and of two services that
// start at once the first one's key stays and is the other's too.
async function writeSecretFile(file: string, content: string): Promise<void> {
  const draft = `${file}.${randomUUID()}.new`
  try {
    const handle = await open(draft, 'wx', 0o600)
    try {
      await handle.writeFile(content)
      await handle.sync()
    } finally {
      await handle.close()
    }
    await link(draft, file)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return
    throw unreadable(file, `it cannot be written: ${messageOf(cause)}`, cause)
  } finally {
    await rm(draft, { force: true })
  }
}

function isAbsence(cause: unknown): boolean {
  return (cause as NodeJS.ErrnoException).code === 'ENOENT'
}

async function refuseReadableByOthers(file: string): Promise<void> {
  const { mode } = await stat(file)
  if ((mode & 0o077) !== 0) throw new Error('others may read it; it must have mode 0600')
}

function unreadable(file: string, why: string, cause?: unknown): Fault {
  return new Fault('keys_unreadable', `The key file ${file} cannot be used: ${why}.`, { cause })
}
