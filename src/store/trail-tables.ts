// How the read model of the ledger is kept beside it: rows are put in batches that move the cursor of one
// chain, all or none; a newer form of the model empties the tables of an older one.
import type { Row } from './sql/statements.ts'
import { trailTables } from './sql/trail-schema.ts'

/** Name and type of a column. */
export type TrailColumn = readonly [name: string, type: 'text' | 'bigint']

/** A value of a column. */
export type TrailValue = string | number

/** Rows for a table, and what happens (SQL) where the key is there already; no two rows have one key. */
export type TrailRows = {
  table: (typeof trailTables)[number]
  columns: readonly TrailColumn[]
  onConflict: string
  rows: readonly (readonly TrailValue[])[]
}

/** What a stretch of a chain comes to; `form` is the version of the model that made it. */
export type TrailBatch = {
  form: number
  node: string
  from: number
  to: number
  parts: readonly TrailRows[]
}

/** The tables of the read model; every method rejects with store_unavailable. */
export type TrailTables = {
  /** Rows of a SELECT in SQL that both databases read, its values as `$1`, `$2`, …. */
  selectTrail(sql: string, values?: readonly TrailValue[]): Promise<Row[]>
  /** Empties the tables when an older form filled them; false when a newer form has. */
  openTrail(form: number): Promise<boolean>
  /** Writes a batch; false, and nothing is written, when another process was there first. */
  writeTrail(batch: TrailBatch): Promise<boolean>
  /** Empties the tables, for them to be filled again. */
  clearTrail(): Promise<void>
}

/** Statements of both databases. The row of no node keeps the form, and is what writers queue at. */
export const trailStatements = {
  selectForm: "SELECT seq FROM trail_cursor WHERE node = ''",
  insertForm: "INSERT INTO trail_cursor (node, seq) VALUES ('', 0) ON CONFLICT (node) DO NOTHING",
  updateForm: "UPDATE trail_cursor SET seq = $1 WHERE node = ''",
  insertCursor: 'INSERT INTO trail_cursor (node, seq) VALUES ($1, 0) ON CONFLICT (node) DO NOTHING',
  moveCursor: 'UPDATE trail_cursor SET seq = $3 WHERE node = $1 AND seq = $2',
} as const

/** Statements that empty all tables but the row that keeps the form. */
export const emptyTrail: readonly string[] = trailTables.map((table) =>
  table === 'trail_cursor' ? "DELETE FROM trail_cursor WHERE node <> ''" : `DELETE FROM ${table}`,
)

/** The statement that puts rows in, its source of values left to the database. */
export function insertRows({ table, columns, onConflict }: TrailRows, source: string): string {
  const names = columns.map(([name]) => name).join(', ')
  return `INSERT INTO ${table} (${names}) ${source} ON CONFLICT ${onConflict}`
}
