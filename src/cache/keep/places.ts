// Where things lie in the folder of a scope, and the service's clock, by which alone ages are told.
import type { CacheStore } from '../store.ts'

/** First segments of names in a scope's folder. */
export const places = {
  keys: 'keys/',
  used: 'used/',
  archives: 'archives/',
  manifests: 'manifests/',
  packs: 'packs/',
  saves: 'saves/',
  marks: 'collect/',
} as const

/** Places of what key documents name; everything there is collected when none names it any more. */
export const contentPlaces = [places.archives, places.manifests, places.packs] as const

/** What is written to learn the service's time. */
export const clockName = 'clock'

/** The service's time now, milliseconds since 1970: a small write, and when the service says it was. */
export async function readServiceClock(store: CacheStore): Promise<number> {
  await store.writeWhole(clockName, Buffer.from('{}'), 'always')
  const item = await store.find(clockName)
  if (!item) throw new Error(`${clockName} is gone right after it was written`)
  return item.modifiedAtMs
}

/** Works on everything of a list, `lanes` at once; results in the order of the list. */
export async function inLanes<In, Out>(
  list: readonly In[],
  lanes: number,
  work: (each: In) => Promise<Out>,
): Promise<Out[]> {
  const results: Out[] = []
  for (let from = 0; from < list.length; from += lanes) {
    results.push(...(await Promise.all(list.slice(from, from + lanes).map(work))))
  }
  return results
}

/** A JSON document of ours as a plain record; undefined when it is none. */
export function parseRecord(bytes: Buffer): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString())
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
    return Object.fromEntries(Object.entries(value))
  } catch {
    return undefined
  }
}
