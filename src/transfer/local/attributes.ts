// Mode and time of change of files on disk, restored from what was kept beside the content.
import { fchmodSync, futimesSync, openSync, closeSync, constants } from 'node:fs'

import type { Attributes } from '../remote.ts'
import { writingFault } from './faults.ts'

// Set-user-id and its kin are never restored: the remote place is not trusted with them.
const restorable = 0o777

/** Gives an open file its kept mode and time of change; what was not kept stays as it is. */
export function applyAttributes(fd: number, { mode, modifiedAtMs }: Attributes): void {
  if (mode !== undefined) fchmodSync(fd, mode & restorable)
  if (modifiedAtMs !== undefined) futimesSync(fd, modifiedAtMs / 1000, modifiedAtMs / 1000)
}

/** The same for a file by its path; a link in its place is not followed. Throws writing faults. */
export function restoreAttributes(path: string, attributes: Attributes): void {
  let fd: number | undefined
  try {
    fd = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK)
    applyAttributes(fd, attributes)
  } catch (error) {
    throw writingFault(error, path)
  } finally {
    if (fd !== undefined) closeSync(fd)
  }
}

/** Whether a file on disk has what was kept; times agree to the millisecond. */
export function hasAttributes(
  file: { mode: number; modifiedAtMs: number },
  { mode, modifiedAtMs }: Attributes,
): boolean {
  return (
    (mode === undefined || (file.mode & restorable) === (mode & restorable)) &&
    (modifiedAtMs === undefined ||
      Math.abs(Math.floor(file.modifiedAtMs) - Math.floor(modifiedAtMs)) < 2)
  )
}
