// Marks of collections, `collect/<id>`: the contents one collection is about to remove, each with the
// version it saw. A save that begins while a mark is there re-uses nothing of it.
import type { CacheStore, Item } from '../store.ts'
import { parseRecord, places } from './places.ts'

/** A collection between its two listings (`waiting`, for anybody to go on with), or after it was taken up. */
export type MarkState = 'waiting' | 'working'

/** A mark as it was read; `names` (name → ETag) is undefined when nobody can read it. */
export type Mark = {
  id: string
  item: Item
  state: MarkState
  names: ReadonlyMap<string, string> | undefined
}

const maxMarkBytes = 8 * 1024 * 1024

/** Bytes of a mark. */
export function writeMark(state: MarkState, names: ReadonlyMap<string, string>): Buffer {
  return Buffer.from(JSON.stringify({ version: 1, state, names: [...names] }))
}

/** All marks that are there now. */
export async function readMarks(store: CacheStore): Promise<Mark[]> {
  const marks: Mark[] = []
  for await (const page of store.list(places.marks)) {
    for (const { name } of page) {
      const read = await store.readWhole(name, maxMarkBytes)
      // Gone in between: that collection has removed all it was to remove.
      if (!read) continue
      marks.push({ id: name.slice(places.marks.length), item: read.item, ...parseMark(read.bytes) })
    }
  }
  return marks
}

function parseMark(bytes: Buffer): Pick<Mark, 'state' | 'names'> {
  const { version, state, names } = parseRecord(bytes) ?? {}
  if (version !== 1 || !Array.isArray(names)) return { state: 'working', names: undefined }
  const parsed = new Map<string, string>()
  for (const pair of names) {
    if (!Array.isArray(pair)) return { state: 'working', names: undefined }
    parsed.set(String(pair[0]), String(pair[1]))
  }
  return { state: state === 'waiting' ? 'waiting' : 'working', names: parsed }
}
