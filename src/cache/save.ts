// Saves a tree under a key, once: contents first, the document last, and again from the beginning when a
// collection took away what it named (keep/commit.ts).
import { saveArchive } from './archive/save.ts'
import { commitKey } from './keep/commit.ts'
import { closeIntent, type Intent, openIntent } from './keep/intent.ts'
import { places } from './keep/places.ts'
import { encodeKey, type KeyDocument, readDocument, writeDocument } from './key-document.ts'
import type { Saved } from './outcome.ts'
import { savePack } from './pack/save.ts'
import { type CacheDeps, findExact, type Hit } from './restore.ts'
import type { Scopes } from './scope.ts'
import type { CacheStore, Item, WriteCondition } from './store.ts'

/** When a key that is there already is written again. */
export type SaveRule = 'always' | 'success' | 'on-miss'

/** What is to be saved. */
export type SaveWish = {
  scopes: Scopes
  key: string
  roots: readonly string[]
  paths: readonly string[]
  mode: 'archive' | 'pack'
  level: number
  rule: SaveRule
  savedBy: string
}

/** `there`: some scope that the build reads has the key; `taken`: another save of it came first. */
export type SaveOutcome =
  | { outcome: 'saved'; scope: string; saved: Saved }
  | { outcome: 'there'; hit: Hit }
  | { outcome: 'taken' | 'withdrawn' | 'empty' }

const tries = 2
// How many of the newest keys are looked at for what need not be sent again.
const mostEarlier = 2
const renewEveryMs = 10 * 60_000
const maxDocumentBytes = 1024 * 1024

/** Saves in `scope`, the one that the build writes. Throws `cache_*`, and what the store throws; nothing half-written is seen. */
export async function saveCache(
  deps: CacheDeps,
  scope: string,
  wish: SaveWish,
): Promise<SaveOutcome> {
  const store = deps.openScope(scope)
  if (wish.rule === 'on-miss') {
    const hit = await findExact(deps, [scope, ...wish.scopes.reads], wish.key)
    if (hit) return { outcome: 'there', hit }
  }
  let gone: readonly string[] = []
  for (let attempt = 0; attempt < tries; attempt += 1) {
    const intent = await openIntent({ store, newId: deps.newId }, gone)
    const stopRenewing = renewOften(deps, intent)
    try {
      const done = await saveOnce(deps, { wish, scope, store, intent })
      if (done.outcome !== 'withdrawn') return done
      gone = done.gone
      deps.log('what was to be named again was collected meanwhile; saving once more')
    } catch (error) {
      await closeIntent({ store }, intent).catch(() => undefined)
      throw error
    } finally {
      stopRenewing()
    }
  }
  return { outcome: 'withdrawn' }
}

type Once = { wish: SaveWish; scope: string; store: CacheStore; intent: Intent }

type Done =
  | { outcome: 'saved'; scope: string; saved: Saved }
  | { outcome: 'taken' | 'empty' }
  | { outcome: 'withdrawn'; gone: readonly string[] }

async function saveOnce(deps: CacheDeps, { wish, scope, store, intent }: Once): Promise<Done> {
  const encodedName = encodeKey(wish.key)
  const condition = await chooseCondition(store, encodedName, wish.rule)
  const { saved, reused, sent } = await saveTree(deps, { wish, store, intent })
  if (saved.entries === 0) {
    await closeIntent({ store }, intent)
    return { outcome: 'empty' }
  }
  const document = writeDocument(toDocument(deps, wish, saved))
  const committed = await commitKey(
    { store, lanes: deps.lanes },
    { document, encodedName, condition, intent, reused, sent },
  )
  if (committed.outcome === 'withdrawn') return { outcome: 'withdrawn', gone: committed.gone }
  return committed.outcome === 'saved' ? { outcome: 'saved', scope, saved } : { outcome: 'taken' }
}

async function saveTree(
  deps: CacheDeps,
  { wish: { roots, level, mode }, store, intent }: Omit<Once, 'scope'>,
): Promise<{ saved: Saved; reused: readonly string[]; sent: readonly string[] }> {
  if (mode === 'archive') {
    const saved = await saveArchive({ store, newId: deps.newId }, { roots, level })
    const { content } = saved
    return { saved, reused: [], sent: content.mode === 'archive' ? [content.archive.name] : [] }
  }
  const { now, state } = deps
  const { reused, sent, ...saved } = await savePack(
    { store, now, state, mayReuse: intent.mayReuse },
    { roots, level, folder: store.shown, earlier: () => readEarlier(store) },
  )
  return { saved, reused, sent }
}

async function chooseCondition(
  store: CacheStore,
  encodedName: string,
  rule: SaveRule,
): Promise<WriteCondition> {
  if (rule === 'on-miss') return 'absent'
  const item = await store.find(places.keys + encodedName)
  return item ? { etag: item.etag } : 'absent'
}

// The newest keys of the scope: what they hold is most likely what this tree holds.
async function readEarlier(store: CacheStore): Promise<KeyDocument[]> {
  let newest: Item[] = []
  for await (const page of store.list(places.keys)) {
    newest = [...newest, ...page]
      .toSorted((a, b) => b.modifiedAtMs - a.modifiedAtMs)
      .slice(0, mostEarlier)
  }
  const read = await Promise.all(newest.map(({ name }) => store.readWhole(name, maxDocumentBytes)))
  return read.flatMap((each) => {
    try {
      return each ? [readDocument(each.bytes)] : []
    } catch {
      // A damaged one is of no use here; whoever restores it is told.
      return []
    }
  })
}

function toDocument(
  { now }: CacheDeps,
  { key, savedBy, paths }: SaveWish,
  { entries, bytes, content }: Saved,
): KeyDocument {
  return { version: 1, key, savedAt: now().toISOString(), savedBy, paths, entries, bytes, content }
}

// A collection takes a save that shows no life for dead.
function renewOften({ log }: CacheDeps, intent: Intent): () => void {
  const timer = setInterval(() => {
    intent.renew().catch((error: unknown) => log(`the save could not be renewed: ${String(error)}`))
  }, renewEveryMs)
  timer.unref()
  return () => clearInterval(timer)
}
