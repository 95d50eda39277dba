// What interrupted downloads have left in a folder: a big file's part is gone on with when it is of the
// version that is wanted, everything else is removed. The process that left it may still be alive in
// another container, so taking over is a rename: one of the two has the file afterwards, and the other
// notices at its commit. Both write the same bytes of the same version meanwhile.
import { lstatSync, readdirSync, renameSync } from 'node:fs'

import { systemCode } from './faults.ts'
import { type HeldRange, readJournal, type Version } from './journal.ts'
import { journalOf, removeQuietly } from './write-part.ts'

/** Temporary files of a folder by the short name of the file they were to become. */
export type Leftovers = Map<string, string[]>

const partPattern = /^\.(.+)\.part-(\d{1,10})-\d{1,10}(\.journal)?$/s

/** The temporary name beside `name`; it fits into 255 bytes as well. */
export function toPartName(name: string, pid: number, count: number): string {
  return `.${shorten(name)}.part-${pid}-${count}`
}

/** Whether a name is that of a temporary file or journal of ours. */
export function isPartName(name: string): boolean {
  return partPattern.test(name)
}

/** The temporary files in a folder whose process is not known to be alive. */
export function findLeftovers(folder: string, ownPid: number): Leftovers {
  const leftovers: Leftovers = new Map()
  for (const name of readdirSync(folder)) {
    if (!name.startsWith('.')) continue
    const [, short, pid] = partPattern.exec(name) ?? []
    if (short === undefined || (Number(pid) !== ownPid && isAlive(Number(pid)))) continue
    const known = leftovers.get(short)
    if (known) known.push(`${folder}/${name}`)
    else leftovers.set(short, [`${folder}/${name}`])
  }
  return leftovers
}

/** Takes the leftovers of one file out of the list. */
export function takeLeftovers(leftovers: Leftovers, name: string): string[] {
  const short = shorten(name)
  const found = leftovers.get(short) ?? []
  leftovers.delete(short)
  return found
}

/** Renames the first leftover of this version to `partPath` and gives its ranges; removes all others. */
export function takeOver(
  paths: readonly string[],
  partPath: string,
  version: Version,
): HeldRange[] | undefined {
  let held: HeldRange[] | undefined
  const parts = paths.filter((path) => !path.endsWith('.journal'))
  for (const path of parts) held ??= takeOne(path, partPath, version)
  for (const path of paths) removeQuietly(path)
  return held
}

function takeOne(path: string, partPath: string, version: Version): HeldRange[] | undefined {
  const held = readJournal(journalOf(path), version)
  if (held === undefined || held.length === 0) return undefined
  try {
    const stats = lstatSync(path)
    // With a second name it is visible as the finished file, which must not be written into.
    if (!stats.isFile() || stats.nlink !== 1 || stats.size !== version.sizeBytes) return undefined
    renameSync(path, partPath)
    renameSync(journalOf(path), journalOf(partPath))
    return held
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw error
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return systemCode(error) === 'EPERM'
  }
}

function shorten(name: string): string {
  let short = name
  while (Buffer.byteLength(short) > 200) short = short.slice(0, -8).toWellFormed()
  return short
}
