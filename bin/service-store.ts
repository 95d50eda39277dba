// Where the service keeps what it knows: a SQLite file in its state folder, or the PostgreSQL database
// that replicas share; and the key that request tokens are derived with.
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'

import type { ServiceConfig } from '../src/config/service-config.ts'
import { Fault } from '../src/core/fault.ts'
import { openSecretFile } from '../src/keys/local.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import type { Store, StorePages } from '../src/store/store.ts'
import type { TrailTables } from '../src/store/trail-tables.ts'
import { readOrFault } from './service-listen.ts'

/** The store file of a service without a database. */
export function storeFileOf({ stateFolder }: ServiceConfig): string {
  return join(stateFolder, 'state.db')
}

/** Folder in `state_dir` that is there while a restore is not finished. */
export const restoringFolder = 'restoring'

/** Opens the store that the configuration names; throws store_unavailable, restore_unfinished or config_invalid. */
export async function openStore(config: ServiceConfig): Promise<Store & StorePages & TrailTables> {
  if (!config.database) {
    const restoring = join(config.stateFolder, restoringFolder)
    if (!existsSync(restoring)) return openSqliteStore(storeFileOf(config))
    throw new Fault('restore_unfinished', `A restore was not finished: there is ${restoring}.`)
  }
  const { url, caFile, isInClear, connections } = config.database
  const ca = caFile === undefined ? undefined : readOrFault(caFile, 'CA file of database')
  // Loaded here, so that who has no PostgreSQL does not pay for its client.
  const { openPostgresStore } = await import('../src/store/postgres.ts')
  return openPostgresStore({ url, isInClear, connections, ...(ca !== undefined && { ca }) })
}

/** The key of request tokens: the configured one, or one of this process in its state folder. */
export async function openTokenKey({ tokenKey, stateFolder }: ServiceConfig): Promise<Uint8Array> {
  if (tokenKey) return Buffer.from(tokenKey.reveal())
  return openSecretFile({ randomBytes }, join(stateFolder, 'token.key'))
}

/** Chain that commands write beside the service, whose own has one writer. */
export function commandNodeOf({ node }: ServiceConfig): string {
  return `${node}.cli`
}
