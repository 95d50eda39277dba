// The keys of a scope for people and for eviction: listed with their last use, shown, removed.
// A key was last used when it was saved, or restored by a build that may write here (to the day).
import type { KeyDocument } from '../key-document.ts'
import type { CacheStore, Item } from '../store.ts'
import { places } from './places.ts'
import { type DamagedKey, keyOf, surveyKey, type SurveyDeps } from './survey.ts'

/** A key in a list; times in milliseconds on the service's clock. */
export type KeyLine = {
  key: string
  encodedName: string
  item: Item
  savedAtMs: number
  lastUsedAtMs: number
}

/** What one key holds; undefined names: its manifest is not there. */
export type ShownKey = KeyLine & { document: KeyDocument; names: readonly string[] | undefined }

const touchEveryMs = 86_400_000

/** All keys whose encoded name begins with `prefix`, by pages, sorted by name. Throws `azure_storage_*`. */
export async function* listKeys(
  deps: Pick<SurveyDeps, 'store' | 'decodeKey'>,
  prefix = '',
): AsyncGenerator<KeyLine[]> {
  const used = new Map<string, number>()
  for await (const page of deps.store.list(places.used + prefix)) {
    for (const { name, modifiedAtMs } of page)
      used.set(name.slice(places.used.length), modifiedAtMs)
  }
  for await (const page of deps.store.list(places.keys + prefix)) {
    yield page.map((item) => {
      const encodedName = item.name.slice(places.keys.length)
      return lineOf(deps, item, used.get(encodedName))
    })
  }
}

/** One key; undefined when there is none, `damaged` when nobody can read it. Throws `azure_storage_*`. */
export async function showKey(
  deps: SurveyDeps,
  encodedName: string,
): Promise<ShownKey | { damaged: DamagedKey } | undefined> {
  let damaged: DamagedKey | undefined
  const read = await surveyKey(deps, places.keys + encodedName, (key) => (damaged = key))
  if (damaged) return { damaged }
  if (!read) return undefined
  const used = await deps.store.find(places.used + encodedName)
  const { document, names } = read
  return { ...lineOf(deps, read.item, used?.modifiedAtMs), document, names }
}

/**
 * Removes the keys that a pattern names (`*` stands for anything); what they held goes with the next
 * collection. Returns the keys; one that was saved again in between is not removed. Throws `azure_storage_*`.
 */
export async function clearKeys(
  deps: Pick<SurveyDeps, 'store' | 'decodeKey'>,
  pattern: string,
): Promise<string[]> {
  const cleared: string[] = []
  for await (const page of listKeys(deps)) {
    for (const line of page.filter(({ key }) => matchesKey(pattern, key))) {
      if (await removeKey(deps.store, line)) cleared.push(line.key)
    }
  }
  return cleared
}

/** Removes one key in the version that was listed; false when it was saved again, or is gone. */
export async function removeKey(
  store: CacheStore,
  { encodedName, item }: KeyLine,
): Promise<boolean> {
  const isRemoved = await store.remove(item.name, item.etag)
  if (isRemoved) await store.remove(places.used + encodedName)
  return isRemoved
}

/**
 * Notes that a key was restored, by a build that may write here; at most once a day. The builder's clock
 * only says whether a note is due: what counts is when the service wrote it. Throws `azure_storage_*`.
 */
export async function touchKey(
  { store, now }: { store: CacheStore; now: () => Date },
  encodedName: string,
): Promise<void> {
  const name = places.used + encodedName
  const [key, used] = [await store.find(places.keys + encodedName), await store.find(name)]
  const lastMs = Math.max(key?.modifiedAtMs ?? 0, used?.modifiedAtMs ?? 0)
  if (!key || Math.abs(now().getTime() - lastMs) < touchEveryMs) return
  await store.writeWhole(name, Buffer.from('{}'), 'always')
}

/** Whether a key is one that a pattern names; without `*`, the key itself. Takes linear steps. */
export function matchesKey(pattern: string, key: string): boolean {
  const [first = '', ...others] = pattern.split('*')
  const last = others.pop()
  if (last === undefined) return key === pattern
  if (!key.startsWith(first)) return false
  let at = first.length
  for (const part of others) {
    const found = key.indexOf(part, at)
    if (found < 0) return false
    at = found + part.length
  }
  return key.length - last.length >= at && key.endsWith(last)
}

function lineOf(deps: Pick<SurveyDeps, 'decodeKey'>, item: Item, usedAtMs = 0): KeyLine {
  return {
    key: keyOf(deps, item.name),
    encodedName: item.name.slice(places.keys.length),
    item,
    savedAtMs: item.modifiedAtMs,
    lastUsedAtMs: Math.max(item.modifiedAtMs, usedAtMs),
  }
}
