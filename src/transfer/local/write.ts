// Writes files below one target folder: into a temporary file beside the final name, which appears
// whole by a rename or not at all. No symbolic link below the target is followed.
import { constants } from 'node:fs'
import { link, lstat, mkdir, open, rename, rm } from 'node:fs/promises'

import { Fault } from '../../core/fault.ts'
import { systemCode, writingFault } from './faults.ts'

/** A file being written; exactly one of `commit` and `discard` ends it. */
export type PartFile = {
  /** Writes all of `bytes` at `offset`. */
  write: (bytes: Buffer, offset: number) => Promise<void>
  /** Reads back into the whole buffer, to hash what is really on disk. */
  read: (buffer: Buffer, offset: number) => Promise<void>
  /** Gives the file its final name. */
  commit: () => Promise<void>
  /** Removes the temporary file; never throws. */
  discard: () => Promise<void>
}

/** A folder that files are written into. */
export type TargetFolder = {
  /** Creates the folders on the way and a temporary file for these path segments. */
  create: (segments: readonly string[]) => Promise<PartFile>
  /** What is already at these segments: nothing, or something. */
  exists: (segments: readonly string[]) => Promise<boolean>
}

/** Opens a target; without `replaces` a file that exists is a Fault `transfer_target_exists`. */
export function openFolder(
  { pid }: { pid: number },
  root: string,
  { replaces }: { replaces: boolean },
): TargetFolder {
  const folders = new Map<string, Promise<void>>()
  let partCount = 0

  const ensureFolder = (segments: readonly string[]): Promise<void> => {
    const path = pathOf(root, segments)
    const known = folders.get(path) ?? makeFolder(segments, path)
    folders.set(path, known)
    return known
  }
  const makeFolder = async (segments: readonly string[], path: string) => {
    if (segments.length === 0) {
      await guarded(path, () => mkdir(path, { recursive: true }))
      return
    }
    await ensureFolder(segments.slice(0, -1))
    await guarded(path, () => makePlainFolder(path))
  }

  return {
    exists: async (segments) =>
      guarded(pathOf(root, segments), async () => {
        try {
          await lstat(pathOf(root, segments))
          return true
        } catch (error) {
          if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return false
          throw error
        }
      }),
    create: async (segments) => {
      const parents = segments.slice(0, -1)
      await ensureFolder(parents)
      const path = pathOf(root, segments)
      const partName = `.${shorten(segments.at(-1) ?? '')}.part-${pid}-${partCount++}`
      return createPart(pathOf(root, [...parents, partName]), path, replaces)
    },
  }
}

async function makePlainFolder(path: string): Promise<void> {
  try {
    await mkdir(path)
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error
    const stats = await lstat(path)
    if (stats.isSymbolicLink()) {
      throw new Fault(
        'transfer_path_unsafe',
        `“${path}” is a symbolic link, and files would be written through it.`,
        { hint: 'Remove the link, or choose another `target`.', cause: error },
      )
    }
    if (!stats.isDirectory()) throw error
  }
}

async function createPart(partPath: string, path: string, replaces: boolean): Promise<PartFile> {
  const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW
  const handle = await guarded(path, () => open(partPath, flags, 0o666))
  let isClosed = false
  const close = async () => {
    if (isClosed) return
    isClosed = true
    await handle.close()
  }
  return {
    write: (bytes, offset) =>
      guarded(path, async () => {
        let done = 0
        while (done < bytes.length) {
          const { bytesWritten } = await handle.write(
            bytes,
            done,
            bytes.length - done,
            offset + done,
          )
          done += bytesWritten
        }
      }),
    read: (buffer, offset) =>
      guarded(path, async () => {
        let done = 0
        while (done < buffer.length) {
          const { bytesRead } = await handle.read(buffer, done, buffer.length - done, offset + done)
          if (bytesRead === 0) {
            throw new Fault('transfer_checksum_mismatch', `“${path}” became shorter on disk.`)
          }
          done += bytesRead
        }
      }),
    commit: () =>
      guarded(path, async () => {
        await close()
        await (replaces ? rename(partPath, path) : renameNew(partPath, path))
      }),
    discard: async () => {
      await close().catch(() => undefined)
      await rm(partPath, { force: true }).catch(() => undefined)
    },
  }
}

// A hard link refuses an existing name atomically, which a rename does not.
async function renameNew(partPath: string, path: string): Promise<void> {
  try {
    await link(partPath, path)
  } catch (error) {
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK'].includes(systemCode(error))) {
      throw error
    }
    await rename(partPath, path)
    return
  }
  await rm(partPath)
}

async function guarded<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw writingFault(error, path)
  }
}

function pathOf(root: string, segments: readonly string[]): string {
  const base = root === '' ? '.' : root
  if (segments.length === 0) return base
  return `${base}${base.endsWith('/') ? '' : '/'}${segments.join('/')}`
}

// The additions must fit into the 255 bytes of a name as well.
function shorten(name: string): string {
  let short = name
  while (Buffer.byteLength(short) > 200) short = short.slice(0, -8).toWellFormed()
  return short
}
