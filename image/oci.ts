// An image as one tar: an OCI layout (image-spec 1.1) with the manifest.json that `docker load` reads.
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'

import type { ImageConfig } from './dockerfile.ts'
import { file, writeTar } from './tree.ts'

/** What an image is made of; layers are tars, lowest first. */
export type ImageParts = {
  layers: readonly { name: string; tar: Buffer }[]
  config: ImageConfig
  /** `repository:tag` for `docker load`. */
  reference: string
  architecture: 'amd64' | 'arm64'
  madeAt: Date
}

/** The tar, what registries would call the image, and how many bytes they would send. */
export type Image = {
  tar: Buffer
  manifestDigest: string
  configDigest: string
  compressedBytes: number
}

type Blob = { digest: string; size: number; body: Buffer }

/** Puts an image together; the same parts give the same bytes. */
export async function packImage(parts: ImageParts): Promise<Image> {
  const { config, reference, architecture, madeAt } = parts
  const created = `${madeAt.toISOString().slice(0, 19)}Z`
  const layers = parts.layers.map(({ tar }) => toBlob(gzipSync(tar, { level: 9 })))
  const configBlob = toJsonBlob({
    created,
    architecture,
    os: 'linux',
    config,
    rootfs: { type: 'layers', diff_ids: parts.layers.map(({ tar }) => sha256(tar)) },
    history: parts.layers.map(({ name }) => ({ created, created_by: `ADD ${name} /` })),
  })
  const manifest = toJsonBlob({
    schemaVersion: 2,
    mediaType: `${oci}.manifest.v1+json`,
    config: describe(configBlob, `${oci}.config.v1+json`),
    layers: layers.map((layer) => describe(layer, `${oci}.layer.v1.tar+gzip`)),
  })
  const index = {
    schemaVersion: 2,
    mediaType: `${oci}.index.v1+json`,
    manifests: [
      {
        ...describe(manifest, `${oci}.manifest.v1+json`),
        platform: { architecture, os: 'linux' },
        annotations: {
          'io.containerd.image.name': reference,
          'org.opencontainers.image.ref.name': reference.slice(reference.lastIndexOf(':') + 1),
        },
      },
    ],
  }
  const forDocker = [
    { Config: pathOf(configBlob), RepoTags: [reference], Layers: layers.map(pathOf) },
  ]
  const entries = [
    file('oci-layout', JSON.stringify({ imageLayoutVersion: '1.0.0' })),
    file('index.json', JSON.stringify(index)),
    file('manifest.json', JSON.stringify(forDocker)),
    ...[configBlob, manifest, ...layers].map((blob) => file(pathOf(blob), blob.body)),
  ]
  return {
    tar: await writeTar(entries, madeAt),
    manifestDigest: manifest.digest,
    configDigest: configBlob.digest,
    compressedBytes: [configBlob, manifest, ...layers].reduce((sum, { size }) => sum + size, 0),
  }
}

const oci = 'application/vnd.oci.image'

/** A digest as registries write it: `sha256:` and 64 hex digits. */
export function sha256(body: Buffer): string {
  return `sha256:${createHash('sha256').update(body).digest('hex')}`
}

function toBlob(body: Buffer): Blob {
  return { digest: sha256(body), size: body.length, body }
}

function toJsonBlob(value: unknown): Blob {
  return toBlob(Buffer.from(JSON.stringify(value)))
}

function describe({ digest, size }: Blob, mediaType: string): Record<string, unknown> {
  return { mediaType, digest, size }
}

function pathOf({ digest }: Blob): string {
  return `blobs/${digest.replace(':', '/')}`
}
