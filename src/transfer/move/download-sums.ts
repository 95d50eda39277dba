// Whether what arrived is what was sent, and what is restored beside it.
import { Fault } from '../../core/fault.ts'
import type { DownloadJob } from '../job.ts'
import type { Attributes, RemoteFile } from '../remote.ts'

/** Throws `transfer_checksum_mismatch` unless both agree; without a kept sum there is nothing to say. */
export function assertSum(
  name: string,
  what: string,
  kept: string | undefined,
  arrived: string | undefined,
): void {
  if (kept === undefined || kept === arrived) return
  throw new Fault(
    'transfer_checksum_mismatch',
    `“${name}” arrived with ${what} ${arrived ?? 'unknown'}, and ${kept} is kept with it: nothing was written.`,
  )
}

/** Mode and time of change to restore; none unless the job asks for that. */
export function attributesOf(
  { job }: { job: Pick<DownloadJob, 'preserve'> },
  { attributes }: RemoteFile,
): Attributes {
  return job.preserve ? attributes : {}
}
