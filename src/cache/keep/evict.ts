// Takes keys away that were not used for long, or that are too many: first what is past its time to live,
// then the least recently used until what is left fits the quota. What they held goes with the next collection.
import { type KeyLine, listKeys, removeKey } from './keys.ts'
import { contentPlaces, places, readServiceClock } from './places.ts'
import { type DamagedKey, surveyKey, surveyKeys, type SurveyDeps } from './survey.ts'

/** What keys may take; a quota counts everything the keys of all given scopes hold, once per scope. */
export type Allowance = { ttlMs?: number; quotaBytes?: number }

/** What an eviction did; `heldBytes` is known only when there is a quota and it was looked at closely. */
export type Evicted = {
  evicted: readonly { key: string; why: 'ttl' | 'quota' }[]
  heldBytes: number | undefined
  damaged: readonly DamagedKey[]
}

/** Evicts in the scopes of a repository that the caller may write. Throws `azure_storage_*`. */
export async function evictKeys(
  scopes: readonly SurveyDeps[],
  { ttlMs, quotaBytes }: Allowance,
): Promise<Evicted> {
  const evicted: { key: string; why: 'ttl' | 'quota' }[] = []
  const evict = async ({ deps, line }: Candidate, why: 'ttl' | 'quota'): Promise<boolean> => {
    // Restored since it was listed: that use counts.
    const used = await deps.store.find(places.used + line.encodedName)
    if ((used?.modifiedAtMs ?? 0) > line.lastUsedAtMs) return false
    const isRemoved = await removeKey(deps.store, line)
    if (isRemoved) evicted.push({ key: line.key, why })
    return isRemoved
  }
  if (ttlMs !== undefined) {
    for (const deps of scopes) {
      const clockMs = await readServiceClock(deps.store)
      for await (const page of listKeys(deps)) {
        for (const line of page) {
          if (clockMs - line.lastUsedAtMs > ttlMs) await evict({ deps, line }, 'ttl')
        }
      }
    }
  }
  if (quotaBytes === undefined) return { evicted, heldBytes: undefined, damaged: [] }
  return { ...(await evictOver(scopes, quotaBytes, evict)), evicted }
}

type Candidate = { deps: SurveyDeps; line: KeyLine }
type Content = { sizeBytes: number; holders: number }

async function evictOver(
  scopes: readonly SurveyDeps[],
  quotaBytes: number,
  evict: (candidate: Candidate, why: 'quota') => Promise<boolean>,
): Promise<{ heldBytes: number | undefined; damaged: readonly DamagedKey[] }> {
  const contents = new Map<SurveyDeps, Map<string, Content>>()
  let storedBytes = 0
  for (const deps of scopes) {
    const stored = await listContents(deps)
    contents.set(deps, stored)
    for (const { sizeBytes } of stored.values()) storedBytes += sizeBytes
  }
  // Most runs end here, without a document read.
  if (storedBytes <= quotaBytes) return { heldBytes: undefined, damaged: [] }

  const { damaged, heldBytes: heldAtFirst } = await countHolders(contents)
  let heldBytes = heldAtFirst
  if (heldBytes <= quotaBytes) return { heldBytes, damaged }
  for (const candidate of await oldestFirst(scopes)) {
    if (heldBytes <= quotaBytes) break
    const { deps, line } = candidate
    // What every key holds would not fit into memory: it is read again for those that go.
    const read = await surveyKey(deps, line.item.name, () => {})
    if (!(await evict(candidate, 'quota'))) continue
    for (const name of read?.names ?? []) {
      const content = contents.get(deps)?.get(name)
      if (content && --content.holders === 0) heldBytes -= content.sizeBytes
    }
  }
  return { heldBytes, damaged }
}

type Contents = ReadonlyMap<SurveyDeps, Map<string, Content>>

async function countHolders(
  contents: Contents,
): Promise<{ heldBytes: number; damaged: DamagedKey[] }> {
  const damaged: DamagedKey[] = []
  let heldBytes = 0
  for (const [deps, stored] of contents) {
    for await (const keys of surveyKeys(deps, (key) => damaged.push(key))) {
      for (const name of keys.flatMap(({ names }) => names ?? [])) {
        const content = stored.get(name)
        if (content && content.holders++ === 0) heldBytes += content.sizeBytes
      }
    }
  }
  return { heldBytes, damaged }
}

async function oldestFirst(scopes: readonly SurveyDeps[]): Promise<Candidate[]> {
  const candidates: Candidate[] = []
  for (const deps of scopes) {
    for await (const page of listKeys(deps)) {
      candidates.push(...page.map((line) => ({ deps, line })))
    }
  }
  return candidates.toSorted(
    (a, b) => a.line.lastUsedAtMs - b.line.lastUsedAtMs || (a.line.key < b.line.key ? -1 : 1),
  )
}

async function listContents({ store }: SurveyDeps): Promise<Map<string, Content>> {
  const contents = new Map<string, Content>()
  for (const place of contentPlaces) {
    for await (const page of store.list(place)) {
      for (const { name, sizeBytes } of page) contents.set(name, { sizeBytes, holders: 0 })
    }
  }
  return contents
}
