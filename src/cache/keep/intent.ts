// Intents, `saves/<id>`: a save that is going on. It is written before the save looks at anything that it
// might re-use, so that a collection waits for it or it learns what the collection has marked.
import type { CacheStore, Item } from '../store.ts'
import { type Mark, readMarks } from './mark.ts'
import { parseRecord, places } from './places.ts'

/** A running save. */
export type Intent = {
  id: string
  name: string
  /**
   * Whether a content that is there already may be named by this save; if not, it is to be written again
   * with the condition `always`, which gives it a new version that no collection has marked.
   */
  mayReuse: (name: string) => boolean
  /** Begins the intent's life anew, for a save that takes long; false when a collection took it for dead. */
  renew: () => Promise<boolean>
}

/** An intent as a collection sees it, with the marks that its save knows of. */
export type SeenIntent = { item: Item; seen: ReadonlySet<string> }

const maxIntentBytes = 64 * 1024

/** Says that a save begins; `gone` are names that an earlier try found missing. */
export async function openIntent(
  { store, newId }: { store: CacheStore; newId: () => string },
  gone: readonly string[] = [],
): Promise<Intent> {
  for (;;) {
    const id = newId()
    const name = `${places.saves}${id}`
    await store.writeWhole(name, writeIntent([]), 'absent')
    const marks = await readMarks(store)
    const seen = marks.map((mark) => mark.id)
    const renew = () => renewIntent(store, name, seen)
    // No collection waits for a save that knows its mark; one that took this for dead makes it begin again.
    if (marks.length > 0 && !(await renew())) continue
    return {
      id,
      name,
      renew,
      mayReuse: (content) => !gone.includes(content) && !isMarked(marks, content),
    }
  }
}

/** Says that a save has ended, however it ended. */
export async function closeIntent({ store }: { store: CacheStore }, intent: Intent): Promise<void> {
  await store.remove(intent.name)
}

/** All saves that are going on, or were killed. */
export async function readIntents(store: CacheStore): Promise<SeenIntent[]> {
  const intents: SeenIntent[] = []
  for await (const page of store.list(places.saves)) {
    for (const { name } of page) {
      const read = await store.readWhole(name, maxIntentBytes)
      if (!read) continue
      const seen = parseRecord(read.bytes)?.['seen']
      intents.push({ item: read.item, seen: new Set(Array.isArray(seen) ? seen.map(String) : []) })
    }
  }
  return intents
}

// A mark that cannot be read may name everything.
function isMarked(marks: readonly Mark[], content: string): boolean {
  return marks.some(({ names }) => names?.has(content) ?? true)
}

async function renewIntent(store: CacheStore, name: string, seen: readonly string[]) {
  const item = await store.find(name)
  if (!item) return false
  return await store.writeWhole(name, writeIntent(seen), { etag: item.etag })
}

function writeIntent(seen: readonly string[]): Buffer {
  return Buffer.from(JSON.stringify({ version: 1, seen }))
}
