// Keys of the build cache listed, shown, cleared and pruned, over the scopes of a repository.
import type { Collected, CollectDeps } from '../cache/keep/collect.ts'
import { clearKeys, listKeys, matchesKey, showKey } from '../cache/keep/keys.ts'
import { prune } from '../cache/keep/prune.ts'
import { decodeKey, encodeKey, type Named, readDocument } from '../cache/key-document.ts'
import { decodeManifest } from '../cache/pack/manifest-read.ts'
import { packsOf } from '../cache/pack/manifest.ts'
import { readScope } from '../cache/scope.ts'
import type { CacheStore } from '../cache/store.ts'
import { Fault } from '../core/fault.ts'
import type { CacheDone, CacheStep } from './cache.ts'
import { showBytes, showCount, showNumber } from './report.ts'
import type { CacheJob } from './settings/cache.ts'

/** What housekeeping needs of a step. */
export type HouseDeps = Pick<CacheStep, 'log' | 'print' | 'newId' | 'sleep'> & {
  openScope: (scope: string) => CacheStore
  lanes: number
}

const mostManifestBytes = 64 * 1024 * 1024
const unbounded = { entries: Number.MAX_SAFE_INTEGER, bytes: Number.MAX_SAFE_INTEGER }

/** Carries out `keys`, `clear` or `prune`. Throws `cache_*`, and what storage refuses. */
export async function keepHouse(deps: HouseDeps, job: CacheJob): Promise<CacheDone> {
  const scopes = await findScopes(deps, job)
  const where =
    scopes.length === 1 ? (scopes[0] ?? '').slice(0, -1) : showCount(scopes.length, 'scope')
  if (job.action === 'prune') return pruneScopes(deps, job, scopes)
  let count = 0
  for (const scope of scopes) {
    count +=
      job.action === 'clear'
        ? await clearScope(deps, scope, job.key ?? '')
        : await listScope(deps, scope, job.key)
  }
  const word = job.action === 'clear' ? 'cleared' : 'found'
  const note = `${word} ${showCount(count, 'key')} in ${where}`
  return { files: count, place: where, cache: { outcome: 'none', key: job.key ?? '', note } }
}

async function clearScope(deps: HouseDeps, scope: string, pattern: string): Promise<number> {
  const cleared = await clearKeys({ store: deps.openScope(scope), decodeKey }, pattern)
  for (const key of cleared) deps.print(`${scope}${key}`)
  return cleared.length
}

async function listScope(deps: HouseDeps, scope: string, pattern = '*'): Promise<number> {
  const house = toHouse(deps, scope)
  if (!pattern.includes('*')) return showOne(deps, scope, pattern)
  let count = 0
  for await (const page of listKeys(house)) {
    for (const { key, savedAtMs, lastUsedAtMs } of page) {
      if (!matchesKey(pattern, key)) continue
      count += 1
      deps.print(`${toTime(savedAtMs)}  ${toTime(lastUsedAtMs)}  ${scope}${key}`)
    }
  }
  return count
}

async function showOne(deps: HouseDeps, scope: string, key: string): Promise<number> {
  const shown = await showKey(toHouse(deps, scope), encodeKey(key))
  if (!shown) return 0
  if ('damaged' in shown) {
    deps.print(`${scope}${key}: damaged: ${shown.damaged.why}`)
    return 1
  }
  const { document, names, lastUsedAtMs } = shown
  const { savedAt, savedBy, paths, entries, bytes, content } = document
  deps.print(`${scope}${key}`)
  deps.print(`  saved      ${savedAt} by ${savedBy || 'somebody'}`)
  deps.print(`  last used  ${toTime(lastUsedAtMs)}`)
  deps.print(`  paths      ${paths.join(', ')}`)
  deps.print(`  holds      ${showNumber(entries)} entries, ${showBytes(bytes)}`)
  const parts = names ? `${names.length} blobs` : 'not all of it is there any more'
  deps.print(`  mode       ${content.mode}: ${parts}`)
  return 1
}

async function pruneScopes(
  deps: HouseDeps,
  { ttlMs, quotaBytes }: CacheJob,
  scopes: readonly string[],
): Promise<CacheDone> {
  const houses = scopes.map((scope) => toHouse(deps, scope))
  const allowance = { ttlMs, ...(quotaBytes !== undefined && { quotaBytes }) }
  const { evicted, collected } = await prune(houses, allowance)
  for (const { evicted: keys } of [evicted]) {
    for (const { key, why } of keys) {
      deps.print(`${key}: ${why === 'ttl' ? 'not used for too long' : 'over the quota'}`)
    }
  }
  const lines = collected.map((each, index) => `${scopes[index]}: ${describe(each)}`)
  for (const line of lines) deps.log(line)
  const removedBytes = collected.reduce(
    (sum, each) => sum + (each.state === 'done' ? each.removedBytes : 0),
    0,
  )
  const note = `pruned ${showCount(evicted.evicted.length, 'key')}, ${showBytes(removedBytes)} that no key holds`
  return {
    files: evicted.evicted.length,
    bytes: removedBytes,
    place: `of ${showCount(scopes.length, 'scope')}`,
    cache: { outcome: 'none', key: '', note },
  }
}

function describe(collected: Collected): string {
  switch (collected.state) {
    case 'done':
      return `${showCount(collected.removed, 'blob')} removed, ${showBytes(collected.removedBytes)}${collected.isAll ? '' : '; there is more, for the next run'}`
    case 'waiting':
      return `${showCount(collected.saves, 'save')} still going on; the next run removes ${showCount(collected.marked, 'blob')}`
    case 'busy':
      return 'another run is at work'
    default: {
      const [first] = collected.damaged
      return `nothing was removed: the key “${first?.key}” cannot be read (${first?.why}); remove it with \`cache clear\``
    }
  }
}

function toHouse(deps: HouseDeps, scope: string): CollectDeps {
  const store = deps.openScope(scope)
  return {
    store,
    lanes: deps.lanes,
    newId: deps.newId,
    sleep: (ms) => deps.sleep(ms),
    decodeKey,
    readDocument,
    packsOf: (manifest) => readPacks(store, manifest),
  }
}

async function readPacks(
  store: CacheStore,
  { name }: Named,
): Promise<readonly string[] | undefined> {
  const read = await store.readWhole(name, mostManifestBytes)
  return read && packsOf(await decodeManifest(read.bytes, unbounded))
}

// All scopes that there are, or the one that was named.
async function findScopes({ openScope }: HouseDeps, { scope }: CacheJob): Promise<string[]> {
  if (scope !== undefined) {
    const found = readScope(scope)
    if (found === undefined) throw new Fault('cache_scope_unknown', `“${scope}” is no scope.`)
    return [found]
  }
  const scopes = new Set<string>()
  for await (const page of openScope('').list('')) {
    for (const { name } of page) {
      const found = /^(?:default|(?:branches|pulls)\/[^/]+)\//.exec(name)
      if (found) scopes.add(found[0])
    }
  }
  return [...scopes].toSorted()
}

function toTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString().slice(0, 16).replace('T', ' ')
}
