// What the key documents of a scope name: read page by page, never all at once.
import { Fault } from '../../core/fault.ts'
import type { KeyDocument, Named } from '../key-document.ts'
import type { CacheStore, Item } from '../store.ts'
import { inLanes, places } from './places.ts'

/** What housekeeping needs to understand what it finds. */
export type SurveyDeps = {
  store: CacheStore
  /** Calls at once. */
  lanes: number
  /** Throws `cache_archive_invalid`. */
  readDocument: (bytes: Buffer) => KeyDocument
  /** Names of the packs of a manifest; undefined when it is not there. Throws `cache_archive_invalid`. */
  packsOf: (manifest: Named) => Promise<readonly string[] | undefined>
  /** Throws `cache_*` for a name that no key has. */
  decodeKey: (encodedName: string) => string
}

/** A key of which nobody knows what it names. */
export type DamagedKey = { key: string; why: string }

/** A key document and what it names; undefined names: its manifest is not there. */
export type SurveyedKey = {
  item: Item
  document: KeyDocument
  names: readonly string[] | undefined
}

const maxDocumentBytes = 1024 * 1024

/** Every key of the scope; those that cannot be read go to `onDamaged`. */
export async function* surveyKeys(
  deps: SurveyDeps,
  onDamaged: (key: DamagedKey) => void,
): AsyncGenerator<SurveyedKey[]> {
  for await (const page of deps.store.list(places.keys)) {
    const read = await inLanes(page, deps.lanes, ({ name }) => surveyKey(deps, name, onDamaged))
    yield read.filter((key) => key !== undefined)
  }
}

/** One key by its name; undefined when it is gone or damaged. */
export async function surveyKey(
  deps: SurveyDeps,
  name: string,
  onDamaged: (key: DamagedKey) => void,
): Promise<SurveyedKey | undefined> {
  try {
    const read = await deps.store.readWhole(name, maxDocumentBytes)
    if (!read) return undefined
    const document = deps.readDocument(read.bytes)
    return { item: read.item, document, names: await namesOf(deps, document) }
  } catch (error) {
    if (!(error instanceof Fault) || error.code !== 'cache_archive_invalid') throw error
    onDamaged({ key: keyOf(deps, name), why: error.message })
    return undefined
  }
}

/** The key of a name below `keys/` or `used/`; the name itself where it is none. */
export function keyOf({ decodeKey }: Pick<SurveyDeps, 'decodeKey'>, name: string): string {
  const encoded = name.slice(name.indexOf('/') + 1)
  try {
    return decodeKey(encoded)
  } catch (error) {
    if (error instanceof Fault) return encoded
    throw error
  }
}

async function namesOf({ packsOf }: SurveyDeps, { content }: KeyDocument) {
  if (content.mode === 'archive') return [content.archive.name]
  const packs = await packsOf(content.manifest)
  return packs && [content.manifest.name, ...packs]
}
