// Keys and segments of the ledger from the command line: shown, rotated, archived.
import { readRecord } from '../src/audit/chain.ts'
import { openKeyring } from '../src/audit/keyring.ts'
import { createLedger } from '../src/audit/ledger.ts'
import { archiveSegments } from '../src/audit/retention.ts'
import { Fault } from '../src/core/fault.ts'
import type { AuditBench } from './audit-bench.ts'
import { ledgerKeyPlace, readLedgerKeys } from './service-ledger.ts'
import { commandNodeOf } from './service-store.ts'

/** The verifier keys of every node, one a line. */
export async function showKeys({ config, store, now }: AuditBench): Promise<string> {
  const keys = [...(await readLedgerKeys({ store, now }, config)).values()].flat()
  return keys.map(({ text }) => `${text}\n`).join('')
}

/** Makes a new key; the service signs with it from its next checkpoint on. */
export async function rotateKey({ config, store, now }: AuditBench): Promise<string> {
  const { node } = config
  const keyring = await openKeyring(ledgerKeyPlace({ store, now }, config, node), node)
  const { text } = await keyring.rotate()
  return `${text}\nIt signs from the next checkpoint on; the key before it vouches for it.\n`
}

/** The segments that were closed and are still in the store. */
export async function showSegments({ config, store }: AuditBench): Promise<string> {
  const lines: string[] = []
  for (let from = 1; ;) {
    const rows = await store.readLedger(config.node, from, 1000)
    for (const row of rows) {
      if (!row.record.includes('"type":"ledger.closed"')) continue
      const { segment, ts } = readRecord(row) ?? {}
      if (segment) lines.push(`${segment.node}  ${segment.first}..${segment.last}  closed ${ts}\n`)
    }
    if (rows.length < 1000) break
    from = (rows.at(-1)?.seq ?? from) + 1
  }
  return lines.length > 0 ? lines.join('') : 'No segment is closed yet.\n'
}

/** Moves closed segments that are older than `keep_days`. */
export async function archiveNow({ config, store, keysOf, now }: AuditBench): Promise<string> {
  const { archive } = config.ledger
  if (!archive) {
    throw new Fault('cli_usage', 'audit segments archive: set ledger.keep_days and ledger.archive.')
  }
  const ledger = createLedger({ store, now }, commandNodeOf(config))
  const retention = { node: config.node, ...archive }
  const done = await archiveSegments({ store, ledger, now, keysOf }, retention)
  const lines = done.map(({ first, last, file }) => `${first}..${last}  ${file}\n`)
  return lines.length > 0 ? lines.join('') : 'Nothing is old enough.\n'
}
