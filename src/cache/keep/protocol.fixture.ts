// For the proof of the protocol: saves and collections in the smallest form that runs the real code,
// what must hold after every run, and the broken variants that must be found out.
import assert from 'node:assert/strict'

import { Fault } from '../../core/fault.ts'
import type { KeyDocument } from '../key-document.ts'
import type { CacheStore, WriteCondition } from '../store.ts'
import { type CollectDeps, collectGarbage, collectLimits, type CollectLimits } from './collect.ts'
import { commitKey, type Committed } from './commit.ts'
import {
  copyWorld,
  createWorld,
  putBlob,
  runAlone,
  type Ended,
  type Participant,
  type World,
} from './explore.fixture.ts'
import { openIntent } from './intent.ts'
import { contentPlaces, places } from './places.ts'

/** A day after: everything that was killed is known to be. */
const longAfterMs = 90_000_000

/** Ids in a row for one participant. */
export function countIds(of: string): () => string {
  let next = 0
  return () => `${of}${next++}`
}

/** What housekeeping is given in tests: documents are JSON, a manifest is the list of its packs. */
export function openCollectDeps(store: CacheStore, newId: () => string): CollectDeps {
  return {
    store,
    newId,
    lanes: 1,
    sleep: async () => {},
    decodeKey: (name) => name,
    readDocument: (bytes) => {
      const text = bytes.toString()
      if (!text.startsWith('{"version":1'))
        throw new Fault('cache_archive_invalid', `not a key: ${text}`)
      return JSON.parse(text)
    },
    packsOf: async ({ name }) => {
      const read = await store.readWhole(name, 1_000_000)
      return read && JSON.parse(read.bytes.toString())
    },
  }
}

/** A save whose local state says that all its packs are there already. */
export type Save = { key: string; packs: readonly string[]; condition?: WriteCondition }

/** Saves like pack mode does; what is withdrawn is tried again once. */
export function saving({ key, packs, condition = 'absent' }: Save): Participant {
  return async (store) => {
    const newId = countIds(`save-${key}-`)
    let gone: readonly string[] = []
    for (let attempt = 0; ; attempt++) {
      const committed = await saveOnce(store, { newId, key, packs, condition, gone })
      if (committed.outcome !== 'withdrawn' || attempt === 1) return committed.outcome
      ;({ gone } = committed)
    }
  }
}

type Once = Required<Save> & { newId: () => string; gone: readonly string[] }

async function saveOnce(
  store: CacheStore,
  { newId, key, packs, condition, gone }: Once,
): Promise<Committed> {
  const intent = await openIntent({ store, newId }, gone)
  const [reused, sent]: [string[], string[]] = [[], []]
  const send = async (name: string, content: string) => {
    const bytes = Buffer.from(content)
    const isForbidden = !intent.mayReuse(name)
    const isSent = await store.writeWhole(name, bytes, isForbidden ? 'always' : 'absent')
    ;(isSent ? sent : reused).push(name)
  }
  const names = packs.map((pack) => `${places.packs}${pack}`)
  for (const name of names) {
    if (intent.mayReuse(name)) reused.push(name)
    else await send(name, 'pack')
  }
  const manifest = `${places.manifests}${packs.join('')}`
  await send(manifest, JSON.stringify(names))
  const document = Buffer.from(documentOf(key, manifest))
  return await commitKey(
    { store, lanes: 1 },
    { document, encodedName: key, condition, intent, reused, sent },
  )
}

function documentOf(key: string, manifest: string): string {
  const content: KeyDocument['content'] = {
    mode: 'pack',
    manifest: { name: manifest, sha256: '', sizeBytes: 0 },
  }
  return JSON.stringify({ version: 1, key, content })
}

/** One run of a collection that does not wait. */
export function collecting(id: string, limits: Partial<CollectLimits> = {}): Participant {
  return (store) =>
    collectGarbage(openCollectDeps(store, countIds(id)), { ...collectLimits, waitMs: 0, ...limits })
}

/** A container with keys, and packs that are old enough to be collected. */
export function createHouse(keys: Readonly<Record<string, string>>, packs: string): World {
  const world = createWorld()
  for (const pack of packs) putBlob(world, `${places.packs}${pack}`, 'pack')
  for (const [key, named] of Object.entries(keys)) {
    const manifest = `${places.manifests}${named}`
    putBlob(
      world,
      manifest,
      JSON.stringify(named.split('').map((pack) => `${places.packs}${pack}`)),
    )
    putBlob(world, `${places.keys}${key}`, documentOf(key, manifest))
  }
  world.clockMs += 2 * collectLimits.graceMs
  return world
}

/** Keys that a reader finds but cannot restore. */
export function findUnreadable({ blobs }: World): string[] {
  return [...blobs].flatMap(([name, { bytes }]) => {
    if (!name.startsWith(places.keys)) return []
    const manifest = blobs.get(JSON.parse(bytes).content.manifest.name)
    const packs: string[] = manifest ? JSON.parse(manifest.bytes) : ['none']
    return packs.every((pack) => blobs.has(pack)) ? [] : [name]
  })
}

/** Throws unless everything is collected, and everything readable, when all have settled. */
export async function assertSettles(ended: World): Promise<void> {
  const world = copyWorld(ended)
  const before = [...world.blobs.keys()].filter((name) => name.startsWith(places.keys))
  const broken = findUnreadable(world)
  for (let run = 0; run < 4; run++) {
    world.clockMs += longAfterMs
    await runAlone(world, collecting(`settle-${run}-`))
  }
  assert.deepEqual(findUnreadable(world), [], 'unreadable after everything has settled')
  const named = new Set<string>()
  for (const [name, { bytes }] of world.blobs) {
    if (!name.startsWith(places.keys)) continue
    const manifest: string = JSON.parse(bytes).content.manifest.name
    const packs: string[] = JSON.parse(world.blobs.get(manifest)?.bytes ?? '[]')
    for (const each of [manifest, ...packs]) named.add(each)
  }
  for (const name of world.blobs.keys()) {
    if (contentPlaces.some((place) => name.startsWith(place)))
      assert.ok(named.has(name), `${name} stays for ever`)
    assert.ok(
      !name.startsWith(places.saves) && !name.startsWith(places.marks),
      `${name} stays for ever`,
    )
  }
  const lost = before.filter((name) => !world.blobs.has(name) && !broken.includes(name))
  assert.deepEqual(lost, [], 'keys lost by housekeeping')
}

/** Throws for a failed participant, or a save that says it succeeded and cannot be read. */
export function assertKept(world: World, saves: readonly Save[], ended: readonly Ended[]): void {
  for (const { result } of ended) if (result instanceof Error) throw result
  const unreadable = findUnreadable(world)
  for (const [index, { key }] of saves.entries()) {
    if (ended[index]?.result !== 'saved') continue
    assert.ok(world.blobs.has(places.keys + key), `${key} was saved and is gone`)
    assert.ok(!unreadable.includes(places.keys + key), `${key} was saved and cannot be read`)
  }
}
