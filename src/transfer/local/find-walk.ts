// Walks down a folder: one read per folder, and one look at every file that is kept.
import { type Dirent, lstatSync, type Stats } from 'node:fs'
import { readdir } from 'node:fs/promises'

import { Fault } from '../../core/fault.ts'
import { joinName } from '../select/select.ts'
import { readingFault } from './faults.ts'
import { followLink, keepLink, realOf, type Way } from './find-links.ts'
import { type Place, type Search, toLocalFile } from './find-search.ts'

type Folder = { path: string; below: string; way: Way }

// Folders read at the same time: enough to keep the disk busy, few enough for a small memory.
const maxFolders = 8

/** Finds everything below the search's root. */
export async function walkFolder(search: Search): Promise<void> {
  const top: Way = { path: search.root }
  await walkAll(search, { path: search.root, below: '', way: top }, top)
}

/** What a link comes to that is a source itself; what it leads to must lie in the folder around it. */
export async function findNamedLink(search: Search, at: Place, stats: Stats): Promise<void> {
  const around: Way = { path: search.root || '.' }
  const { symlinks } = search.select
  if (symlinks === 'skip') search.skipped.links++
  else if (symlinks === 'keep') search.found.push(await keepLink(search, at, stats))
  else {
    // Links are compared with the ways below the source, and the folder around it is not one of them.
    const way: Way = { path: at.path, real: '' }
    const followed = await followLink(search, at, { way, within: await realOf(around) })
    if (followed.kind === 'file') search.found.push(followed.file)
    else if (followed.kind === 'special') search.skipped.special++
    else {
      const top: Way = { path: followed.real, real: followed.real }
      const inside = { ...search, root: at.path }
      await walkAll(inside, { path: followed.real, below: '', way: top }, top)
    }
  }
}

async function walkAll(search: Search, first: Folder, top: Way): Promise<void> {
  const waiting = [first]
  while (waiting.length > 0) {
    const batch = waiting.splice(-maxFolders)
    const deeper = await Promise.all(batch.map((folder) => walkOne(search, folder, top)))
    for (const folders of deeper) waiting.push(...folders)
  }
}

// Keeps what lies directly in a folder, and gives the folders that have to be looked into.
async function walkOne(search: Search, folder: Folder, top: Way): Promise<Folder[]> {
  const { chooser, skipped, select } = search
  const entries = await readFolder(folder.path)
  const deeper: Folder[] = []
  const links: Promise<Folder | undefined>[] = []
  if (entries.length === 0 && folder.below !== '') keepEmpty(search, folder)
  for (const entry of entries) {
    const path = joinName(folder.path, entry.name)
    const at = { path, below: joinName(folder.below, entry.name) }
    if (entry.isDirectory()) {
      if (chooser.enters(at.below)) {
        assertUtf8(path)
        deeper.push({ ...at, way: { path, above: folder.way } })
      } else if (chooser.isHiddenFolder(at.below)) skipped.dotted++
    } else if (entry.isSymbolicLink() && select.symlinks === 'follow') {
      links.push(follow(search, at, { way: folder.way, top }))
    } else if (!chooser.keeps(at.below)) {
      if (chooser.isHidden(at.below)) skipped.dotted++
    } else if (entry.isFile()) keepFile(search, at)
    else if (!entry.isSymbolicLink()) skipped.special++
    else if (select.symlinks === 'skip') skipped.links++
    else links.push(keepLinkAt(search, at))
  }
  const followed = await Promise.all(links)
  return [...deeper, ...followed.filter((each) => each !== undefined)]
}

function keepFile(search: Search, at: Place): void {
  assertUtf8(at.path)
  const file = toLocalFile({ ...at, root: search.root }, look(at.path))
  search.found.push(file)
}

async function keepLinkAt(search: Search, at: Place): Promise<undefined> {
  assertUtf8(at.path)
  search.found.push(await keepLink(search, at, look(at.path)))
  return undefined
}

function keepEmpty(search: Search, { path, below }: Folder): void {
  if (!search.select.emptyFolders || !search.chooser.keeps(below)) return
  search.found.push(toLocalFile({ path, below, root: search.root }, look(path)))
}

// A link that nobody asks for may lead anywhere; it is looked at only when it could be kept.
async function follow(
  search: Search,
  at: Place,
  { way, top }: { way: Way; top: Way },
): Promise<Folder | undefined> {
  const { chooser, skipped } = search
  const [isKept, isEntered] = [chooser.keeps(at.below), chooser.enters(at.below)]
  if (!isKept && !isEntered) {
    if (chooser.isHidden(at.below)) skipped.dotted++
    return undefined
  }
  assertUtf8(at.path)
  const followed = await followLink(search, at, { way, within: await realOf(top) })
  if (followed.kind === 'folder') {
    const { real } = followed
    return isEntered
      ? { path: real, below: at.below, way: { path: real, real, above: way } }
      : undefined
  }
  if (!isKept) return undefined
  if (followed.kind === 'file') search.found.push(followed.file)
  else skipped.special++
  return undefined
}

// A look at one file takes two microseconds; with a thread's help it takes eight.
function look(path: string): Stats {
  try {
    return lstatSync(path)
  } catch (error) {
    throw readingFault(error, path)
  }
}

async function readFolder(folder: string): Promise<Dirent[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    if (entries.some(({ name }) => name.includes('\ufffd'))) await assertDecodable(folder)
    return entries
  } catch (error) {
    throw readingFault(error, folder)
  }
}

// A replacement character can be part of a name; only the raw bytes tell whether it was put there
// for bytes that are no UTF-8, and such a name cannot be kept in a remote name.
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

/** Throws `transfer_name_invalid` for a path that is not well-formed Unicode. */
export function assertUtf8(path: string): void {
  if (!path.isWellFormed()) {
    throw new Fault('transfer_name_invalid', `“${path.toWellFormed()}” is not valid UTF-8.`)
  }
}
