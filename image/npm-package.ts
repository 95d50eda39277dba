// The npm package: the bundles need no other package, so it names none; `npm pack` of the repository
// itself would.
import { cpSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

import { run } from './debian.ts'

/** Fields of the repository's package.json that the package has, too. */
const keptFields = ['name', 'version', 'description', 'license', 'bin', 'type', 'engines']

/** Lays the package out in `folder`, lets npm pack it there, and gives the tarball's path. */
export function packNpmPackage(root: string, folder: string, target: string): string {
  mkdirSync(join(folder, 'dist'), { recursive: true })
  const own = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as Record<
    string,
    unknown
  >
  const kept = Object.fromEntries(keptFields.map((field) => [field, own[field]]))
  const files = ['dist', 'schemas', 'README.md', 'LICENSE']
  writeFileSync(
    join(folder, 'package.json'),
    `${JSON.stringify({ ...kept, files }, undefined, 2)}\n`,
  )
  for (const name of files.slice(1))
    cpSync(join(root, name), join(folder, name), { recursive: true })
  for (const path of globSync(join(root, 'dist/*.{mjs,cjs,cache}'))) {
    cpSync(path, join(folder, 'dist', basename(path)))
  }
  mkdirSync(target, { recursive: true })
  const [packed] = JSON.parse(
    run('npm', 'pack', '--json', '--offline', '--pack-destination', target, folder),
  ) as { filename: string }[]
  return join(target, packed?.filename ?? '')
}
