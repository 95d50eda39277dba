// The keys of a backup in the form the restored service reads: files beside SQLite, documents in
// PostgreSQL, where none is in clear. What does not open is told before anything is in place.
import { openKeyring } from '../src/audit/keyring.ts'
import type { ServiceConfig } from '../src/config/service-config.ts'
import { Fault } from '../src/core/fault.ts'
import { formatKeyFile, parseKeyFile } from '../src/keys/key-file.ts'
import type { BackupFile } from '../src/store/backup-rows.ts'
import type { WholeStore } from '../src/store/move.ts'
import { isKept } from './backup-state.ts'

const ledgerKey = 'ledger-key.'

/** Puts keys where the configuration has them, in the store or among the files that are returned; throws keys_unreadable. */
export async function sortKeys(
  { store, files }: { store: WholeStore; files: readonly BackupFile[] },
  config: ServiceConfig,
): Promise<BackupFile[]> {
  const bad = files.find(({ name }) => !isKept(name))
  if (bad) {
    throw new Fault('backup_invalid', `The backup names a file ${bad.name}, which is no state.`)
  }
  const kept = new Map(files.map(({ name, bytes }) => [name, bytes]))
  // What the configuration gives is not a file as well.
  if (config.tokenKey) kept.delete('token.key')
  const texts = new Map((await store.readDocuments()).map(({ name, text }) => [name, text]))
  for (const { name, bytes } of files) {
    if (name.endsWith('.json')) texts.set(name.slice(0, -'.json'.length), bytes.toString())
  }
  for (const [name, text] of texts) {
    if (!isKeyName(name)) continue
    const inForm = await reform(name, text, config)
    if (config.database) await writeAnew(store, name, inForm)
    else kept.set(`${name}.json`, Buffer.from(inForm))
  }
  return config.database ? [] : [...kept].map(([name, bytes]) => ({ name, bytes }))
}

function isKeyName(name: string): boolean {
  return ['signing-keys', 'key-vault-ring'].includes(name) || name.startsWith(ledgerKey)
}

async function reform(name: string, text: string, config: ServiceConfig): Promise<string> {
  const { keys, database } = config
  if (name.startsWith(ledgerKey)) return reformLedgerKey(name, text, config)
  if (name !== 'signing-keys' || keys.vault) return text
  const { ring, pairs, isSealed } = await parseKeyFile('in the backup', text, keys.encryptionKey)
  return isSealed || !database ? text : formatKeyFile(ring, pairs, keys.encryptionKey)
}

// A key of the ledger that was in clear in a file does not go into a database: another one does, which
// the old one endorses.
async function reformLedgerKey(
  name: string,
  text: string,
  { keys, database, tokenKey }: ServiceConfig,
): Promise<string> {
  let kept = text
  const place = {
    name: `${name} in the backup`,
    read: async () => ({ version: '1', text: kept }),
    write: async (_version: string, written: string) => {
      kept = written
    },
    locked: <Value>(work: () => Promise<Value>) => work(),
  }
  const now = () => new Date()
  const sealWith = keys.encryptionKey ?? (database ? tokenKey : undefined)
  const keyring = await openKeyring({ now, place, sealWith }, name.slice(ledgerKey.length))
  if (database && !text.includes('"sealed"')) await keyring.rotate()
  return kept
}

async function writeAnew(store: WholeStore, name: string, text: string): Promise<void> {
  const known = await store.readDocument(name)
  await store.writeDocument(name, known?.version ?? 0, text)
}
