// The root file systems of the images: what all of them stand on, and what each adds.
import { copyFileSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'

import { makeCodeCache } from './code-cache.ts'
import { collectCertificates, collectLibraries, run, type DebianPackage } from './debian.ts'
import { file, folder, type Entry } from './tree.ts'

/** The user the service runs as, and its group; no other user is known. */
export const serviceUser = 65_532

/** The lowest layer, and where it comes from. */
export type Base = { entries: Entry[]; packages: DebianPackage[] }

/** What one image adds to the base. */
export type ImageKind = 'plugin' | 'service'

const users = `root:x:0:0:root:/:/nonexistent
nonroot:x:${serviceUser}:${serviceUser}:nonroot:/:/nonexistent
`
const groups = `root:x:0:
nonroot:x:${serviceUser}:
`

/** Node without its symbols, the libraries it asks for, certificates, and the few files that libc reads. */
export function collectBase({ nodeFolder }: { nodeFolder: string }): Base {
  const node = join(nodeFolder, 'bin/node')
  const libraries = collectLibraries(node)
  const certificates = collectCertificates()
  return {
    entries: [
      folder('tmp', 0o1777),
      file('usr/bin/node', stripSymbols(node), 0o755),
      file('usr/share/doc/nodejs/LICENSE', readFileSync(join(nodeFolder, 'LICENSE'))),
      file('etc/passwd', users),
      file('etc/group', groups),
      // Names that a container is started with come before those that DNS knows.
      file('etc/nsswitch.conf', 'hosts: files dns\n'),
      ...libraries.entries,
      ...certificates.entries,
    ],
    packages: [...libraries.packages, ...certificates.packages],
  }
}

/** What this image adds: bundles from `dist`, our licence, and the folder that the service keeps its state in. */
export function collectImage(
  kind: ImageKind,
  { dist, node, license }: { dist: string; node: string; license: Buffer },
): Entry[] {
  const doc = file('usr/share/doc/azure-storage-drone/LICENSE', license)
  const app = (path: string) => file(`app/${basename(path)}`, readFileSync(path))
  if (kind === 'plugin') {
    const door = app(join(dist, 'plugin.mjs'))
    const step = readFileSync(join(dist, 'plugin-step.cjs'))
    const cache = makeCodeCache(node, step)
    return [doc, door, file('app/plugin-step.cjs', step), file('app/plugin-step.cache', cache)]
  }
  return [
    doc,
    ...globSync(join(dist, '*.mjs'))
      .filter((path) => !/\/(azure-storage-drone)\.mjs$/.test(path))
      .map(app),
    folder('etc/azure-storage-drone'),
    folder('var/lib/azure-storage-drone', 0o700, serviceUser),
  ]
}

function stripSymbols(program: string): Buffer {
  const scratch = mkdtempSync(join(tmpdir(), 'asd-strip-'))
  try {
    const copy = join(scratch, 'node')
    copyFileSync(program, copy)
    run('strip', '--strip-all', copy)
    return readFileSync(copy)
  } finally {
    rmSync(scratch, { recursive: true })
  }
}
