// Where an image comes from: an in-toto statement with SLSA's provenance v1 predicate, as it stands or
// in a DSSE envelope signed by a key.
import { createHash, createPublicKey, sign, type KeyObject } from 'node:crypto'

/** What a statement says. */
export type Origin = {
  name: string
  /** The image's manifest, `sha256:…`. */
  digest: string
  kind: string
  version: string
  architecture: string
  epochSeconds: number
  commit: string
  /** Whether files differ from the commit. */
  isModified: boolean
  /** Everything else that went in, by name: digests without `sha256:`. */
  materials: readonly { name: string; sha256: string }[]
}

const payloadType = 'application/vnd.in-toto+json'

/** The statement about an image. */
export function writeProvenance(origin: Origin): Record<string, unknown> {
  const { kind, version, architecture, epochSeconds, commit, isModified } = origin
  return {
    _type: 'https://in-toto.io/Statement/v1',
    subject: [{ name: origin.name, digest: { sha256: origin.digest.replace('sha256:', '') } }],
    predicateType: 'https://slsa.dev/provenance/v1',
    predicate: {
      buildDefinition: {
        buildType: 'urn:azure-storage-drone:image:v1',
        externalParameters: { image: kind },
        internalParameters: { version, architecture, SOURCE_DATE_EPOCH: epochSeconds, isModified },
        resolvedDependencies: [
          { name: 'source', digest: { gitCommit: commit } },
          ...origin.materials.map(({ name, sha256 }) => ({ name, digest: { sha256 } })),
        ],
      },
      runDetails: {
        builder: { id: 'urn:azure-storage-drone:image-writer', version: { node: process.version } },
      },
    },
  }
}

/** The statement in a DSSE envelope (v1); the key is Ed25519, or one that signs over SHA-256. */
export function signStatement(statement: unknown, key: KeyObject): Record<string, unknown> {
  const payload = Buffer.from(JSON.stringify(statement))
  const algorithm = key.asymmetricKeyType === 'ed25519' ? null : 'sha256'
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' })
  return {
    payloadType,
    payload: payload.toString('base64'),
    signatures: [
      {
        keyid: createHash('sha256').update(spki).digest('hex'),
        sig: sign(algorithm, preAuthenticate(payload), key).toString('base64'),
      },
    ],
  }
}

/** What is really signed (DSSE's PAE): type and payload with their lengths in bytes. */
export function preAuthenticate(payload: Buffer): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(payloadType)} ${payloadType} ${payload.length} `
  return Buffer.concat([Buffer.from(head), payload])
}
