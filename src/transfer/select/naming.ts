// What found files are called on the other side: the target, and the path below the source or what
// is left of the whole path behind `stripPrefix`.
import { relative, resolve } from 'node:path'

import { Fault } from '../../core/fault.ts'
import type { Naming } from '../job.ts'
import { createMatcher, type Matcher } from './glob.ts'
import { type Found, joinName, lastSegment } from './select.ts'

/** A found file: on disk it has a path, in a remote place a name. */
export type Nameable = Found & ({ path: string } | { name: string }) & { kind?: string }

/** A found file and what it is called on the other side. */
export type Named<File> = { file: File; name: string }

/**
 * Names every file once, sorted by name; `target` is put in front. Throws `transfer_name_clash` for two
 * files with one name, and `transfer_name_invalid` when `stripPrefix` leaves nothing of a path.
 */
export function nameFiles<File extends Nameable>(
  found: readonly File[],
  naming: Naming,
): Named<File>[] {
  const target = naming.target.replace(/^(\.?\/+)+|^\.$/, '').replace(/\/+$/, '')
  const strip = createStrip(naming.stripPrefix)
  const byName = new Map<string, File>()
  for (const file of found) {
    // Flat places have no folders.
    if (naming.flatten && file.kind === 'folder') continue
    const stripped = strip(file)
    const name = joinName(target, naming.flatten ? lastSegment(stripped) : stripped)
    const known = byName.get(name)
    if (known === undefined) byName.set(name, file)
    else if (placeOf(known) !== placeOf(file) && !(isFolder(known) && isFolder(file))) {
      throw new Fault(
        'transfer_name_clash',
        `Two sources would both be “${name}” on the other side: “${placeOf(known)}” and “${placeOf(file)}”.`,
      )
    }
  }
  return Array.from(byName, ([name, file]) => ({ file, name })).toSorted((a, b) =>
    a.name < b.name ? -1 : 1,
  )
}

/**
 * Throws `transfer_name_clash` where a file has the name of a folder another one needs: Blob Storage has
 * room for `a` and `a/b` side by side, file systems and shares have not; or where two names are one to
 * the other side, as `foldName` tells.
 */
export function assertNoFolderClash(
  named: readonly Named<Nameable>[],
  foldName: (name: string) => string = (name) => name,
): void {
  const files = new Map<string, Named<Nameable>>()
  for (const each of named) {
    const known = files.get(foldName(each.name))
    if (known && !(isFolder(known.file) && isFolder(each.file))) {
      throw new Fault(
        'transfer_name_clash',
        `“${placeOf(known.file)}” and “${placeOf(each.file)}” would have names that differ only by case, and the other side takes them for one.`,
      )
    }
    files.set(foldName(each.name), each)
  }
  for (const { name, file } of named) {
    for (let slash = name.indexOf('/'); slash > 0; slash = name.indexOf('/', slash + 1)) {
      const other = files.get(foldName(name.slice(0, slash)))
      if (other && !isFolder(other.file)) {
        throw new Fault(
          'transfer_name_clash',
          `“${placeOf(other.file)}” is a file and “${placeOf(file)}” needs a folder of the same name.`,
          { hint: 'Transfer them with two steps into different targets.' },
        )
      }
    }
  }
}

// Only a prefix of whole segments is cut off, the longest that matches; other paths stay as they are.
function createStrip(prefix: string): (file: Nameable) => string {
  const bare = prefix.replace(/\/+$/, '')
  const isEverything = bare === '' || bare === '.'
  if (isEverything && !prefix.startsWith('/')) return ({ below }) => below
  const isAbsolute = prefix.startsWith('/')
  const matches: Matcher =
    bare === ''
      ? (path) => path === ''
      : createMatcher(bare, { dotfiles: true, caseSensitive: true })
  return (file) => {
    const path = comparable(file, isAbsolute)
    for (let slash = path.lastIndexOf('/'); slash >= 0; slash = path.lastIndexOf('/', slash - 1)) {
      const rest = path.slice(slash + 1)
      if (matches(path.slice(0, slash)) && !rest.startsWith('../')) return rest
      if (slash === 0) break
    }
    if (!matches(path)) return file.below
    throw new Fault(
      'transfer_name_invalid',
      `Nothing is left of “${placeOf(file)}” when “${prefix}” is cut off.`,
      { hint: 'Let `strip_prefix` end at a folder.' },
    )
  }
}

// The path as the source writes it, from the same place as the prefix.
function comparable(file: Nameable, isAbsolute: boolean): string {
  const path = joinName(file.root, file.below)
  if ('name' in file) return isAbsolute ? `/${path}` : path
  return isAbsolute ? resolve(path) : relative('', path)
}

function placeOf(file: Nameable): string {
  return 'path' in file ? file.path : file.name
}

function isFolder({ kind }: Nameable): boolean {
  return kind === 'folder'
}
