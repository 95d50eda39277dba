// What the file system's error codes mean to a person.
import { Fault, type FaultCode, messageOf } from '../../core/fault.ts'

const writingCodes: Readonly<Record<string, FaultCode>> = {
  ENOSPC: 'transfer_disk_full',
  EDQUOT: 'transfer_disk_full',
  EFBIG: 'transfer_disk_full',
  EACCES: 'transfer_target_unwritable',
  EPERM: 'transfer_target_unwritable',
  EROFS: 'transfer_target_unwritable',
  EISDIR: 'transfer_target_exists',
  ENOTEMPTY: 'transfer_target_exists',
  EEXIST: 'transfer_target_exists',
  ENOTDIR: 'transfer_target_exists',
  ENAMETOOLONG: 'transfer_name_invalid',
  EILSEQ: 'transfer_name_invalid',
  EINVAL: 'transfer_name_invalid',
  ELOOP: 'transfer_path_unsafe',
}

const sentences: Partial<Record<FaultCode, string>> = {
  transfer_disk_full: 'the disk is full, or a quota or size limit is reached',
  transfer_target_unwritable: 'the step may not write there',
  transfer_target_exists:
    'something else is in the way (a folder for a file, or a file for a folder)',
  transfer_name_invalid: 'the file system cannot keep this name',
  transfer_path_unsafe: 'a symbolic link is in the way',
}

/** The system's code of an error (`ENOENT`, …); empty when it has none. */
export function systemCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}

/** The fault for a failed write below the target folder; `path` is shown. */
export function writingFault(error: unknown, path: string): unknown {
  if (error instanceof Fault) return error
  const systemName = systemCode(error)
  if (systemName === '') return error
  const code = writingCodes[systemName] ?? 'transfer_target_unwritable'
  return new Fault(
    code,
    `Could not write “${path}”: ${sentences[code] ?? messageOf(error)} (${systemName}).`,
    { cause: error, details: { systemCode: systemName } },
  )
}

/** The fault for a failed read of a source file. */
export function readingFault(error: unknown, path: string): unknown {
  if (error instanceof Fault) return error
  const systemName = systemCode(error)
  if (systemName === '') return error
  return new Fault('transfer_source_unreadable', `Could not read “${path}”: ${messageOf(error)}.`, {
    cause: error,
    details: { systemCode: systemName },
  })
}
