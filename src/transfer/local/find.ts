// Finds the files a job means on disk. Nothing outside of a source is ever sent: links are left out,
// kept as links, or followed only to places inside of it.
import type { Stats } from 'node:fs'
import { lstat } from 'node:fs/promises'
import { resolve } from 'node:path'

import type { Selecting } from '../job.ts'
import type { Glob } from '../select/glob.ts'
import {
  chooseAt,
  type Chooser,
  type Choosing,
  createChoosing,
  folderOf,
  lastSegment,
  nothingSkipped,
  parseSources,
  type Selection,
  type Source,
  unescapeGlob,
} from '../select/select.ts'
import { readingFault, systemCode } from './faults.ts'
import { type LocalFile, type Search, toLocalFile } from './find-search.ts'
import { assertUtf8, findNamedLink, walkFolder } from './find-walk.ts'

/** What a search found on disk. */
export type { LocalFile } from './find-search.ts'

/** Everything the sources of a job mean on disk. */
export type LocalSelection = Selection<LocalFile>

type Job = Omit<Search, 'root' | 'chooser'> & { choosing: Choosing }

/**
 * Every file the sources mean, sorted by the path below its source; an existing path is taken literally
 * before it is a glob. Throws `transfer_source_unreadable`, `_link_refused`, `_name_invalid` and
 * `_pattern_invalid`.
 */
export async function findFiles(select: Selecting): Promise<LocalSelection> {
  const choosing = await createChoosing(select)
  const found: LocalFile[] = []
  const skipped = nothingSkipped()
  for (const source of parseSources(select)) {
    await findSource(source, { select, choosing, found, skipped })
  }
  found.sort((a, b) => compare(a.below, b.below) || compare(a.path, b.path))
  return { found, skipped }
}

async function findSource(source: Source, job: Job): Promise<void> {
  const { path, stats } = await lookUpLiteral(source)
  if (stats?.isDirectory()) await walk(source, path, job)
  else if (stats) await findOne(source, { path, stats }, job)
  else if (source.pattern) {
    const { base } = source.pattern
    if ((await lookUp(base || '.'))?.isDirectory()) {
      await walk(source, base || '.', job, source.pattern)
    }
  }
}

async function walk(source: Source, root: string, job: Job, glob?: Glob): Promise<void> {
  assertUtf8(root)
  await walkFolder({ ...job, root, chooser: chooseIn(source, root, job.choosing(source, glob)) })
}

// `!` entries and sources may be written from different places, so both are made absolute.
function chooseIn(source: Source, root: string, chooser: Chooser): Chooser {
  return chooseAt(source, { root, absolute: (path) => resolve(path) }, chooser)
}

async function findOne(
  source: Source,
  { path, stats }: { path: string; stats: Stats },
  job: Job,
): Promise<void> {
  assertUtf8(path)
  const [root, below] = [folderOf(path), lastSegment(path)]
  const chooser = job.choosing(source)
  if (!chooseIn(source, root, chooser).keepsNamed(below)) return
  const at = { path, root, below }
  if (stats.isFile()) job.found.push(toLocalFile(at, stats))
  else if (stats.isSymbolicLink())
    await findNamedLink({ ...job, chooser: chooseIn(source, path, chooser), root }, at, stats)
  else job.skipped.special++
}

async function lookUpLiteral({ literal }: Source): Promise<{ path: string; stats?: Stats }> {
  const path = literal || '.'
  const stats = await lookUp(path)
  if (stats) return { path, stats }
  const plain = unescapeGlob(path)
  const others = plain === path ? undefined : await lookUp(plain)
  return others ? { path: plain, stats: others } : { path }
}

async function lookUp(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path)
  } catch (error) {
    if (['ENOENT', 'ENOTDIR', 'ENAMETOOLONG'].includes(systemCode(error))) return undefined
    throw readingFault(error, path)
  }
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
