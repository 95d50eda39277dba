// Puts a staged tree in its place, by renames alone, each written down before it is done: a restore that
// fails undoes them at once, one that was killed leaves them for the next to undo. What lies at a place
// and is not of the cache stays; what is replaced waits in the staging folder until all is done.
import {
  chmodSync,
  closeSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  type Stats,
  unlinkSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'

import { writingTree } from './tree-faults.ts'

/** The names in a staging folder. */
export const stagedNames = { tree: 'tree', old: 'old', journal: 'journal', owner: 'owner' } as const

/** Moves `<staging>/tree` to `root`, folder into folder; throws `cache_disk_failed` with all undone. */
export function placeTree(staging: string, root: string): void {
  writingTree(root, () => {
    const journal = openSync(join(staging, stagedNames.journal), 'ax', 0o600)
    mkdirSync(join(staging, stagedNames.old), { mode: 0o700 })
    try {
      place({ staging, journal, oldCount: 0 }, join(staging, stagedNames.tree), root)
    } catch (error) {
      undoPlacing(staging)
      throw error
    } finally {
      closeSync(journal)
    }
  })
}

/** From here on a placed tree is not undone any more. */
export function settleTree(staging: string): void {
  writingTree(staging, () => unlinkSync(join(staging, stagedNames.journal)))
}

/** Undoes what the journal of a staging folder says was done, last first; nothing when there is none. */
export function undoPlacing(staging: string): void {
  const path = join(staging, stagedNames.journal)
  if (!look(path)) return
  for (const step of readJournal(path).toReversed()) {
    if ('mode' in step) {
      if (look(step.path)) chmodSync(step.path, step.mode)
      // The last step may have been written down and not been done.
    } else if (look(step.to) && !look(step.from)) renameSync(step.to, step.from)
  }
  unlinkSync(path)
}

/** Removes a staging folder, also folders in it that nobody may write in; not while what it replaced waits there. */
export function removeStaging(staging: string): void {
  if (look(join(staging, stagedNames.journal))) return
  try {
    rmSync(staging, { recursive: true, force: true })
  } catch {
    openFolders(staging)
    rmSync(staging, { recursive: true, force: true })
  }
}

type Step = { from: string; to: string } | { path: string; mode: number }

type Placing = { staging: string; journal: number; oldCount: number }

function place(placing: Placing, from: string, to: string): void {
  const [staged, there] = [lstatSync(from), look(to)]
  if (staged.isDirectory() && there?.isDirectory()) {
    openFolder(placing, to, there)
    for (const name of readdirSync(from)) place(placing, join(from, name), join(to, name))
    return
  }
  if (there) {
    const old = join(placing.staging, stagedNames.old, String(placing.oldCount))
    placing.oldCount += 1
    move(placing, to, old)
  }
  move(placing, from, to)
}

function move({ journal }: Placing, from: string, to: string): void {
  note(journal, { from, to })
  renameSync(from, to)
}

// A folder that its owner may not write in, as in a module cache of Go, takes nothing new.
function openFolder({ journal }: Placing, path: string, { mode }: Stats): void {
  if ((mode & 0o700) === 0o700) return
  note(journal, { path, mode: mode & 0o7777 })
  chmodSync(path, (mode & 0o7777) | 0o700)
}

function note(journal: number, step: Step): void {
  writeSync(journal, `${JSON.stringify(step)}\n`)
}

function readJournal(path: string): Step[] {
  // Whoever was killed may have left half a line, of a step that was not begun.
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1)
  return lines.map((line) => JSON.parse(line) as Step)
}

function look(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false })
}

function openFolders(folder: string): void {
  chmodSync(folder, 0o700)
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (entry.isDirectory()) openFolders(join(folder, entry.name))
  }
}
