// One file on its way to disk: a temporary file beside the final name, which appears whole by a rename
// or not at all, and the journal of a big one.
import { closeSync, constants, ftruncateSync, linkSync, openSync } from 'node:fs'
import { read, renameSync, rmSync, write, writeSync } from 'node:fs'
import { open } from 'node:fs/promises'
import { promisify } from 'node:util'

import { Fault } from '../../core/fault.ts'
import type { Clock } from '../../core/time.ts'
import type { Attributes } from '../remote.ts'
import { applyAttributes } from './attributes.ts'
import { systemCode, writingFault } from './faults.ts'
import { type HeldRange, openJournal, type Version } from './journal.ts'

/** A file being written; exactly one of `commit`, `keep` and `discard` ends it. */
export type PartFile = {
  /** Writes all of `bytes` at `offset`; a promise on a disk that was found to be slow. */
  write: (bytes: Buffer, offset: number) => Promise<void> | undefined
  /** Reads back into the whole buffer, to hash what is really on disk. */
  read: (buffer: Buffer, offset: number) => Promise<void>
  /** What an earlier run wrote; to be checked before it counts. */
  held: readonly HeldRange[]
  /** Begins a journal, so that another run may go on with this version. */
  begin: (version: Version) => void
  /** A range is on disk. */
  note: (range: HeldRange) => void
  /** Gives the file its final name; throws `PartLost` when another process has taken the file over. */
  commit: (attributes: Attributes) => void
  /** Leaves file and journal for another run; without a journal it removes the file. */
  keep: () => void
  /** Removes the temporary file; never throws. */
  discard: () => void
}

/** Another process goes on with what we had begun. */
export class PartLost extends Error {
  constructor(path: string) {
    super(`another process took over the download of ${path}`)
    this.name = 'PartLost'
  }
}

/** How many writes, one after the other, have held up everything else; shared by all files of a folder. */
export type Disk = { now: Clock; slowWrites: number }

/** The two names of a file and what its commit may do. */
export type PartPlace = { partPath: string; path: string; replaces: boolean }

const slowMs = 50
const newFile = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
const readAsync = promisify(read)
const writeAsync = promisify(write)

/** The name of the journal of a temporary file. */
export function journalOf(partPath: string): string {
  return `${partPath}.journal`
}

/** Creates the temporary file, or opens one that was taken over with the ranges it `held`. */
export function openPart(
  disk: Disk,
  place: PartPlace,
  takenOver?: { version: Version; held: readonly HeldRange[] },
): PartFile {
  const { partPath, path } = place
  const flags = takenOver ? constants.O_RDWR | constants.O_NOFOLLOW : newFile
  const fd = guarded(path, () => openSync(partPath, flags, 0o666))
  let journal = takenOver && openJournal(journalOf(partPath), takenOver.version, { isNew: false })
  let isClosed = false
  const close = () => {
    if (isClosed) return
    isClosed = true
    journal?.close()
    closeSync(fd)
  }
  const discard = () => {
    try {
      close()
    } catch {
      // What cannot be closed is removed all the same.
    }
    removeQuietly(partPath)
    if (journal) removeQuietly(journalOf(partPath))
  }
  return {
    held: takenOver?.held ?? [],
    discard,
    write: (bytes, offset) =>
      isSlow(disk)
        ? writeSlowly(path, fd, bytes, offset)
        : guarded(path, () => timed(disk, () => writeFully(fd, bytes, offset))),
    read: (buffer, offset) => readBack(path, fd, buffer, offset),
    begin: (version) =>
      guarded(path, () => {
        ftruncateSync(fd, version.sizeBytes)
        journal = openJournal(journalOf(partPath), version, { isNew: true })
      }),
    note: (range) => guarded(path, () => journal?.note(range)),
    keep: () => {
      if (journal) close()
      else discard()
    },
    commit: (attributes) =>
      guarded(path, () => {
        applyAttributes(fd, attributes)
        close()
        // First, so that a kill in between leaves what the next run looks for, and never a journal beside
        // a file that is done.
        if (journal) removeQuietly(journalOf(partPath))
        reveal(place)
      }),
  }
}

/**
 * Writes a whole small file under its temporary name and gives it its final one. In this thread: on a
 * disk of this machine that takes less time than a thread's help; a promise once the disk was slow.
 */
export function writeWholeFile(
  disk: Disk,
  place: PartPlace,
  content: Buffer,
  attributes: Attributes,
): Promise<void> | undefined {
  if (isSlow(disk)) return writeWholeSlowly(place, content, attributes)
  timed(disk, () =>
    guarded(place.path, () => {
      const fd = openSync(place.partPath, newFile, 0o666)
      try {
        try {
          writeFully(fd, content, 0)
          applyAttributes(fd, attributes)
        } finally {
          closeSync(fd)
        }
        reveal(place)
      } catch (error) {
        removeQuietly(place.partPath)
        throw error
      }
    }),
  )
  return undefined
}

// A network disk answers when the file is made, and takes the content when it is closed.
async function writeWholeSlowly(
  place: PartPlace,
  content: Buffer,
  attributes: Attributes,
): Promise<void> {
  const { partPath, path } = place
  try {
    const file = await open(partPath, newFile, 0o666)
    try {
      try {
        await writeSlowly(path, file.fd, content, 0)
        applyAttributes(file.fd, attributes)
      } finally {
        await file.close()
      }
      reveal(place)
    } catch (error) {
      removeQuietly(partPath)
      throw error
    }
  } catch (error) {
    throw writingFault(error, path)
  }
}

function writeFully(fd: number, bytes: Buffer, offset: number): void {
  let done = 0
  while (done < bytes.length) {
    done += writeSync(fd, bytes, done, bytes.length - done, offset + done)
  }
}

// When it takes long, the system's own buffers are full, or the disk is far away: from here on, waiting is
// left to a thread. Once may be chance: a container that has used up its share of the processor stands still.
function timed(disk: Disk, work: () => void): undefined {
  const startedAtMs = disk.now().getTime()
  work()
  const isLong = disk.now().getTime() - startedAtMs > slowMs
  disk.slowWrites = isLong ? disk.slowWrites + 1 : 0
}

function isSlow({ slowWrites }: Disk): boolean {
  return slowWrites >= 2
}

async function writeSlowly(path: string, fd: number, bytes: Buffer, offset: number): Promise<void> {
  try {
    let done = 0
    while (done < bytes.length) {
      const { bytesWritten } = await writeAsync(fd, bytes, done, bytes.length - done, offset + done)
      done += bytesWritten
    }
  } catch (error) {
    throw writingFault(error, path)
  }
}

async function readBack(path: string, fd: number, buffer: Buffer, offset: number): Promise<void> {
  let done = 0
  try {
    while (done < buffer.length) {
      const { bytesRead } = await readAsync(fd, buffer, done, buffer.length - done, offset + done)
      if (bytesRead === 0) {
        throw new Fault('transfer_checksum_mismatch', `“${path}” became shorter on disk.`)
      }
      done += bytesRead
    }
  } catch (error) {
    throw writingFault(error, path)
  }
}

function reveal({ partPath, path, replaces }: PartPlace): void {
  try {
    if (replaces) renameSync(partPath, path)
    else renameNew(partPath, path)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') throw new PartLost(path)
    throw error
  }
}

// A hard link refuses an existing name atomically, which a rename does not.
function renameNew(partPath: string, path: string): void {
  try {
    linkSync(partPath, path)
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(systemCode(error))) {
      throw error
    }
    renameSync(partPath, path)
    return
  }
  rmSync(partPath)
}

/** Removes a file if it is there; never throws. */
export function removeQuietly(path: string): void {
  try {
    rmSync(path, { force: true })
  } catch {
    // A hidden leftover harms nobody, and the next run tries again.
  }
}

/** Does the work, and throws the fault for a failed write to `path`. */
export function guarded<T>(path: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw writingFault(error, path)
  }
}
