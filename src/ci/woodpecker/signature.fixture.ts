// A request of a Woodpecker server for tests, signed by implementations of RFC 9421 nobody here wrote.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
} from 'node:crypto'

import { createSignatureSync } from 'http-message-sig'
import { httpbis } from 'http-message-signatures'

import { pinKey } from './public-key.ts'
import { signatureBase, type SignedHead } from './signature.ts'

/** The moment the requests are made and checked at. */
export const now = new Date('2026-11-23T12:03:03Z')

/** The same in seconds since 1970. */
export const createdSeconds = now.getTime() / 1000

/** Where the requests go. */
export const target = '/main/woodpecker/secrets?v=1'

/** A server's key pair and one of somebody else. */
export const [serverKeys, otherKeys] = [
  generateKeyPairSync('ed25519'),
  generateKeyPairSync('ed25519'),
]

/** Checks with the server's key at the moment of the request. */
export const deps = { now: () => now, keys: pinKey(serverKeys.publicKey) }

/** Makes the two signature headers over the target and the digest header. */
export type Implementation = (digest: string, created?: number) => Promise<Record<string, string>>

/** `http-message-sig` of Cloudflare. */
export const signWithCloudflare: Implementation = (digest, created = createdSeconds) => {
  const { signature, signatureInput } = createSignatureSync(
    {
      kind: 'request',
      method: 'POST',
      targetUri: `https://asd.example${target}`,
      requestTarget: target,
      fields: [{ name: 'content-digest', value: digest }],
    },
    {
      label: 'woodpecker-ci-extensions',
      components: ['@request-target', 'content-digest'],
      parameters: { created, alg: 'ed25519' },
      signer: {
        algorithm: 'ed25519',
        sign: (data) => sign(undefined, data, serverKeys.privateKey),
      },
    },
  )
  return Promise.resolve({ signature, 'signature-input': signatureInput })
}

/** `http-message-signatures` of D. Hensby. */
export const signWithHensby: Implementation = async (digest, created = createdSeconds) => {
  const { headers } = await httpbis.signMessage(
    {
      name: 'woodpecker-ci-extensions',
      fields: ['@request-target', 'content-digest'],
      params: ['created', 'alg'],
      paramValues: { created: new Date(created * 1000) },
      key: {
        alg: 'ed25519',
        sign: (data) => Promise.resolve(sign(undefined, data, serverKeys.privateKey)),
      },
    },
    {
      method: 'POST',
      url: `https://asd.example${target}`,
      headers: { 'content-digest': digest },
    },
  )
  const names = Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])
  return Object.fromEntries(names) as Record<string, string>
}

/** The head of a request with these headers. */
export function headOf(headers: Record<string, string>): SignedHead {
  return { target, headers: new Map(Object.entries(headers)) }
}

/** RFC 9421 B.1.4: its key pair. */
export const rfcKeys = {
  publicKey: createPublicKey(
    '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAJrQLj5P/89iXES9+vFgrIy29clF9CC/oPPsw3c5D0bs=\n-----END PUBLIC KEY-----',
  ),
  privateKey: createPrivateKey(
    '-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF\n-----END PRIVATE KEY-----',
  ),
}

/** A body that Go wrote. */
export const body = Buffer.from('{"repo":{"id":1},"pipeline":{"message":"a \\u003cb\\u003e"}}\n')

/** The digest header of the body. */
export const digest = `sha-256=:${createHash('sha256').update(body).digest('base64')}:`

/** The name of Woodpecker's signature. */
export const label = 'woodpecker-ci-extensions'

/** The components it covers. */
export const covered = '("@request-target" "content-digest")'

/** Components and parameters as Woodpecker sends them. */
export const usual = `${covered};created=${createdSeconds};alg="ed25519"`

/** The headers of a signed request. */
export type Headers = Record<'content-digest' | 'signature-input' | 'signature', string>

/** Signed correctly with the server's key, whatever it says: only our rules can refuse it. */
export function signedBy(
  parameters: string,
  {
    lines = [
      ['@request-target', target],
      ['content-digest', digest],
    ],
    name = label,
    key = serverKeys.privateKey,
    contentDigest = digest,
  }: {
    lines?: [string, string][]
    name?: string
    key?: typeof serverKeys.privateKey
    contentDigest?: string
  } = {},
): Headers {
  const base = signatureBase(lines, parameters)
  const signature = sign(undefined, Buffer.from(base), key).toString('base64')
  return {
    'content-digest': contentDigest,
    'signature-input': `${name}=${parameters}`,
    signature: `${name}=:${signature}:`,
  }
}

/** A request as the server signs it. */
export const good = signedBy(usual)
