// The tables of the read model in PostgreSQL: a batch is one transaction, and each of its tables one
// statement. Replicas that follow the chains at once queue at one row.
import type { Pool, PoolClient } from 'pg'

import type { Row } from './sql/statements.ts'
import {
  emptyTrail,
  insertRows,
  type TrailBatch,
  trailStatements,
  type TrailTables,
} from './trail-tables.ts'

/** The tables over a pool; `toFault` makes faults of what the database throws. */
export function createPostgresTrail(pool: Pool, toFault: (cause: unknown) => Error): TrailTables {
  const within = async <Value>(work: (client: PoolClient) => Promise<Value>): Promise<Value> => {
    let client: PoolClient | undefined
    let isBroken = true
    try {
      client = await pool.connect()
      // Without a listener a connection that breaks meanwhile would end the process.
      client.on('error', ignore)
      await client.query('BEGIN; SET LOCAL synchronous_commit = off')
      const value = await work(client)
      await client.query('COMMIT')
      isBroken = false
      return value
    } catch (cause) {
      throw toFault(cause)
    } finally {
      client?.off('error', ignore)
      client?.release(isBroken)
    }
  }
  const readForm = async (client: PoolClient) => {
    const { rows } = await client.query<Row>(`${trailStatements.selectForm} FOR UPDATE`)
    return Number(rows[0]?.['seq'] ?? 0)
  }
  const empty = async (client: PoolClient) => {
    await client.query('SET LOCAL statement_timeout = 0')
    for (const sql of emptyTrail) await client.query(sql)
  }
  return {
    selectTrail: async (text, values = []) => {
      try {
        const { rows } = await pool.query<Row>({ text, values: [...values] })
        return rows
      } catch (cause) {
        throw toFault(cause)
      }
    },
    openTrail: (form) =>
      within(async (client) => {
        await client.query(trailStatements.insertForm)
        const known = await readForm(client)
        if (known >= form) return known === form
        await empty(client)
        await client.query(trailStatements.updateForm, [form])
        return true
      }),
    writeTrail: (batch) =>
      within(async (client) => {
        if ((await readForm(client)) !== batch.form) return false
        return write(client, batch)
      }),
    clearTrail: () =>
      within(async (client) => {
        await readForm(client)
        await empty(client)
      }),
  }
}

async function write(client: PoolClient, { node, from, to, parts }: TrailBatch): Promise<boolean> {
  await client.query(trailStatements.insertCursor, [node])
  const { rowCount } = await client.query(trailStatements.moveCursor, [node, from, to])
  if (rowCount !== 1) return false
  for (const part of parts) {
    const arrays = part.columns.map(([, type], index) => `$${index + 1}::${type}[]`).join(', ')
    const columns = part.columns.map((_, index) => part.rows.map((row) => row[index]))
    await client.query(insertRows(part, `SELECT * FROM unnest(${arrays})`), columns)
  }
  return true
}

function ignore(): void {}
