// `azure-storage-drone store move`: brings what a service knows from its SQLite file into a PostgreSQL
// database, and verifies it there record by record.
import { existsSync, readFileSync } from 'node:fs'

import { verifyLedger } from '../src/audit/verify.ts'
import { readServiceConfig, type ServiceConfig } from '../src/config/service-config.ts'
import { Fault } from '../src/core/fault.ts'
import { compareStores, copyStore } from '../src/store/move.ts'
import { openSqliteStoreAlone } from '../src/store/sqlite.ts'
import { readArgs } from './read-args.ts'
import { openStore, storeFileOf } from './service-store.ts'
import { withKeyFiles } from './store-keys.ts'

const usage = `azure-storage-drone store move --from CONFIG --to CONFIG [--verify-only]

Moves tokens, builds, the ledger and the signing keys from the state_dir of one configuration into the
PostgreSQL database of the other, and compares both. The service must be stopped. An interrupted move
goes on when it is run again. --verify-only compares and writes nothing.
`

type Output = (text: string) => void

/** Runs `store …`; resolves to the exit code. */
export async function storeCommand(args: string[], write: Output): Promise<number> {
  const { values, positionals } = read(args)
  if (values.help) {
    write(usage)
    return 0
  }
  const [name, ...more] = positionals
  const { from, to } = values
  if (name !== 'move' || more.length > 0 || from === undefined || to === undefined) {
    throw new Fault('cli_usage', 'store: expected `move --from CONFIG --to CONFIG`.')
  }
  await move(readConfig(from), readConfig(to), { isOnlyVerified: values['verify-only'], write })
  return 0
}

function read(args: string[]) {
  return readArgs('store', {
    args,
    allowPositionals: true,
    options: {
      from: { type: 'string' },
      to: { type: 'string' },
      'verify-only': { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
}

function readConfig(path: string): ServiceConfig {
  const readFile = (file: string) => readFileSync(file, 'utf8')
  return readServiceConfig({ readFile, env: process.env }, path)
}

async function move(
  source: ServiceConfig,
  target: ServiceConfig,
  { isOnlyVerified, write }: { isOnlyVerified: boolean; write: Output },
): Promise<void> {
  const file = storeFileOf(source)
  if (source.database || !target.database) {
    const sentence = 'store move: goes from a configuration without `database` to one with it.'
    throw new Fault('cli_usage', sentence)
  }
  if (!existsSync(file)) throw new Fault('cli_usage', `store move: there is no ${file}.`)
  // Held to the end: a service that starts meanwhile is refused by it.
  const from = openSqliteStoreAlone(file)
  try {
    // A broken ledger is not carried on as if it were whole.
    const before = await verifyLedger(from)
    const to = await openStore(target)
    try {
      const whole = await withKeyFiles({ from, to }, source, target)
      if (!isOnlyVerified) await copyStore(whole, to)
      const { chains, records, tokens, builds, documents } = await compareStores(whole, to)
      const { count } = await verifyLedger(to)
      if (count !== before.count) {
        throw new Fault(
          'store_target_differs',
          `The target has ${count} records, not ${before.count}.`,
        )
      }
      for (const { node, seq, hash } of chains)
        write(`chain ${node}: ${seq} records, ends in ${hash}\n`)
      write(
        `${isOnlyVerified ? 'compared' : 'moved and compared'}: ${records} records, ${tokens} tokens, ${builds} builds, ${documents} documents; both sides are alike\n`,
      )
    } finally {
      await to.close()
    }
  } finally {
    await from.close()
  }
}
