// Removes what no key document names, beside saves that go on: marks what looks unused, waits for the saves
// that do not know of the mark, looks again, and removes in the version that was marked. Does not finish
// in one run when saves take long: the mark stays, and the next run goes on with it.
import { type SeenIntent, readIntents } from './intent.ts'
import { type Mark, readMarks, writeMark } from './mark.ts'
import { contentPlaces, inLanes, places, readServiceClock } from './places.ts'
import { type DamagedKey, surveyKeys, type SurveyDeps, type SurveyedKey } from './survey.ts'

/** What a collection needs. */
export type CollectDeps = SurveyDeps & { newId: () => string; sleep: (ms: number) => Promise<void> }

/** Bounds of a collection; times in milliseconds, ages on the service's clock. */
export type CollectLimits = {
  /** Contents younger than this are left alone: most likely a save is about to name them. */
  graceMs: number
  /** A save that shows no life for so long was killed. */
  intentLifeMs: number
  /** A collection that was taken up and shows no end for so long was killed. */
  markLifeMs: number
  /** How long this run waits for saves, and how often it looks. */
  waitMs: number
  pollMs: number
  /** Contents of one run. */
  most: number
}

/** Limits that fit a build step. */
export const collectLimits: CollectLimits = {
  graceMs: 3_600_000,
  intentLifeMs: 3_600_000,
  markLifeMs: 86_400_000,
  waitMs: 20_000,
  pollMs: 2_000,
  most: 20_000,
}

/**
 * `done`: `isAll` is false when there was more than one run may take. `waiting`: `saves` saves go on, the next
 * run finishes. `busy`: somebody else collects. `blocked`: nothing was removed, since nobody knows what `damaged` keys name.
 */
export type Collected = { brokenKeys: readonly string[] } & (
  | { state: 'done'; removed: number; removedBytes: number; isAll: boolean }
  | { state: 'waiting'; marked: number; saves: number }
  | { state: 'busy' }
  | { state: 'blocked'; damaged: readonly DamagedKey[] }
)

/** Collects in one scope. Throws `azure_storage_*`. */
export async function collectGarbage(
  deps: CollectDeps,
  limits: CollectLimits = collectLimits,
): Promise<Collected> {
  const clockMs = await readServiceClock(deps.store)
  const marks = await readMarks(deps.store)
  for (const { item } of marks.filter(
    (mark) => clockMs - mark.item.modifiedAtMs > limits.markLifeMs,
  )) {
    await deps.store.remove(item.name, item.etag)
  }
  const current = marks.filter(({ item }) => clockMs - item.modifiedAtMs <= limits.markLifeMs)
  if (current.some(({ state }) => state === 'working')) return { state: 'busy', brokenKeys: [] }
  const left = current[0]
  const begun = left
    ? { mark: left, isAll: false, brokenKeys: [] }
    : await begin(deps, limits, clockMs)
  if ('state' in begun) return begun
  return { ...(await finish(deps, limits, { ...begun, clockMs })), brokenKeys: begun.brokenKeys }
}

type Begun = { mark: Mark; isAll: boolean; brokenKeys: string[] }

// The first listing: contents before keys, so that what is saved in between is not marked in vain.
async function begin(
  deps: CollectDeps,
  limits: CollectLimits,
  clockMs: number,
): Promise<Begun | Collected> {
  const { store } = deps
  const unnamed = new Map<string, string>()
  const there = new Set<string>()
  for (const place of contentPlaces) {
    for await (const page of store.list(place)) {
      for (const { name, etag, modifiedAtMs } of page) {
        there.add(name)
        if (clockMs - modifiedAtMs > limits.graceMs) unnamed.set(name, etag)
      }
    }
  }
  const damaged: DamagedKey[] = []
  const brokenKeys: string[] = []
  for await (const keys of surveyKeys(deps, (key) => damaged.push(key))) {
    for (const { names } of keys) for (const name of names ?? []) unnamed.delete(name)
    const broken = await inLanes(keys, deps.lanes, async (key) => isBroken(deps, there, key))
    for (const { item, document } of keys.filter((_, index) => broken[index])) {
      if (await store.remove(item.name, item.etag)) brokenKeys.push(document.key)
    }
  }
  if (damaged.length > 0) return { state: 'blocked', damaged, brokenKeys }
  if (unnamed.size === 0) {
    await readOlder(deps, limits, { clockMs, id: '' })
    return { state: 'done', removed: 0, removedBytes: 0, isAll: true, brokenKeys }
  }
  const names = new Map([...unnamed].slice(0, limits.most))
  const id = deps.newId()
  const name = places.marks + id
  await store.writeWhole(name, writeMark('waiting', names), 'absent')
  const item = await store.find(name)
  if (!item) return { state: 'busy', brokenKeys }
  const mark: Mark = { id, item, state: 'waiting', names }
  return { mark, isAll: names.size === unnamed.size, brokenKeys }
}

// A document that names what is not there: its save was killed after it had been taken for dead. Nobody can
// restore it, and nobody may re-use what it still names.
async function isBroken({ store }: CollectDeps, there: ReadonlySet<string>, key: SurveyedKey) {
  if (!key.names) return true
  for (const name of key.names) if (!there.has(name) && !(await store.find(name))) return true
  return false
}

type Finishing = { mark: Mark; isAll: boolean; clockMs: number }

// Result types without the broken keys, which only the first listing finds.
type Finished = Collected extends infer Each
  ? Each extends Collected
    ? Omit<Each, 'brokenKeys'>
    : never
  : never

async function finish(
  deps: CollectDeps,
  limits: CollectLimits,
  { mark, isAll, clockMs }: Finishing,
): Promise<Finished> {
  const { store } = deps
  const unnamed = new Map(mark.names)
  for (let waitedMs = 0; ; waitedMs += limits.pollMs) {
    const older = await readOlder(deps, limits, { clockMs, id: mark.id })
    if (older.length === 0) break
    if (waitedMs >= limits.waitMs) {
      return { state: 'waiting', marked: unnamed.size, saves: older.length }
    }
    await deps.sleep(limits.pollMs)
  }
  // From here on the mark is this run's alone.
  const working = writeMark('working', unnamed)
  if (!(await store.writeWhole(mark.item.name, working, { etag: mark.item.etag }))) {
    return { state: 'busy' }
  }
  const own = await store.find(mark.item.name)
  const damaged = await subtractNamed(deps, unnamed)
  if (damaged.length > 0) {
    await store.remove(mark.item.name)
    return { state: 'blocked', damaged }
  }
  // When a removal fails the mark stays until its life is over: the request may yet be on its way.
  const done = { removed: 0, removedBytes: 0 }
  const removing = [...unnamed]
  for (let from = 0; from < removing.length; from += deps.lanes) {
    // Stopped for longer than a mark lives: what is left is another collection's.
    if (!own || (await store.find(mark.item.name))?.etag !== own.etag) return { state: 'busy' }
    await inLanes(removing.slice(from, from + deps.lanes), deps.lanes, async ([name, etag]) => {
      const item = await store.find(name)
      if (item?.etag !== etag || !(await store.remove(name, etag))) return
      done.removed++
      done.removedBytes += item.sizeBytes
    })
  }
  await store.remove(mark.item.name)
  return { state: 'done', ...done, isAll }
}

// The second listing sees every save that the mark did not stop; says which keys cannot be read.
async function subtractNamed(deps: CollectDeps, unnamed: Map<string, string>) {
  const damaged: DamagedKey[] = []
  for await (const keys of surveyKeys(deps, (key) => damaged.push(key))) {
    for (const { names } of keys) for (const name of names ?? []) unnamed.delete(name)
  }
  return damaged
}

// Saves that do not know of a mark; those that were killed are removed.
async function readOlder(
  { store }: CollectDeps,
  limits: CollectLimits,
  { clockMs, id }: { clockMs: number; id: string },
): Promise<SeenIntent[]> {
  const older: SeenIntent[] = []
  for (const intent of await readIntents(store)) {
    const isDead = clockMs - intent.item.modifiedAtMs > limits.intentLifeMs
    if (isDead && (await store.remove(intent.item.name, intent.item.etag))) continue
    if (!intent.seen.has(id)) older.push(intent)
  }
  return older
}
