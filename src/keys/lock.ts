// One writer at a time, across processes: the write lock of an empty SQLite file beside the key
// file. The kernel releases it when its holder dies, so that no lock is ever stale.
import { closeSync, openSync } from 'node:fs'
import { realpath } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'

import { Fault, messageOf } from '../core/fault.ts'
import { unusable } from './private-file.ts'

const patienceMs = 10_000
const retryEveryMs = 20

/** Does some work while nobody else holds the lock of this file; throws keys_busy or keys_unreadable. */
export async function withFileLock<Value>(
  file: string,
  work: () => Promise<Value>,
  waitMs = patienceMs,
): Promise<Value> {
  const database = openLock(await realpath(file).catch(() => file))
  try {
    await acquire(database, file, waitMs)
    try {
      return await work()
    } finally {
      database.exec('ROLLBACK')
    }
  } finally {
    database.close()
  }
}

function openLock(file: string): DatabaseSync {
  try {
    closeSync(openSync(`${file}.lock`, 'a', 0o600))
    return new DatabaseSync(`${file}.lock`, { timeout: 0 })
  } catch (cause) {
    throw unusable(file, `its lock cannot be opened: ${messageOf(cause)}`, cause)
  }
}

async function acquire(database: DatabaseSync, file: string, waitMs: number): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += retryEveryMs) {
    try {
      database.exec('BEGIN EXCLUSIVE')
      return
    } catch (cause) {
      if (!isBusy(cause)) {
        throw unusable(file, `its lock cannot be taken: ${messageOf(cause)}`, cause)
      }
      if (waitedMs >= waitMs) {
        throw new Fault('keys_busy', `Another process keeps the key file ${file} locked.`)
      }
    }
    await sleep(retryEveryMs)
  }
}

// SQLITE_BUSY and its extended codes.
function isBusy(cause: unknown): boolean {
  return ((cause as { errcode?: number }).errcode ?? 0) % 256 === 5
}
