// Trees on disk and in storage as plain records, which compare with a readable difference.
import { lstatSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Place } from './place.ts'

/** The contents of all files below a folder, as texts, by path; everything hidden included. */
export function readTree(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => lstatSync(join(folder, name)).isFile())
    .toSorted()
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(folder, name), 'utf8')]))
}

/** The same of what is kept below a prefix. */
export async function seenTree(place: Place, root: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const name of await place.list(root)) {
    found[name.slice(root.length + 1)] = (await place.get(name))?.content.toString() ?? ''
  }
  return found
}

/** The ETags below a prefix. */
export async function etagsOf(place: Place, root: string): Promise<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const name of await place.list(root)) {
    found[name.slice(root.length + 1)] = (await place.get(name))?.etag ?? ''
  }
  return found
}

/** The same files in a folder of this name. */
export function under<Content>(
  folder: string,
  files: Readonly<Record<string, Content>>,
): Record<string, Content> {
  return Object.fromEntries(
    Object.entries(files).map(([name, content]) => [`${folder}/${name}`, content]),
  )
}
