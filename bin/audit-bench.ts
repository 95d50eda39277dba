// What the audit commands work with: the store of a configuration, its archive, and its public keys.
import { readFileSync } from 'node:fs'

import { joinSources, listArchive, openFiles } from '../src/audit/archive.ts'
import type { KeysOf, LedgerSource } from '../src/audit/verify.ts'
import { readServiceConfig, type ServiceConfig } from '../src/config/service-config.ts'
import { Fault } from '../src/core/fault.ts'
import type { Store } from '../src/store/store.ts'
import { readLedgerKeys } from './service-ledger.ts'
import { openStore } from './service-store.ts'

/** An opened ledger. */
export type AuditBench = {
  config: ServiceConfig
  store: Store
  /** The archive and the store as one. */
  source: LedgerSource
  isArchived: boolean
  keysOf: KeysOf
  now: () => Date
}

/** Does some work over the ledger of a configuration; throws cli_usage without one, or with arguments nobody wants. */
export async function withAuditBench<Value>(
  configFile: string | undefined,
  work: (bench: AuditBench) => Promise<Value>,
  unwanted: readonly string[] = [],
): Promise<Value> {
  if (unwanted.length > 0) {
    throw new Fault('cli_usage', `audit: ${unwanted.join(' ')} is too much here.`)
  }
  if (configFile === undefined) throw new Fault('cli_usage', 'audit: --config is missing.')
  const readFile = (path: string) => readFileSync(path, 'utf8')
  const config = readServiceConfig({ readFile, env: process.env }, configFile)
  const now = () => new Date()
  const store = await openStore(config)
  try {
    const { archive } = config.ledger
    const files = archive ? await listArchive(archive.folder) : []
    const isArchived = files.length > 0
    const source = isArchived ? joinSources(await openFiles(files), store) : store
    const keys = await readLedgerKeys({ store, now }, config)
    const keysOf: KeysOf = (node) => keys.get(node)
    return await work({ config, store, source, isArchived, keysOf, now })
  } finally {
    await store.close()
  }
}
