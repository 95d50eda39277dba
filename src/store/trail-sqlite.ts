// The tables of the read model in SQLite. What they hold can be made again, so their commits do not wait
// for the disk; those of the ledger do.
import type { DatabaseSync, StatementSync } from 'node:sqlite'

import { Fault, messageOf } from '../core/fault.ts'
import {
  emptyTrail,
  insertRows,
  type TrailBatch,
  trailStatements,
  type TrailTables,
  type TrailValue,
} from './trail-tables.ts'

type Sqlite = { database: DatabaseSync; prepare: (sql: string) => StatementSync }

/** The tables over an open database. */
export function createSqliteTrail({ database, prepare }: Sqlite): TrailTables {
  const run = (sql: string, values: readonly TrailValue[] = []): number =>
    Number(prepare(sql).run(named(values)).changes)
  const within = <Value>(work: () => Value): Value => {
    database.exec('PRAGMA synchronous = NORMAL; BEGIN IMMEDIATE')
    try {
      const value = work()
      database.exec('COMMIT')
      return value
    } catch (error) {
      database.exec('ROLLBACK')
      throw error
    } finally {
      database.exec('PRAGMA synchronous = FULL')
    }
  }
  const readForm = () => Number(prepare(trailStatements.selectForm).get()?.['seq'] ?? 0)
  const empty = () => {
    for (const sql of emptyTrail) run(sql)
  }
  const write = ({ form, node, from, to, parts }: TrailBatch): boolean => {
    if (readForm() !== form) return false
    run(trailStatements.insertCursor, [node])
    if (run(trailStatements.moveCursor, [node, from, to]) !== 1) return false
    for (const part of parts) {
      const values = part.columns.map(() => '?').join(', ')
      const statement = prepare(insertRows(part, `VALUES (${values})`))
      for (const row of part.rows) statement.run(...row)
    }
    return true
  }
  return {
    selectTrail: async (sql, values = []) => attempt(() => prepare(sql).all(named(values))),
    openTrail: async (form) =>
      attempt(() => {
        if (readForm() === form) return true
        return within(() => {
          run(trailStatements.insertForm)
          if (readForm() > form) return false
          empty()
          return run(trailStatements.updateForm, [form]) === 1
        })
      }),
    writeTrail: async (batch) => attempt(() => within(() => write(batch))),
    clearTrail: async () => attempt(() => within(empty)),
  }
}

function named(values: readonly TrailValue[]): Record<string, TrailValue> {
  const record: Record<string, TrailValue> = {}
  for (const [index, value] of values.entries()) record[`$${index + 1}`] = value
  return record
}

function attempt<Value>(work: () => Value): Value {
  try {
    return work()
  } catch (cause) {
    throw new Fault('store_unavailable', `The database does not answer: ${messageOf(cause)}.`, {
      cause,
    })
  }
}
