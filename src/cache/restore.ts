// Restores the best key there is: the exact one of any scope that the build reads, otherwise the newest that
// begins with a restore key, in the order of these keys and then of the scopes.
import { Fault, messageOf } from '../core/fault.ts'
import { restoreArchive } from './archive/restore.ts'
import { touchKey } from './keep/keys.ts'
import { places } from './keep/places.ts'
import { encodeKey, type KeyDocument, readDocument } from './key-document.ts'
import type { Restored } from './outcome.ts'
import { restorePack } from './pack/restore.ts'
import type { StateFile } from './pack/state.ts'
import type { Scopes } from './scope.ts'
import type { CacheStore } from './store.ts'
import { openPlanting, type PlantDeps } from './tree/plant.ts'

/** What caching needs of the step. */
export type CacheDeps = {
  /** The store of one scope of the repository. */
  openScope: (scope: string) => CacheStore
  plant: PlantDeps
  state: StateFile
  now: () => Date
  newId: () => string
  /** Calls at once. */
  lanes: number
  /** For people. */
  log: (line: string) => void
}

/** What is to be restored: keys without templates, paths absolute and as the step named them. */
export type RestoreWish = {
  scopes: Scopes
  key: string
  restoreKeys: readonly string[]
  roots: readonly string[]
  paths: readonly string[]
  lookupOnly: boolean
}

/** A key that was found, and where. */
export type Hit = { scope: string; encodedName: string; document: KeyDocument }

/** What a restore came to; `restored` is absent for a look alone. */
export type RestoreOutcome =
  | { outcome: 'exact' | 'partial'; hit: Hit; restored?: Restored }
  | { outcome: 'miss' }

const maxDocumentBytes = 1024 * 1024

/** Restores, or only looks. Throws `cache_*` with nothing changed on the disk, and what the store throws. */
export async function restoreCache(deps: CacheDeps, wish: RestoreWish): Promise<RestoreOutcome> {
  for await (const { hit, isExact } of findCandidates(deps, wish)) {
    const outcome = isExact ? 'exact' : 'partial'
    if (wish.lookupOnly) return { outcome, hit }
    const restored = await plantHit(deps, wish, hit)
    if (restored) {
      if (hit.scope === wish.scopes.writes) await touch(deps, hit)
      return { outcome, hit, restored }
    }
    deps.log(`“${hit.document.key}” of ${hit.scope} names what is not there any more; passed over`)
  }
  return { outcome: 'miss' }
}

/** The exact key in the first of these scopes that has it; undefined when none has. */
export async function findExact(
  deps: CacheDeps,
  scopes: readonly string[],
  key: string,
): Promise<Hit | undefined> {
  const found = await Promise.all(
    scopes.map((scope) => inScope(deps, scopes, scope, () => readHit(deps, scope, encodeKey(key)))),
  )
  return found.find((hit) => hit !== undefined)
}

async function* findCandidates(
  deps: CacheDeps,
  { scopes: { reads }, key, restoreKeys, paths }: RestoreWish,
): AsyncGenerator<{ hit: Hit; isExact: boolean }> {
  const isFitting = ({ document }: Hit) =>
    document.paths.length === paths.length &&
    document.paths.every((path, index) => path === paths[index])
  const exact = await findExact(deps, reads, key)
  if (exact && isFitting(exact)) yield { hit: exact, isExact: true }
  else if (exact) deps.log(`“${key}” was saved for other paths: ${exact.document.paths.join(', ')}`)
  for (const start of restoreKeys) {
    for (const scope of reads) {
      const hit = await inScope(deps, reads, scope, () => readNewest(deps, scope, encodeKey(start)))
      if (hit && isFitting(hit)) yield { hit, isExact: false }
    }
  }
}

// By the service's clock; of two at the same time the one whose name comes first.
async function readNewest(
  deps: CacheDeps,
  scope: string,
  encodedStart: string,
): Promise<Hit | undefined> {
  let newest: { name: string; modifiedAtMs: number } | undefined
  for await (const page of deps.openScope(scope).list(places.keys + encodedStart)) {
    for (const item of page) {
      const isNewer =
        !newest ||
        item.modifiedAtMs > newest.modifiedAtMs ||
        (item.modifiedAtMs === newest.modifiedAtMs && item.name < newest.name)
      if (isNewer) newest = item
    }
  }
  return newest && readHit(deps, scope, newest.name.slice(places.keys.length))
}

async function readHit(
  deps: CacheDeps,
  scope: string,
  encodedName: string,
): Promise<Hit | undefined> {
  const read = await deps.openScope(scope).readWhole(places.keys + encodedName, maxDocumentBytes)
  return read && { scope, encodedName, document: readDocument(read.bytes) }
}

// The first scope is the build's own, and must be open to it; others need not be.
async function inScope<Value>(
  deps: CacheDeps,
  scopes: readonly string[],
  scope: string,
  work: () => Promise<Value>,
): Promise<Value | undefined> {
  try {
    return await work()
  } catch (error) {
    const isRefused = error instanceof Fault && error.status === 403
    if (!isRefused || scope === scopes[0]) throw error
    deps.log(`${scope} cannot be read by this build: ${messageOf(error)}`)
    return undefined
  }
}

function plantHit(
  deps: CacheDeps,
  { roots }: RestoreWish,
  { scope, document }: Hit,
): Promise<Restored | undefined> {
  const store = deps.openScope(scope)
  const plant = (bounds: { entries: number; bytes: number }) =>
    openPlanting(deps.plant, roots, bounds)
  const { now, state } = deps
  return document.content.mode === 'pack'
    ? restorePack({ store, openPlanting: plant, now, state }, document, store.shown)
    : restoreArchive({ store, openPlanting: plant }, document)
}

// Restored is restored, also when nobody could take it down.
async function touch(deps: CacheDeps, { scope, encodedName }: Hit): Promise<void> {
  try {
    await touchKey({ store: deps.openScope(scope), now: deps.now }, encodedName)
  } catch (error) {
    deps.log(`the use of the key could not be noted: ${messageOf(error)}`)
  }
}
