// Signing keys in one file of mode 0600 (RFC 7517 JWKs). The first start makes the first key.
import { open, readFile, stat } from 'node:fs/promises'

import {
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  SignJWT,
  type JWK,
} from 'jose'
import * as z from 'zod'

import { Fault, messageOf } from '../core/fault.ts'
import type { Signer } from './signer.ts'

const text = z.string().min(1)
const privateKeySchema = z.looseObject({
  kty: z.literal('RSA'),
  kid: text,
  n: text,
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

/** A signer over the key file, which is made when it does not exist; throws keys_unreadable. */
export async function openLocalSigner({ now }: { now: () => Date }, file: string): Promise<Signer> {
  const { key } = (await loadKeyFile({ now }, file)).keys[0] as KeyFile['keys'][number]
  const privateKey = await importJWK(key, 'RS256')
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

async function loadKeyFile({ now }: { now: () => Date }, file: string): Promise<KeyFile> {
  let content: string
  try {
    await refuseReadableByOthers(file)
    content = await readFile(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return createKeyFile({ now }, file)
    throw unreadable(file, messageOf(cause), cause)
  }
  try {
    const keyFile = keyFileSchema.parse(JSON.parse(content))
    for (const { key } of keyFile.keys) {
      if ((await calculateJwkThumbprint(key)) !== key.kid) throw new Error('kid is no thumbprint')
    }
    return keyFile
  } catch (cause) {
    // The parser's message may quote the file, so only the fact is told.
    throw unreadable(file, 'it is not a key file of this service', cause)
  }
}

async function createKeyFile({ now }: { now: () => Date }, file: string): Promise<KeyFile> {
  const pair = await generateKeyPair('RS256', { modulusLength: 2048, extractable: true })
  const jwk = await exportJWK(pair.privateKey)
  const kid = await calculateJwkThumbprint(jwk)
  const content: KeyFile = keyFileSchema.parse({
    version: 1,
    keys: [{ state: 'active', createdAt: now().toISOString(), key: { ...jwk, kid } }],
  })
  await writeSecretFile(file, JSON.stringify(content))
  return content
}

/** 32 random bytes in base64url kept in a file of mode 0600, made on first use; throws keys_unreadable. */
export async function openSecretFile(
  { randomBytes }: { randomBytes: (size: number) => Buffer },
  file: string,
): Promise<Buffer> {
  try {
    await refuseReadableByOthers(file)
    const bytes = Buffer.from((await readFile(file, 'utf8')).trim(), 'base64url')
    if (bytes.length === 32) return bytes
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw unreadable(file, messageOf(cause), cause)
    }
    const bytes = randomBytes(32)
    await writeSecretFile(file, bytes.toString('base64url'))
    return bytes
  }
  throw unreadable(file, 'it does not hold 32 bytes in base64url', undefined)
}

async function writeSecretFile(file: string, content: string): Promise<void> {
  try {
    // `wx`: two services that start at once must not overwrite each other's key.
    const handle = await open(file, 'wx', 0o600)
    await handle.writeFile(content)
    await handle.sync()
    await handle.close()
  } catch (cause) {
    throw unreadable(file, `it cannot be written: ${messageOf(cause)}`, cause)
  }
}

async function refuseReadableByOthers(file: string): Promise<void> {
  const { mode } = await stat(file)
  if ((mode & 0o077) !== 0) throw new Error('others may read it; it must have mode 0600')
}

function unreadable(file: string, why: string, cause: unknown): Fault {
  return new Fault('keys_unreadable', `The key file ${file} cannot be used: ${why}.`, { cause })
}
