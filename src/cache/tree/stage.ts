// The staging folder of one restore: a new folder inside the root (so that a rename can reach every place
// of it) in which the tree is made before any of it is seen. Nothing but this process writes there.
import {
  chmodSync,
  closeSync,
  constants,
  fchmodSync,
  ftruncateSync,
  futimesSync,
  linkSync,
  lutimesSync,
  mkdirSync,
  openSync,
  symlinkSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'

import type { Entry } from './entry.ts'
import { writingTree } from './tree-faults.ts'

/** One file being written into the staging folder. */
export type StagedFile = {
  /** Appends a piece of its content. */
  write: (bytes: Buffer) => void
  /** Sets length, mode and time, and closes it. */
  close: () => void
}

const newFile = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
// Runs of zeros at least this long become holes; shorter ones cost more to find than to write.
const holeBytes = 64 * 1024
const zeros = Buffer.alloc(holeBytes)

/** Opens a file at `path`, whose folder is there; throws `cache_disk_failed`. */
export function stageFile(path: string, entry: Entry): StagedFile {
  const fd = writingTree(path, () => openSync(path, newFile, 0o600))
  let at = 0
  return {
    write: (bytes) => {
      writingTree(path, () => {
        for (let from = 0; from < bytes.length; from += holeBytes) {
          const piece = bytes.subarray(from, from + holeBytes)
          if (!(piece.length === holeBytes && piece.equals(zeros))) writeFully(fd, piece, at)
          at += piece.length
        }
      })
    },
    close: () => {
      writingTree(path, () => {
        try {
          // A hole at the end has to be told.
          ftruncateSync(fd, at)
          fchmodSync(fd, fileMode(entry))
          futimesSync(fd, entry.modifiedAtMs / 1000, entry.modifiedAtMs / 1000)
        } finally {
          closeSync(fd)
        }
      })
    },
  }
}

/** Makes a folder that this process can write in; its own mode comes when it is full. */
export function stageFolder(path: string): void {
  writingTree(path, () => mkdirSync(path, { mode: 0o700 }))
}

/** Makes a symbolic link with its time. */
export function stageSymlink(path: string, { target, modifiedAtMs }: Entry): void {
  writingTree(path, () => {
    symlinkSync(target, path)
    lutimesSync(path, modifiedAtMs / 1000, modifiedAtMs / 1000)
  })
}

/** Gives a staged file a second name. */
export function stageHardlink(path: string, file: string): void {
  writingTree(path, () => linkSync(file, path))
}

/** Sets mode and time of a folder that is full. */
export function finishFolder(path: string, { mode, modifiedAtMs }: Entry): void {
  writingTree(path, () => {
    chmodSync(path, mode)
    lutimesSync(path, modifiedAtMs / 1000, modifiedAtMs / 1000)
  })
}

/** Makes the folders above a path that are not there. */
export function makeParents(path: string): void {
  writingTree(path, () => mkdirSync(dirname(path), { recursive: true }))
}

// A cache must not be a way to give a program somebody else's rights.
function fileMode({ mode }: Entry): number {
  return mode & 0o1777
}

function writeFully(fd: number, bytes: Buffer, position: number): void {
  let done = 0
  while (done < bytes.length)
    done += writeSync(fd, bytes, done, bytes.length - done, position + done)
}
