// Finds the files a source means on disk. Symbolic links are never followed: a link in a checkout
// must not send what lies outside of it.
import type { Dirent } from 'node:fs'
import { lstat, readdir } from 'node:fs/promises'

import { Fault } from '../../core/fault.ts'
import {
  type Found,
  isDotted,
  joinName,
  lastSegment,
  nothingSkipped,
  type Selection,
  type Skipped,
  type Source,
} from '../select.ts'
import { readingFault, systemCode } from './faults.ts'

/** A file on disk: its path as the step sees it, and its size when it was found. */
export type LocalFile = { path: string; sizeBytes: number }

type Walk = {
  into: (below: string) => boolean
  keeps: (below: string) => boolean
  found: Found<LocalFile>[]
  skipped: Skipped
}

/** Every regular file one source means; an existing path is taken literally before it is a pattern. */
export async function findFiles(
  source: Source,
  { dotfiles }: { dotfiles: boolean },
): Promise<Selection<LocalFile>> {
  const selection: Selection<LocalFile> = { found: [], skipped: nothingSkipped() }
  const path = source.literal || '.'
  const stats = await lookUp(path)
  if (stats?.isFile()) {
    assertUtf8(path)
    const place = { path, sizeBytes: stats.size }
    selection.found.push({ place, below: lastSegment(path) })
  } else if (stats?.isDirectory()) {
    const isWanted = (below: string) => dotfiles || !isDotted(below)
    await walk(path, '', { ...selection, into: isWanted, keeps: isWanted })
  } else if (stats) {
    selection.skipped[stats.isSymbolicLink() ? 'links' : 'special']++
  } else if (source.pattern) {
    const { base, matches, namesDotted } = source.pattern
    const into = (below: string) => dotfiles || namesDotted || !isDotted(below)
    if ((await lookUp(base || '.'))?.isDirectory()) {
      await walk(base || '.', '', { ...selection, into, keeps: matches })
    }
  }
  return selection
}

async function lookUp(path: string) {
  try {
    return await lstat(path)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(systemCode(error))) return undefined
    throw readingFault(error, path)
  }
}

async function walk(folder: string, below: string, rules: Walk): Promise<void> {
  const entries = await readFolder(folder)
  const folders: { path: string; below: string }[] = []
  await Promise.all(
    entries.map(async (entry) => {
      const at = { path: joinPath(folder, entry.name), below: joinName(below, entry.name) }
      if (entry.isDirectory()) {
        if (rules.into(at.below)) folders.push(at)
        else rules.skipped.dotted++
      } else if (entry.isFile()) await takeFile(at, rules)
      else if (rules.keeps(at.below)) rules.skipped[entry.isSymbolicLink() ? 'links' : 'special']++
    }),
  )
  for (const each of folders) {
    assertUtf8(each.path)
    await walk(each.path, each.below, rules)
  }
}

async function takeFile(at: { path: string; below: string }, rules: Walk): Promise<void> {
  if (!rules.keeps(at.below)) {
    if (lastSegment(at.below).startsWith('.')) rules.skipped.dotted++
    return
  }
  assertUtf8(at.path)
  try {
    const { size } = await lstat(at.path)
    rules.found.push({ place: { path: at.path, sizeBytes: size }, below: at.below })
  } catch (error) {
    throw readingFault(error, at.path)
  }
}

async function readFolder(folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    const suspects = entries.filter(({ name }) => name.includes('\ufffd'))
    if (suspects.length > 0) await assertDecodable(folder)
    return entries
  } catch (error) {
    throw readingFault(error, folder)
  }
}

// A replacement character can be part of a name; only the raw bytes tell whether it was put there
// for bytes that are no UTF-8, and such a name cannot be kept in a blob name.
async function assertDecodable(folder: string): Promise<void> {
  for (const raw of await readdir(folder, { encoding: 'buffer' })) {
    if (Buffer.compare(Buffer.from(raw.toString('utf8'), 'utf8'), raw) !== 0) {
      throw new Fault(
        'transfer_name_invalid',
        `A name in “${folder}” is not valid UTF-8: ${JSON.stringify(raw.toString('latin1'))}.`,
      )
    }
  }
}

function assertUtf8(path: string): void {
  if (!path.isWellFormed()) {
    throw new Fault('transfer_name_invalid', `“${path.toWellFormed()}” is not valid UTF-8.`)
  }
}

function joinPath(folder: string, name: string): string {
  return folder.endsWith('/') ? `${folder}${name}` : `${folder}/${name}`
}
