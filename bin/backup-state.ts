// The state of a service as `backup` and `restore` see it: the settings of its database, and the files of
// its state folder beside the SQLite file.
import { existsSync, readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

import type { ServiceConfig } from '../src/config/service-config.ts'
import { Fault, messageOf } from '../src/core/fault.ts'
import { Secret } from '../src/core/secret.ts'
import { shortestPassphraseBytes } from '../src/store/backup-archive.ts'
import type { BackupFile } from '../src/store/backup-rows.ts'
import type { PostgresSettings } from '../src/store/postgres.ts'
import { readOrFault } from './service-listen.ts'

/** Whether a backup keeps a file of this name: the database is read row by row, locks and drafts are of the moment. */
export function isKept(name: string): boolean {
  return /^\w[\w.-]*$/.test(name) && !/^state\.db|\.(lock|new)$/.test(name)
}

/** The settings of the database of a configuration; undefined when its state is in a file. */
export function postgresSettingsOf({ database }: ServiceConfig): PostgresSettings | undefined {
  if (!database) return undefined
  const { url, caFile, isInClear, connections } = database
  const ca = caFile === undefined ? undefined : readOrFault(caFile, 'CA file of database')
  return { url, isInClear, connections, ...(ca !== undefined && { ca }) }
}

/** The files of a state folder that a backup keeps, by name: keys above all. */
export async function readStateFiles({ stateFolder }: ServiceConfig): Promise<BackupFile[]> {
  if (!existsSync(stateFolder)) return []
  const files: BackupFile[] = []
  for (const entry of readdirSync(stateFolder, { withFileTypes: true }).toSorted(byName)) {
    const { name } = entry
    if (!entry.isFile() || !isKept(name)) continue
    files.push({ name, bytes: await readFile(join(stateFolder, name)) })
  }
  return files
}

/** A passphrase from a file, without the line end; throws cli_usage when it is too short. */
export function readPassphrase(file: string, readText: (path: string) => string): Secret {
  let text
  try {
    text = readText(file).trim()
  } catch (cause) {
    const sentence = `The passphrase file cannot be read: ${messageOf(cause)}.`
    throw new Fault('cli_usage', sentence, { cause })
  }
  if (Buffer.byteLength(text) >= shortestPassphraseBytes) return new Secret(text)
  throw new Fault(
    'cli_usage',
    `The passphrase in ${file} has fewer than ${shortestPassphraseBytes} bytes.`,
    {
      hint: 'Make a long one, such as `openssl rand -base64 32`, and keep it apart from the backups.',
    },
  )
}

function byName({ name: one }: { name: string }, { name: other }: { name: string }): number {
  return one < other ? -1 : 1
}
