// For tests: replicas that share their keys in every way the service offers, with a clock to turn.
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

import { Secret } from '../core/secret.ts'
import { openVaultKey, type VaultKey } from './key-vault-client.ts'
import { openVaultSigner } from './key-vault.ts'
import { openLocalSignerAt } from './local.ts'
import type { RecordKeyEvents, RingSigner } from './place-signer.ts'
import { documentKeyPlace, fileKeyPlace, type Documents, type KeyPlace } from './place.ts'
import { createQueue, type Queue } from './queue.ts'
import { defaultRules } from './ring.ts'

/** Where keys are shared. */
export type World = {
  now: Date
  /** A replica with a way of its own to the place. */
  open: (how?: { record?: RecordKeyEvents; queue?: Queue }) => Promise<RingSigner>
  /** While true no replica can read or write the place. */
  isShut: boolean
  /** Where the file or the database is. */
  folder: string
}

/** The ways, by what the titles of tests call them. */
export const ways = [
  'file',
  'database',
  'vault, ring in a file',
  'vault, ring in a database',
] as const

/** One of the ways. */
export type Way = (typeof ways)[number]

/** What a world stands on: a database of its own for every replica, and a key in a vault. */
export type Ground = {
  openDocuments: (file: string) => Documents & { close: () => Promise<void> }
  openVault: (key: string) => Promise<VaultKey>
}

/** Makes a world with nothing in it yet. */
export async function createWorld(t: TestContext, ground: Ground, way: Way): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'asd-replicas-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const encryptionKey = new Secret(randomBytes(32).toString('base64url'))
  const vault = way.startsWith('vault') ? await ground.openVault(randomUUID()) : undefined
  const openPlace = (): KeyPlace => {
    if (!way.endsWith('database')) return fileKeyPlace(join(folder, 'keys.json'))
    const documents = ground.openDocuments(join(folder, 'state.db'))
    t.after(() => documents.close())
    return documentKeyPlace(documents, 'signing-keys')
  }
  const world: World = {
    now: new Date('2026-11-23T12:00:00Z'),
    isShut: false,
    folder,
    open({ record, queue = createQueue(realClock, patient) } = {}) {
      const place = shuttable(world, openPlace())
      const now = () => world.now
      const deps = { now, ...(record && { record }) }
      const rules = defaultRules
      if (!vault) return openLocalSignerAt(deps, place, { rules, encryptionKey })
      return openVaultSigner({ ...deps, place, vault, queue, newId: randomUUID }, { rules })
    },
  }
  return world
}

/** Opens vault keys as the service does. */
export function vaultOpener(
  url: string,
  ca: string,
  credential: Parameters<typeof openVaultKey>[1],
): Ground['openVault'] {
  return (key) => openVaultKey({ url, key, ca }, credential)
}

/** The real clock for a queue. */
export const realClock = {
  nowMs: () => performance.now(),
  wake(afterMs: number, work: () => void) {
    const timer = setTimeout(work, afterMs)
    return () => clearTimeout(timer)
  },
}

const patient = { concurrency: 4, longestQueue: 100, longestWaitMs: 60_000 }

function shuttable(world: World, place: KeyPlace): KeyPlace {
  const guard = async <Value>(work: () => Promise<Value>): Promise<Value> => {
    if (world.isShut) throw new Error('the place is shut')
    return work()
  }
  return {
    ...place,
    version: () => guard(() => place.version()),
    read: () => guard(() => place.read()),
    write: (version, text) => guard(() => place.write(version, text)),
  }
}
