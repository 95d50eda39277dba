// Locks by name beside a SQLite store: one in this process after the other, and across processes by the
// write lock of an empty file, which the kernel releases when its holder dies.
import { closeSync, openSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { setTimeout as sleep } from 'node:timers/promises'

import { Fault, messageOf } from '../core/fault.ts'
import type { Store } from './store.ts'

const patienceMs = 10_000
const retryEveryMs = 20

/** The locks of a database file; one in memory is shared with nobody. */
export function createFileLock(file: string): Store['withLock'] {
  const tails = new Map<string, Promise<unknown>>()
  return (name, work) => {
    const lockAndWork = () => (file === ':memory:' ? work() : withLockFile(file, name, work))
    const turn = (tails.get(name) ?? Promise.resolve()).then(lockAndWork, lockAndWork)
    tails.set(name, turn)
    return turn
  }
}

async function withLockFile<Value>(
  file: string,
  name: string,
  work: () => Promise<Value>,
): Promise<Value> {
  const database = openLock(`${file}.${name}.lock`)
  try {
    await acquire(database, name)
    return await work()
  } finally {
    // Closing gives the lock back.
    database.close()
  }
}

function openLock(file: string): DatabaseSync {
  try {
    closeSync(openSync(file, 'a', 0o600))
    return new DatabaseSync(file, { timeout: 0 })
  } catch (cause) {
    const sentence = `The lock ${file} cannot be opened: ${messageOf(cause)}.`
    throw new Fault('store_unavailable', sentence, { cause })
  }
}

async function acquire(database: DatabaseSync, name: string): Promise<void> {
  for (let waitedMs = 0; ; waitedMs += retryEveryMs) {
    try {
      database.exec('BEGIN EXCLUSIVE')
      return
    } catch (cause) {
      if (waitedMs >= patienceMs) {
        throw new Fault('store_busy', `Another process holds the lock "${name}".`, { cause })
      }
    }
    await sleep(retryEveryMs)
  }
}
