// `azure-storage-drone restore`: puts a backup into an empty state, verified before anything is in place,
// and continues the ledger with a record that says so.
import { createHash } from 'node:crypto'
import {
  createReadStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs'
import { rename, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'

import { createLedger } from '../src/audit/ledger.ts'
import { readServiceConfig, type ServiceConfig } from '../src/config/service-config.ts'
import { Fault } from '../src/core/fault.ts'
import type { Secret } from '../src/core/secret.ts'
import { fillPostgres, type Extracted } from '../src/store/backup-fill.ts'
import type { BackupFile } from '../src/store/backup-rows.ts'
import type { WholeStore } from '../src/store/move.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import { postgresSettingsOf, readPassphrase } from './backup-state.ts'
import { describe, extractVerified, syncFolder } from './backup.ts'
import { readArgs } from './read-args.ts'
import { sortKeys } from './restore-keys.ts'
import { restoringFolder } from './service-store.ts'

const usage = `azure-storage-drone restore --config FILE --input FILE --passphrase-file FILE

Puts a backup into the empty state_dir or PostgreSQL database of a configuration. The service must be
stopped. Everything is verified first; the ledger goes on with a record service.restored.
`

type Output = (text: string) => void

/** Runs `restore …`; resolves to the exit code. */
export async function restoreCommand(args: string[], write: Output): Promise<number> {
  const values = read(args)
  if (values.help) {
    write(usage)
    return 0
  }
  const { config: configFile, input, 'passphrase-file': passphraseFile } = values
  if (configFile === undefined || input === undefined || passphraseFile === undefined) {
    const sentence = 'restore: expected --config FILE --input FILE --passphrase-file FILE.'
    throw new Fault('cli_usage', sentence)
  }
  const readFile = (path: string) => readFileSync(path, 'utf8')
  const passphrase = readPassphrase(passphraseFile, readFile)
  const config = readServiceConfig({ readFile, env: process.env }, configFile)
  const { manifest } = await restore(passphrase, config, input)
  write(describe('restored', manifest))
  write(
    `What the service did after ${manifest.takenAt} is not in it: tokens of that time are refused, and records of that time are gone.\n`,
  )
  return 0
}

async function restore(
  passphrase: Secret,
  config: ServiceConfig,
  archive: string,
): Promise<Extracted> {
  const settings = postgresSettingsOf(config)
  if (!settings) return restoreFiles(passphrase, config, archive)
  const folder = mkdtempSync(join(tmpdir(), 'azure-storage-drone-restore-'))
  try {
    const { extracted, store } = await stage(passphrase, config, { archive, folder })
    // Keys are documents there, and the token key is in the configuration; no file is left to place.
    await fillPostgres(settings, store).finally(() => store.close())
    return extracted
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function restoreFiles(
  passphrase: Secret,
  config: ServiceConfig,
  archive: string,
): Promise<Extracted> {
  const { stateFolder } = config
  const folder = join(stateFolder, restoringFolder)
  const isBegun = existsSync(folder)
  if (!isBegun) checkEmpty(stateFolder)
  // What a restore that was killed left there is made anew.
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  let staged
  try {
    staged = await stage(passphrase, config, { archive, folder })
    await staged.store.close()
    for (const { name, bytes } of staged.files) {
      await writeFile(join(folder, name), bytes, { mode: 0o600, flush: true, flag: 'wx' })
    }
  } catch (error) {
    // The state is as empty as it was; behind one that was killed some files may be in place.
    if (!isBegun) rmSync(folder, { recursive: true, force: true })
    throw error
  }
  // Until `restoring` is gone no service starts beside what is in place so far.
  for (const name of readdirSync(folder)) await rename(join(folder, name), join(stateFolder, name))
  await syncFolder(stateFolder)
  rmSync(folder, { recursive: true })
  return staged.extracted
}

type Staged = { extracted: Extracted; store: WholeStore; files: BackupFile[] }

async function stage(
  passphrase: Secret,
  config: ServiceConfig,
  { archive, folder }: { archive: string; folder: string },
): Promise<Staged> {
  const file = join(folder, 'state.db')
  const extracted = await extractVerified(passphrase, archive, file)
  const store = openSqliteStore(file)
  try {
    const files = await sortKeys({ store, files: extracted.files }, config)
    await recordRestore(store, config, { ...extracted.manifest, sha256: await sha256Of(archive) })
    return { extracted, store, files }
  } catch (error) {
    await store.close()
    throw error
  }
}

function checkEmpty(folder: string): void {
  if (!existsSync(folder)) return
  const [first] = readdirSync(folder).filter((name) => name !== 'lost+found')
  if (first === undefined) return
  throw new Fault('store_not_empty', `The state folder ${folder} is not empty: there is ${first}.`)
}

async function recordRestore(
  store: WholeStore,
  { node }: ServiceConfig,
  { takenAt, chains, sha256 }: Extracted['manifest'] & { sha256: string },
): Promise<void> {
  const now = () => new Date()
  await createLedger({ store, now }, node).append({
    type: 'service.restored',
    decision: 'info',
    detail: `restored from the backup taken at ${takenAt}; what was recorded after it is not here`,
    heads: chains,
    backup: { taken_at: takenAt, sha256 },
  })
}

async function sha256Of(file: string): Promise<string> {
  const hash = createHash('sha256')
  await pipeline(createReadStream(file), hash)
  return hash.digest('hex')
}

function read(args: string[]) {
  return readArgs('restore', {
    args,
    options: {
      config: { type: 'string', short: 'c' },
      input: { type: 'string' },
      'passphrase-file': { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  }).values
}
