// Removes remote files, each only as the version that was listed: what somebody wrote since then stays.
import type { EngineDeps } from '../engine-deps.ts'
import type { RemoveStep } from '../plan/plan.ts'
import type { Need } from './schedule.ts'

/** What a small request without content takes from the slots. */
export const needOfCall: Need = { memoryBytes: 4096, wireBytes: 4096 }

/** Removes one file or folder; one that is gone already is as good. */
export async function removeRemote(
  { remote }: EngineDeps,
  { name, file: { kind, etag } }: RemoveStep,
): Promise<void> {
  // A folder's version changes with what is in it, and we have just removed that.
  const condition =
    kind === 'folder' || etag === ''
      ? ({ kind: 'none' } as const)
      : { kind: 'match' as const, etag }
  await remote.remove({ name, kind }, condition)
}
