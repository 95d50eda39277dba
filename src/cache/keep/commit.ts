// The end of a save: its key document, written last, and the check afterwards that no collection has
// meanwhile taken the save for dead. docs/cache.md, "How saves and collections keep out of each other's way".
import type { CacheStore, WriteCondition } from '../store.ts'
import { closeIntent, type Intent } from './intent.ts'
import { readMarks } from './mark.ts'
import { inLanes, places } from './places.ts'

/** What commits need. */
export type CommitDeps = {
  store: CacheStore
  /** Calls at once. */
  lanes: number
}

/** What is to be committed. */
export type Commit = {
  /** The key document. */
  document: Buffer
  /** `encodeKey` of its key. */
  encodedName: string
  condition: WriteCondition
  intent: Intent
  /** Everything the document names, itself or by its manifest, that was there before this save. */
  reused: readonly string[]
  /** Everything else that it names. */
  sent: readonly string[]
}

/**
 * `taken`: somebody else's document is there, and stays. `withdrawn`: the key was not saved, because `gone` is
 * not there any more or the save took longer than its intent lives; it may be tried again from the beginning.
 */
export type Committed =
  | { outcome: 'saved' | 'taken' }
  | { outcome: 'withdrawn'; gone: readonly string[] }

/** Shows a save to readers, and closes its intent. Throws `azure_storage_*`. */
export async function commitKey(deps: CommitDeps, commit: Commit): Promise<Committed> {
  const committed = await commitOpen(deps, commit)
  await closeIntent(deps, commit.intent)
  return committed
}

async function commitOpen(deps: CommitDeps, commit: Commit): Promise<Committed> {
  const { store } = deps
  const { intent, reused, sent } = commit
  // Other keys' manifests are no proof that a content is there: the other key may be about to be withdrawn.
  const gone = await findGone(deps, reused, new Map())
  gone.push(...reused.filter((name) => !intent.mayReuse(name)))
  if (gone.length > 0 || !(await intent.renew())) return { outcome: 'withdrawn', gone }

  const name = places.keys + commit.encodedName
  const isWritten = await store.writeWhole(name, commit.document, commit.condition)
  // A write that was answered by a cut connection, and then tried again, finds itself.
  if (!isWritten && !(await findOwn(store, name, commit.document))) return { outcome: 'taken' }
  if (await store.find(intent.name)) return { outcome: 'saved' }

  // From here on no collection has waited for this save. Marks first: one that is gone has removed all it will.
  const endangered = await findGone(deps, [...reused, ...sent], await readMarked(store))
  if (endangered.length === 0) return { outcome: 'saved' }
  const own = await findOwn(store, name, commit.document)
  if (own) await store.remove(name, own.etag)
  return { outcome: 'withdrawn', gone: endangered }
}

/** Which of these are not there, or there in the very version that is marked. */
async function findGone(
  { store, lanes }: CommitDeps,
  names: readonly string[],
  marked: ReadonlyMap<string, ReadonlySet<string>> | undefined,
): Promise<string[]> {
  if (!marked) return [...names]
  const isGone = await inLanes(names, lanes, async (name) => {
    const item = await store.find(name)
    return !item || marked.get(name)?.has(item.etag) === true
  })
  return names.filter((_, index) => isGone[index])
}

// Name → versions that are marked; undefined when a mark cannot be read.
async function readMarked(store: CacheStore): Promise<Map<string, Set<string>> | undefined> {
  const marked = new Map<string, Set<string>>()
  for (const { names } of await readMarks(store)) {
    if (!names) return undefined
    for (const [name, etag] of names) {
      marked.set(name, (marked.get(name) ?? new Set<string>()).add(etag))
    }
  }
  return marked
}

async function findOwn(store: CacheStore, name: string, document: Buffer) {
  const read = await store.readWhole(name, 8 * 1024 * 1024)
  return read?.bytes.equals(document) === true ? read.item : undefined
}
