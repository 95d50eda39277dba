// Writes below one target folder. No symbolic link below the target is followed, and everything
// appears whole or not at all.
import { lstatSync, mkdirSync, renameSync, rmdirSync, rmSync, symlinkSync } from 'node:fs'

import { Fault } from '../../core/fault.ts'
import type { Clock } from '../../core/time.ts'
import type { Attributes } from '../remote.ts'
import { systemCode } from './faults.ts'
import type { Version } from './journal.ts'
import { whyLinkLeaves } from './paths.ts'
import {
  findLeftovers,
  type Leftovers,
  takeLeftovers,
  takeOver,
  toPartName,
} from './write-leftovers.ts'
import {
  type Disk,
  guarded,
  openPart,
  type PartFile,
  type PartPlace,
  removeQuietly,
  writeWholeFile,
} from './write-part.ts'

/** A folder that files are written into; every method throws writing faults. */
export type TargetFolder = {
  /** Where these segments are on disk. */
  pathOf: (segments: readonly string[]) => string
  /** Whether anything is at these segments. */
  exists: (segments: readonly string[]) => boolean
  makeFolder: (segments: readonly string[]) => void
  /** Writes a whole small file; a promise on a disk that was found to be slow. */
  writeWhole: (
    segments: readonly string[],
    content: Buffer,
    attributes: Attributes,
  ) => Promise<void> | undefined
  /** A temporary file for these segments; leftovers of the same name are removed. */
  create: (segments: readonly string[]) => PartFile
  /** The temporary file in which an interrupted run left this version, if there is one. */
  resume: (segments: readonly string[], version: Version) => PartFile | undefined
  /** A symbolic link; it must not lead out of the folder. */
  makeLink: (segments: readonly string[], linkTarget: string) => void
  /** Removes a file, a link, or an empty folder; false when it was gone or is not empty. */
  remove: (segments: readonly string[], kind: 'file' | 'folder' | 'link') => boolean
}

/** Opens a target; without `replaces` a file that exists is a Fault `transfer_target_exists`. */
export function openFolder(
  { pid, now }: { pid: number; now: Clock },
  root: string,
  { replaces }: { replaces: boolean },
): TargetFolder {
  const disk: Disk = { now, slowWrites: 0 }
  // Folders that were made or checked, with what earlier runs left in them.
  const folders = new Map<string, Leftovers>()
  let partCount = 0

  const ensureFolder = (segments: readonly string[]): Leftovers => {
    const path = pathOf(root, segments)
    let leftovers = folders.get(path)
    if (leftovers) return leftovers
    if (segments.length > 0) ensureFolder(segments.slice(0, -1))
    leftovers = guarded(path, () => {
      const isNew = segments.length === 0 ? makeRoot(path) : makePlainFolder(path)
      return isNew ? new Map() : findLeftovers(path, pid)
    })
    folders.set(path, leftovers)
    return leftovers
  }
  const prepare = (segments: readonly string[]): { place: PartPlace; leftovers: string[] } => {
    const name = segments.at(-1) ?? ''
    const parents = segments.slice(0, -1)
    const known = ensureFolder(parents)
    const leftovers = known.size === 0 ? [] : takeLeftovers(known, name)
    const parent = pathOf(root, parents)
    let partPath = joinPath(parent, toPartName(name, pid, partCount++))
    // What a process of the same number left is looked at before its name is used again.
    while (leftovers.includes(partPath)) {
      partPath = joinPath(parent, toPartName(name, pid, partCount++))
    }
    return { place: { partPath, path: joinPath(parent, name), replaces }, leftovers }
  }
  return {
    pathOf: (segments) => pathOf(root, segments),
    exists: (segments) => exists(pathOf(root, segments)),
    makeFolder: (segments) => {
      ensureFolder(segments)
    },
    writeWhole: (segments, content, attributes) => {
      const { place, leftovers } = prepare(segments)
      for (const each of leftovers) removeQuietly(each)
      return writeWholeFile(disk, place, content, attributes)
    },
    create: (segments) => {
      const { place, leftovers } = prepare(segments)
      for (const each of leftovers) removeQuietly(each)
      return openPart(disk, place)
    },
    resume: (segments, version) => {
      const { place, leftovers } = prepare(segments)
      if (leftovers.length === 0) return undefined
      return guarded(place.path, () => {
        const held = takeOver(leftovers, place.partPath, version)
        return held && openPart(disk, place, { version, held })
      })
    },
    makeLink: (segments, linkTarget) => {
      assertInside(segments, linkTarget)
      const { place } = prepare(segments)
      guarded(place.path, () => makeLink(place, linkTarget))
    },
    remove: (segments, kind) => {
      const path = pathOf(root, segments)
      return guarded(path, () => {
        assertPlainParents(root, segments)
        return removeOne(path, kind)
      })
    },
  }
}

function exists(path: string): boolean {
  return guarded(path, () => {
    try {
      lstatSync(path)
      return true
    } catch (error) {
      if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return false
      throw error
    }
  })
}

function makeRoot(path: string): boolean {
  return mkdirSync(path, { recursive: true }) !== undefined
}

// Gives false when the folder was there already.
function makePlainFolder(path: string): boolean {
  try {
    mkdirSync(path)
    return true
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
    assertPlainFolder(path, error)
    return false
  }
}

function assertPlainFolder(path: string, cause?: unknown): void {
  const stats = lstatSync(path)
  if (stats.isSymbolicLink()) {
    throw new Fault(
      'transfer_path_unsafe',
      `“${path}” is a symbolic link, and files would be written through it.`,
      { hint: 'Remove the link, or choose another `target`.', cause },
    )
  }
  if (!stats.isDirectory()) {
    throw new Fault('transfer_target_exists', `“${path}” is a file, and a folder is needed there.`)
  }
}

function assertPlainParents(root: string, segments: readonly string[]): void {
  for (let length = 1; length < segments.length; length++) {
    assertPlainFolder(pathOf(root, segments.slice(0, length)))
  }
}

// The remote place is not trusted: a link that leads out of the folder is never made.
function assertInside(segments: readonly string[], linkTarget: string): void {
  const name = segments.join('/')
  const why = whyLinkLeaves(name, linkTarget)
  if (why !== undefined) {
    throw new Fault('transfer_path_unsafe', `The link “${name}” was not made: ${why}.`)
  }
}

function makeLink({ partPath, path, replaces }: PartPlace, linkTarget: string): void {
  if (!replaces) {
    symlinkSync(linkTarget, path)
    return
  }
  symlinkSync(linkTarget, partPath)
  try {
    renameSync(partPath, path)
  } catch (error) {
    removeQuietly(partPath)
    throw error
  }
}

function removeOne(path: string, kind: 'file' | 'folder' | 'link'): boolean {
  try {
    if (kind === 'folder') rmdirSync(path)
    else rmSync(path)
    return true
  } catch (error) {
    if (['ENOENT', 'ENOTEMPTY', 'EEXIST'].includes(systemCode(error))) return false
    throw error
  }
}

function pathOf(root: string, segments: readonly string[]): string {
  const base = root === '' ? '.' : root
  return segments.length === 0 ? base : joinPath(base, segments.join('/'))
}

function joinPath(folder: string, name: string): string {
  return folder.endsWith('/') ? `${folder}${name}` : `${folder}/${name}`
}
