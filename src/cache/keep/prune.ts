// Housekeeping as one run: eviction over all given scopes, then a collection in each.
import {
  collectGarbage,
  type CollectDeps,
  type Collected,
  type CollectLimits,
  collectLimits,
} from './collect.ts'
import { type Allowance, type Evicted, evictKeys } from './evict.ts'

/** What a prune did; `collected` in the order of the scopes. */
export type Pruned = { evicted: Evicted; collected: readonly Collected[] }

/** Prunes the scopes of a repository that the caller may write. Throws `azure_storage_*`. */
export async function prune(
  scopes: readonly CollectDeps[],
  allowance: Allowance,
  limits: CollectLimits = collectLimits,
): Promise<Pruned> {
  const evicted = await evictKeys(scopes, allowance)
  const collected: Collected[] = []
  for (const deps of scopes) collected.push(await collectGarbage(deps, limits))
  return { evicted, collected }
}
