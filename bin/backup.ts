// `azure-storage-drone backup`: all that a service knows in one encrypted file, while it runs; and
// `backup verify`, which reads such a file to its end.
import { randomUUID } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { open, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'

import { verifyLedger } from '../src/audit/verify.ts'
import { readServiceConfig } from '../src/config/service-config.ts'
import { Fault, messageOf } from '../src/core/fault.ts'
import type { Secret } from '../src/core/secret.ts'
import { version } from '../src/core/version.ts'
import { sealArchive } from '../src/store/backup-archive.ts'
import { extractBackup, type Extracted } from '../src/store/backup-fill.ts'
import { writeRows, type Manifest } from '../src/store/backup-rows.ts'
import {
  withPostgresSnapshot,
  withSqliteSnapshot,
  type Snapshot,
} from '../src/store/backup-snapshot.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import { postgresSettingsOf, readPassphrase, readStateFiles } from './backup-state.ts'
import { readArgs } from './read-args.ts'
import { storeFileOf } from './service-store.ts'

const usage = `azure-storage-drone backup --config FILE --output FILE --passphrase-file FILE
azure-storage-drone backup verify FILE --passphrase-file FILE

Writes tokens, builds, the ledger, documents and the key files of a service into one encrypted file, as
they are in one moment; the service may run. verify reads such a file to its end and checks the ledger
in it. How to restore it: docs/upgrades.md.
`

type Output = (text: string) => void

/** Runs `backup …`; resolves to the exit code. */
export async function backupCommand(args: string[], write: Output): Promise<number> {
  const { values, positionals } = read(args)
  if (values.help) {
    write(usage)
    return 0
  }
  const { config, output, 'passphrase-file': passphraseFile } = values
  const [word, archive, ...more] = positionals
  if (passphraseFile === undefined) {
    throw new Fault(
      'cli_usage',
      'backup: --passphrase-file is missing; nothing is written in clear.',
    )
  }
  const passphrase = readPassphrase(passphraseFile, (path) => readFileSync(path, 'utf8'))
  if (word === 'verify' && archive !== undefined && more.length === 0) {
    write(describe('the backup is whole', await verifyBackup(passphrase, archive)))
    return 0
  }
  if (word !== undefined || config === undefined || output === undefined) {
    throw new Fault('cli_usage', 'backup: expected --config FILE --output FILE, or verify FILE.')
  }
  await backUp(passphrase, config, output)
  // Read again from the disk: a backup that was never opened is a hope.
  write(describe(`wrote ${output}`, await verifyBackup(passphrase, output)))
  return 0
}

/** A manifest for people: counts, and where each chain ends. */
export function describe(what: string, { sections, chains, takenAt, release }: Manifest): string {
  const { records, token, build, document, file } = sections
  const counts = `${records.count} records, ${token.count} tokens, ${build.count} builds, ${document.count} documents, ${file.count} files`
  const ends = chains.map(({ node, seq, hash }) => `chain ${node}: ends at ${seq} in ${hash}\n`)
  return `${what}: ${counts}; taken at ${takenAt} by release ${release}\n${ends.join('')}`
}

/** Brings a backup into a new SQLite file and verifies the ledger in it; throws backup_* or audit_chain_broken. */
export async function extractVerified(
  passphrase: Secret,
  archive: string,
  file: string,
): Promise<Extracted> {
  if (!existsSync(archive)) throw new Fault('cli_usage', `There is no backup ${archive}.`)
  const extracted = await extractBackup(passphrase, archive, file)
  const store = openSqliteStore(file)
  try {
    await verifyLedger(store)
  } finally {
    await store.close()
  }
  return extracted
}

async function verifyBackup(passphrase: Secret, archive: string): Promise<Manifest> {
  const folder = mkdtempSync(join(tmpdir(), 'azure-storage-drone-backup-'))
  try {
    const { manifest } = await extractVerified(passphrase, archive, join(folder, 'state.db'))
    return manifest
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function backUp(passphrase: Secret, configFile: string, output: string): Promise<void> {
  const readFile = (path: string) => readFileSync(path, 'utf8')
  const config = readServiceConfig({ readFile, env: process.env }, configFile)
  if (existsSync(output)) throw new Fault('cli_usage', `backup: ${output} is there already.`)
  const { node, issuerUrl } = config
  const origin = { takenAt: new Date().toISOString(), release: version, node, issuerUrl }
  const archive = (snapshot: Snapshot) =>
    writeWhole(output, (bytes) =>
      sealArchive(
        passphrase,
        writeRows(snapshot, () => readStateFiles(config), origin),
        bytes,
      ),
    )
  const settings = postgresSettingsOf(config)
  if (settings) return withPostgresSnapshot(settings, archive)
  const file = storeFileOf(config)
  if (!existsSync(file)) throw new Fault('cli_usage', `backup: there is no ${file}.`)
  return withSqliteSnapshot(file, archive)
}

// There under its name when all of it is on the disk, and not before.
async function writeWhole(
  output: string,
  fill: (write: (bytes: AsyncIterable<Uint8Array>) => Promise<void>) => Promise<void>,
): Promise<void> {
  const draft = `${output}.${randomUUID()}.new`
  const handle = await open(draft, 'wx', 0o600).catch((cause: unknown) => {
    const sentence = `backup: ${output} cannot be written: ${messageOf(cause)}.`
    throw new Fault('cli_usage', sentence, { cause })
  })
  try {
    try {
      await fill(async (chunks) => {
        for await (const chunk of chunks) await handle.writeFile(chunk)
      })
      await handle.sync()
    } finally {
      await handle.close()
    }
    await rename(draft, output)
    await syncFolder(dirname(output))
  } finally {
    await rm(draft, { force: true })
  }
}

/** Makes sure that the names in a folder are on the disk. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder)
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

function read(args: string[]) {
  return readArgs('backup', {
    args,
    allowPositionals: true,
    options: {
      config: { type: 'string', short: 'c' },
      output: { type: 'string' },
      'passphrase-file': { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
}
