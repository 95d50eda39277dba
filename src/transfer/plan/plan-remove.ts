// Finds what is to be removed from the remote place.
import type { EngineDeps } from '../engine-deps.ts'
import type { RemoveJob } from '../job.ts'
import { findRemote } from '../select/remote-find.ts'
import { requireFiles } from '../select/select.ts'
import { assertRemovals } from './plan-extras.ts'
import { type Plan, toPlan } from './plan.ts'

/** Plans a removal; throws when nothing is found or more than `maxDelete` files. */
export async function planRemove(deps: EngineDeps, job: RemoveJob): Promise<Plan<RemoveJob>> {
  const { found, skipped } = await findRemote(deps.remote, job.select)
  const warning = requireFiles(found.length, job.select, skipped)
  assertRemovals(found.filter(({ kind }) => kind !== 'folder').length, job.maxDelete)
  const steps = found.map(({ name, sizeBytes, kind, etag }) => ({
    kind: 'remove' as const,
    name,
    sizeBytes,
    why: 'asked' as const,
    file: { kind, etag },
  }))
  return toPlan(job, steps, { skipped, warning })
}
