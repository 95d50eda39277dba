// Plants a tree below the paths of a step: all of it or nothing. Entries pass the gate (admit.ts), are
// made in a staging folder (stage.ts), and are put in place at the end (place.ts).
import { randomUUID } from 'node:crypto'
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  type Stats,
  writeFileSync,
} from 'node:fs'
import { basename, dirname, join } from 'node:path'

import { createGate, type Bounds } from './admit.ts'
import { refuseEntry, stagingPrefix, type Entry } from './entry.ts'
import { placeTree, removeStaging, settleTree, stagedNames, undoPlacing } from './place.ts'
import {
  finishFolder,
  makeParents,
  stageFile,
  stageFolder,
  stageHardlink,
  stageSymlink,
  type StagedFile,
} from './stage.ts'
import { writingTree } from './tree-faults.ts'

/** Whose restore it is, so that the next one can tell what is left of it from what is still going on. */
export type Owner = { host: string; pid: number }

/** What planting needs of the world. */
export type PlantDeps = {
  owner: Owner
  now: () => Date
  isAlive: (pid: number) => boolean
}

/** A tree being planted; exactly one of `commit` and `discard` ends it. */
export type Planting = {
  /** Takes everything but files with content; throws `cache_entry_refused`, `cache_disk_failed`. */
  add: (entry: Entry) => void
  /** Takes a file; its content is to be written, and the file closed, before the next call. */
  file: (entry: Entry) => StagedFile
  /** What lies on the disk at the place of an entry, reached through folders alone. */
  find: (entry: Entry) => { path: string; stats: Stats } | undefined
  /** Leaves a found file of the entry's content where it is; false, and nothing taken, when mode or time differ. */
  keep: (entry: Entry, found: { stats: Stats }) => boolean
  /** Shows the tree. */
  commit: () => void
  /** Removes what was made; never throws. */
  discard: () => void
}

const staleMs = 3_600_000

/** Begins a restore below `roots`, absolute paths; undoes first what a killed one left there. */
export function openPlanting(deps: PlantDeps, roots: readonly string[], bounds: Bounds): Planting {
  const id = randomUUID()
  const sites = roots.map((root, index) => openSite(deps, root, `${stagingPrefix}${id}-${index}`))
  const fold = sites.some(({ home }) => ignoresCase(home)) ? foldCase : (path: string) => path
  const gate = createGate({ rootCount: roots.length, fold }, bounds)
  const folders: Entry[] = []
  const kept = new Set<string>()
  let isOver = false

  const stagedAt = ({ root }: Entry, path: string) => {
    const site = sites[root]
    if (!site) throw new Error(`no path ${root}`)
    return inside(join(site.staging, stagedNames.tree), path)
  }
  const finalAt = ({ root, path }: Entry) => inside(sites[root]?.root ?? '', path)
  const admitStaged = (entry: Entry) => {
    gate.admit(entry)
    const site = sites[entry.root]
    if (site && !site.isMade) {
      writingTree(site.staging, () => makeStaging(site, deps.owner))
      site.isMade = true
    }
    return stagedAt(entry, entry.path)
  }
  const openFile = (entry: Entry, path: string): StagedFile => {
    const file = stageFile(path, entry)
    let left = entry.sizeBytes
    return {
      write: (bytes) => {
        left -= bytes.length
        if (left < 0) throw refuseEntry(entry, 'its content is longer than it says')
        file.write(bytes)
      },
      close: () => {
        file.close()
        if (left > 0) throw refuseEntry(entry, 'its content is shorter than it says')
      },
    }
  }
  const discard = () => {
    if (isOver) return
    isOver = true
    for (const { staging, isMade } of sites) if (isMade) tryQuietly(() => removeStaging(staging))
  }
  return {
    add: (entry) => {
      const path = admitStaged(entry)
      if (entry.kind === 'folder') {
        stageFolder(path)
        folders.push(entry)
      } else if (entry.kind === 'symlink') stageSymlink(path, entry)
      else if (entry.kind === 'file') openFile(entry, path).close()
      // A second name of a file that is on the disk already is one of a file there.
      else if (kept.has(`${entry.root}/${entry.target}`)) {
        stageHardlink(path, finalAt({ ...entry, path: entry.target }))
      } else stageHardlink(path, stagedAt(entry, entry.target))
    },
    file: (entry) => openFile(entry, admitStaged(entry)),
    find: (entry) => findReal(sites[entry.root]?.root ?? '', entry.path),
    keep: (entry, { stats }) => {
      if (!isSame(entry, stats)) return false
      admitStaged(entry)
      kept.add(`${entry.root}/${entry.path}`)
      return true
    },
    commit: () => {
      const made = sites.filter(({ isMade }) => isMade)
      const placed: Site[] = []
      try {
        for (const site of made) {
          placed.push(site)
          placeTree(site.staging, site.root)
        }
        for (const folder of folders.toReversed()) finishFolder(finalAt(folder), folder)
        for (const { staging } of placed) settleTree(staging)
      } catch (error) {
        for (const { staging } of placed.toReversed()) tryQuietly(() => undoPlacing(staging))
        discard()
        throw error
      }
      discard()
    },
    discard,
  }
}

// One root: where it is, where its staging folder is to be made, and whether it was.
type Site = { root: string; home: string; staging: string; isMade: boolean }

function openSite(deps: PlantDeps, given: string, name: string): Site {
  const stats = lstatSync(given, { throwIfNoEntry: false })
  // A path of the step may be a link that somebody put there to keep it elsewhere.
  const root = stats?.isSymbolicLink() ? writingTree(given, () => realpathSync(given)) : given
  const isFolder = lstatSync(root, { throwIfNoEntry: false })?.isDirectory() === true
  if (!isFolder) makeParents(root)
  const home = isFolder ? root : dirname(root)
  cleanUp(deps, home)
  return { root, home, staging: join(home, name), isMade: false }
}

function makeStaging({ staging }: Site, owner: Owner): void {
  mkdirSync(staging, { mode: 0o700 })
  writeFileSync(join(staging, stagedNames.owner), JSON.stringify(owner), { mode: 0o600 })
}

function cleanUp(deps: PlantDeps, home: string): void {
  for (const name of writingTree(home, () => readdirSync(home))) {
    if (!name.startsWith(stagingPrefix)) continue
    const staging = join(home, name)
    if (!isLeftOver(deps, staging)) continue
    writingTree(staging, () => {
      undoPlacing(staging)
      removeStaging(staging)
    })
  }
}

function isLeftOver({ owner, now, isAlive }: PlantDeps, staging: string): boolean {
  const isOld = now().getTime() - lstatSync(staging).mtimeMs > staleMs
  try {
    const text = readFileSync(join(staging, stagedNames.owner), 'utf8')
    const { host, pid } = JSON.parse(text) as Owner
    return isOld || (host === owner.host && !isAlive(pid))
  } catch {
    return isOld
  }
}

// A probe in a name that only differs by case tells what no system call does.
function ignoresCase(folder: string): boolean {
  const twin = join(dirname(folder), swapCase(basename(folder)))
  const [one, other] = [folder, twin].map((path) => lstatSync(path, { throwIfNoEntry: false }))
  return twin !== folder && one !== undefined && one.ino === other?.ino && one.dev === other.dev
}

function swapCase(name: string): string {
  return name === name.toUpperCase() ? name.toLowerCase() : name.toUpperCase()
}

function foldCase(path: string): string {
  return path.normalize('NFC').toLowerCase()
}

function inside(folder: string, path: string): string {
  return path === '' ? folder : `${folder}/${path}`
}

function findReal(root: string, path: string): { path: string; stats: Stats } | undefined {
  const segments = path === '' ? [] : path.split('/')
  let at = root
  for (const segment of segments) {
    if (lstatSync(at, { throwIfNoEntry: false })?.isDirectory() !== true) return undefined
    at = `${at}/${segment}`
  }
  const stats = lstatSync(at, { throwIfNoEntry: false })
  return stats && { path: at, stats }
}

function isSame({ mode, modifiedAtMs, sizeBytes }: Entry, stats: Stats): boolean {
  const isOnTime = Math.abs(stats.mtimeMs - modifiedAtMs) < 0.001
  return (stats.mode & 0o7777) === mode && isOnTime && stats.size === sizeBytes
}

function tryQuietly(work: () => void): void {
  try {
    work()
  } catch {
    // The next restore finds what is left.
  }
}
