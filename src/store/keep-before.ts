// A copy of a SQLite file of an older schema version, taken once before a newer release migrates it: what
// the older release can be started with again.
import { chmodSync, closeSync, existsSync, openSync, renameSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'

import { Fault, messageOf } from '../core/fault.ts'
import { sqliteMigrations } from './sql/schema.ts'

/** Copies the file when it is of an older version and no copy is there; names the copy. Throws store_unavailable. */
export function keepBeforeMigration(file: string): string | undefined {
  if (!existsSync(file)) return undefined
  try {
    const database = new DatabaseSync(file, { timeout: 5000 })
    try {
      const version = Number(database.prepare('PRAGMA user_version').get()?.['user_version'])
      const copy = `${file}.before-v${sqliteMigrations.length}`
      if (version === 0 || version >= sqliteMigrations.length || existsSync(copy)) return undefined
      copyTo(database, copy)
      return copy
    } finally {
      database.close()
    }
  } catch (cause) {
    const sentence = `The database cannot be copied before its migration: ${messageOf(cause)}.`
    throw new Fault('store_unavailable', sentence, { cause })
  }
}

// Under its name when it is whole. The draft is made first, so that nobody else may ever read it.
function copyTo(database: DatabaseSync, copy: string): void {
  const draft = `${copy}.new`
  rmSync(draft, { force: true })
  closeSync(openSync(draft, 'wx', 0o600))
  chmodSync(draft, 0o600)
  try {
    database.prepare('VACUUM INTO ?').run(draft)
    renameSync(draft, copy)
  } finally {
    rmSync(draft, { force: true })
  }
}
