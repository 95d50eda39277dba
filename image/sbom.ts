// What is in an image, as CycloneDX 1.6: the npm packages whose code is in the bundle (esbuild's metafile
// says so), Node, and the Debian packages whose files are inside.
import { createHash } from 'node:crypto'

import type { DebianPackage } from './debian.ts'

/** An npm package as the lock file and its own package.json know it. */
export type NpmPackage = { name: string; version: string; license?: string; integrity?: string }

/** What the list is about. */
export type SbomSubject = { name: string; version: string; digest: string; madeAt: Date }

/** Folders of the npm packages whose code a bundle holds, `node_modules/…`, sorted. */
export function findBundled(metafile: {
  outputs: Record<string, { inputs: Record<string, unknown> }>
}): string[] {
  const inputs = Object.values(metafile.outputs).flatMap((output) => Object.keys(output.inputs))
  const folders = inputs.flatMap(
    (path) => /^(?:\w[\w-]*:)?(.*node_modules\/(?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ?? [],
  )
  return [...new Set(folders)].toSorted()
}

/** The document; its serial number follows from the image's digest. */
export function writeSbom(
  subject: SbomSubject,
  contents: { npm: readonly NpmPackage[]; debian: readonly DebianPackage[] },
): Record<string, unknown> {
  const { name, version, digest, madeAt } = subject
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${toUuid(digest)}`,
    version: 1,
    metadata: {
      timestamp: madeAt.toISOString(),
      component: {
        type: 'container',
        'bom-ref': digest,
        name,
        version,
        hashes: [{ alg: 'SHA-256', content: digest.replace('sha256:', '') }],
      },
    },
    components: [...contents.npm.map(fromNpm), ...contents.debian.map(fromDebian)],
  }
}

function fromNpm({ name, version, license, integrity }: NpmPackage): Record<string, unknown> {
  const purl = `pkg:npm/${name.replace('@', '%40')}@${version}`
  const [, sha512] = /^sha512-(.+)$/.exec(integrity ?? '') ?? []
  return {
    type: name.startsWith('node-linux-') ? 'application' : 'library',
    'bom-ref': purl,
    name,
    version,
    purl,
    ...(license !== undefined && { licenses: [{ expression: license }] }),
    ...(sha512 !== undefined && {
      hashes: [{ alg: 'SHA-512', content: Buffer.from(sha512, 'base64').toString('hex') }],
    }),
  }
}

function fromDebian({ name, version, architecture }: DebianPackage): Record<string, unknown> {
  const purl = `pkg:deb/debian/${encodeURIComponent(name)}@${encodeURIComponent(version)}?arch=${architecture}`
  return { type: 'library', 'bom-ref': purl, name, version, purl }
}

// RFC 9562 §5.8: a UUID whose bits are ours to choose.
function toUuid(text: string): string {
  const bytes = createHash('sha256').update(text).digest().subarray(0, 16)
  bytes[6] = (bytes.readUInt8(6) & 0x0f) | 0x80
  bytes[8] = (bytes.readUInt8(8) & 0x3f) | 0x80
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}
