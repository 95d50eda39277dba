// The store in a PostgreSQL database that several replicas share: the statements of SQLite over a pool
// of connections, durable whatever the server's default, and never waited for without end.
import type { Pool, PoolClient, PoolConfig } from 'pg'

import { Fault, messageOf } from '../core/fault.ts'
import type { Secret } from '../core/secret.ts'
import { postgresMigrations } from './sql/schema.ts'
import {
  buildValues,
  statements,
  toBuildRow,
  toDocumentRow,
  toHead,
  toLedgerRow,
  tokenValues,
  toTokenRow,
  type Row,
  type StatementName,
} from './sql/statements.ts'
import { genesisHash, type SealRows, type Store, type StorePages } from './store.ts'
import { createPostgresTrail } from './trail-postgres.ts'
import type { TrailTables } from './trail-tables.ts'

/** Where the database is, and how it is spoken to. */
export type PostgresSettings = {
  /** `postgresql://user:password@host:port/database`. */
  url: Secret
  /** Certificates its server is verified with; the system's without. */
  ca?: string
  /** Whether passwords and rows may travel in clear: only to this machine, or where others encrypt. */
  isInClear: boolean
  /** Connections at most. */
  connections: number
}

// One statement, so that the rows are there together or not at all; the primary key refuses them when
// somebody else continued the chain meanwhile.
const insertLedger = `INSERT INTO ledger (node, seq, hash, record)
  SELECT $1, row.seq, row.hash, row.record
  FROM unnest($2::bigint[], $3::text[], $4::text[]) AS row (seq, hash, record)`
const insertAndDrop = `WITH dropped AS (DELETE FROM ledger WHERE node = $5 AND seq <= $6)
  ${insertLedger}`
const uniqueViolation = '23505'
const lockNotAvailable = '55P03'

/** Connects and migrates; throws store_unavailable. */
export async function openPostgresStore(
  settings: PostgresSettings,
): Promise<Store & StorePages & TrailTables> {
  const pool = await openPool(settings)
  const ask = async (text: string, values: readonly unknown[], name?: string): Promise<Answer> => {
    try {
      const { rows, rowCount } = await pool.query<Row>({
        text,
        values: [...values],
        ...(name !== undefined && { name }),
      })
      return { rows, count: rowCount ?? 0 }
    } catch (cause) {
      throw unavailable(cause)
    }
  }
  const all = async (name: StatementName, ...values: unknown[]): Promise<Row[]> =>
    (await ask(statements[name], values, name)).rows
  const run = async (name: StatementName, ...values: unknown[]): Promise<number> =>
    (await ask(statements[name], values, name)).count
  const headOf = async (node: string) => toHead((await all('selectHead', node))[0])
  const lock: Store['withLock'] = (name, work) => withAdvisoryLock(pool, name, work)
  try {
    await lock('migrations', () => migrate(pool))
  } catch (error) {
    await pool.end()
    throw error
  }

  return {
    ...createPostgresTrail(pool, unavailable),
    addRequestToken: async (row) => (await run('insertToken', ...tokenValues(row))) === 1,
    findRequestToken: async (hash) => (await all('selectToken', hash)).map(toTokenRow)[0],
    countRequestTokens: async (instance, buildId) =>
      Number((await all('countTokens', instance, buildId))[0]?.['n']),
    readRequestTokens: async (after, limit) =>
      (await all('pageTokens', after, limit)).map((row) => toTokenRow(row)),
    observeBuild: async (row) => (await run('upsertBuild', ...buildValues(row))) === 1,
    findBuild: async (instance, buildId) =>
      (await all('selectBuild', instance, buildId)).map(toBuildRow)[0],
    readBuilds: async ({ instance, buildId }, limit) =>
      (await all('pageBuilds', instance, buildId, limit)).map((row) => toBuildRow(row)),
    appendLedger: async (node, seal, drop) => {
      const write = async (rows: ReturnType<SealRows>) => {
        const columns = [rows.map(({ seq }) => seq), rows.map(({ hash }) => hash)]
        const values = [node, ...columns, rows.map(({ record }) => record)]
        if (!drop) await ask(insertLedger, values, 'insertLedger')
        else await ask(insertAndDrop, [...values, drop.node, drop.through], 'insertAndDrop')
      }
      await appendAtEnd(() => headOf(node), seal, write)
    },
    readLedger: async (node, fromSeq, limit) =>
      (await all('selectLedger', node, fromSeq, limit)).map((row) => toLedgerRow(row)),
    listChains: async () => {
      const nodes = (await all('selectNodes')).map((row) => String(row['node']))
      const heads = await Promise.all(nodes.map((node) => headOf(node)))
      return nodes.flatMap((node, index) => {
        const head = heads[index]
        return head ? [{ node, ...head }] : []
      })
    },
    readDocument: async (name) => {
      const [row] = await all('selectDocument', name)
      return row && { version: Number(row['version']), text: String(row['text']) }
    },
    writeDocument: async (name, expectedVersion, text) =>
      expectedVersion === 0
        ? (await run('insertDocument', name, text)) === 1
        : (await run('updateDocument', name, expectedVersion, text)) === 1,
    readDocuments: async () => (await all('selectDocuments')).map((row) => toDocumentRow(row)),
    withLock: lock,
    prune: async (before) => {
      await run('deleteTokens', before.getTime())
      await run('deleteBuilds', before.getTime())
    },
    close: () => pool.end(),
  }
}

type Answer = { rows: Row[]; count: number }

async function openPool(settings: PostgresSettings): Promise<Pool> {
  // Here, so that an installation without it does not load it.
  const { default: pg } = await import('pg')
  const pool = new pg.Pool(poolConfig(settings))
  // An idle connection that breaks is replaced by the next query.
  pool.on('error', () => undefined)
  return pool
}

/** How a connection to the database is made and kept: encrypted, durable, never waited for without end. */
export function poolConfig({ url, ca, isInClear, connections }: PostgresSettings): PoolConfig {
  return {
    connectionString: url.reveal(),
    ssl: !isInClear && { rejectUnauthorized: true, ...(ca !== undefined && { ca }) },
    // Work under a lock asks by another connection.
    max: Math.max(2, connections),
    connectionTimeoutMillis: 5000,
    idleTimeoutMillis: 30_000,
    statement_timeout: 10_000,
    query_timeout: 15_000,
    keepAlive: true,
    application_name: 'azure-storage-drone',
    // A commit is on the disk when it is told, whatever the server is set to.
    options: '-c synchronous_commit=on -c default_transaction_isolation=read\\ committed',
  }
}

// When somebody else was faster the end is another one, and the work is done again; one of those who
// try at once always gets on.
async function appendAtEnd(
  readHead: () => Promise<ReturnType<typeof toHead>>,
  seal: SealRows,
  write: (rows: ReturnType<SealRows>) => Promise<void>,
): Promise<void> {
  for (;;) {
    const head = (await readHead()) ?? { seq: 0, hash: genesisHash }
    const rows = sealOrFault(seal, head)
    try {
      await write(rows)
      return
    } catch (error) {
      const isTaken = codeOf(error) === uniqueViolation
      if (!isTaken || ((await readHead())?.seq ?? 0) === head.seq) throw error
    }
  }
}

function sealOrFault(seal: SealRows, head: Parameters<SealRows>[0]): ReturnType<SealRows> {
  try {
    return seal(head)
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw unavailable(cause)
  }
}

// The lock of a transaction: it goes with it, however it ends, also behind a pooler.
async function withAdvisoryLock<Value>(
  pool: Pool,
  name: string,
  work: () => Promise<Value>,
): Promise<Value> {
  const client = await pool.connect().catch((cause: unknown) => {
    throw unavailable(cause)
  })
  // Without a listener a connection that breaks meanwhile would end the process.
  client.on('error', ignore)
  let broken: unknown = true
  try {
    await takeLock(client, name)
    const outcome = await settle(work)
    // Also the end of a transaction that was cut: then the lock was lost, and work must not count.
    await orUnavailable(client.query('COMMIT'))
    broken = undefined
    if (outcome.status === 'rejected') throw outcome.reason
    return outcome.value
  } finally {
    client.off('error', ignore)
    client.release(broken === true)
  }
}

async function takeLock(client: PoolClient, name: string): Promise<void> {
  try {
    await client.query("BEGIN; SET LOCAL lock_timeout = '10s'; SET LOCAL statement_timeout = '12s'")
    await client.query('SELECT pg_advisory_xact_lock(hashtextextended($1, 0))', [
      `azure-storage-drone ${name}`,
    ])
  } catch (cause) {
    if (codeOf(cause) !== lockNotAvailable) throw unavailable(cause)
    throw new Fault('store_busy', `Another process holds the lock "${name}".`, { cause })
  }
}

async function settle<Value>(work: () => Promise<Value>): Promise<PromiseSettledResult<Value>> {
  const [outcome] = await Promise.allSettled([work()])
  return outcome
}

// Under the lock of its own transaction, so that of three replicas that start at once one does it. All
// steps and the new version are there together or not at all.
async function migrate(pool: Pool): Promise<void> {
  const known = postgresMigrations.length
  await orUnavailable(
    pool.query('CREATE TABLE IF NOT EXISTS schema_version (version INT NOT NULL)'),
  )
  const { rows } = await orUnavailable(
    pool.query<Row>('SELECT coalesce(max(version), 0) AS version FROM schema_version'),
  )
  const version = Number(rows[0]?.['version'])
  if (version > known) {
    const sentence = `The database has schema version ${version}, and this release knows ${known}.`
    throw new Fault('store_newer', sentence)
  }
  if (version === known) return
  await orUnavailable(
    pool.query(
      `BEGIN; SET LOCAL statement_timeout = 0; ${postgresMigrations.slice(version).join('')}
       DELETE FROM schema_version; INSERT INTO schema_version VALUES (${known}); COMMIT;`,
    ),
  )
}

async function orUnavailable<Value>(work: Promise<Value>): Promise<Value> {
  return work.catch((cause: unknown) => {
    throw unavailable(cause)
  })
}

function unavailable(cause: unknown): Fault {
  return new Fault('store_unavailable', `The database does not answer: ${messageOf(cause)}.`, {
    cause,
  })
}

// The SQLSTATE of what PostgreSQL refused.
function codeOf(error: unknown): string | undefined {
  const cause = error instanceof Fault ? error.cause : error
  const code = (cause as { code?: unknown } | undefined)?.code
  return typeof code === 'string' ? code : undefined
}

function ignore(): void {}
