// What steps say they wrote, by place: who wrote below a prefix, and who wrote one file.
import type { Row } from '../store/sql/statements.ts'
import type { TrailTables } from '../store/trail-tables.ts'
import { writingActions } from './project.ts'
import { count, createConditions, limitOf, moment, readCursor, text, toPage } from './query.ts'
import type { BlobSighting, Page, Place, Trail, TrailTransfer, WriterQuery } from './trail.ts'

type Tables = Pick<TrailTables, 'selectTrail'>

/** Every container and share that receipts tell of. */
export async function readPlaces(store: Tables): ReturnType<Trail['places']> {
  const rows = await store.selectTrail(
    'SELECT * FROM trail_place ORDER BY account, service, container LIMIT 10000',
  )
  return rows.map((row) => ({
    ...toPlace(row),
    transfers: count(row, 'transfers'),
    bytes: count(row, 'bytes'),
    lastAt: moment(row, 'last_at'),
  }))
}

/** A page of transfers at a place: those below the prefix, and those above it, which may have reached there. */
export async function readWriters(store: Tables, query: WriterQuery): Promise<Page<TrailTransfer>> {
  const where = createConditions()
  const limit = limitOf(query)
  const { account, service, container, prefix = '', isWriting = false } = query
  where.and('page = 1')
  if (account !== undefined) where.and('account = ?', account)
  if (service !== undefined) where.and('service = ?', service)
  if (container !== undefined) where.and('container = ?', container)
  if (prefix !== '') {
    where.and(
      '(substr(prefix, 1, length(?)) = ? OR substr(?, 1, length(prefix)) = prefix)',
      prefix,
      prefix,
      prefix,
    )
  }
  if (isWriting) {
    where.and(`action IN (${writingActions.map(() => '?').join(', ')})`, ...writingActions)
  }
  const after = readCursor(query.after, ['number', 'string', 'number'])
  if (after) where.and('(at, node, seq) < (?, ?, ?)', ...after)
  const rows = await store.selectTrail(
    `SELECT * FROM trail_transfer ${where.sql()}
     ORDER BY at DESC, node DESC, seq DESC LIMIT ${limit + 1}`,
    where.values,
  )
  return toPage(rows, limit, toTransfer, (row) => [
    count(row, 'at'),
    text(row, 'node'),
    count(row, 'seq'),
  ])
}

/** Who wrote a file, newest first; a file written without end is cut. */
export async function readBlob(
  store: Tables,
  { account, service, container, name, etag }: Place & { name: string; etag?: string },
): Promise<BlobSighting[]> {
  const where = createConditions()
  where.and(
    'item.account = ? AND item.service = ? AND item.container = ? AND name = ?',
    account,
    service,
    container,
    name,
  )
  if (etag !== undefined) where.and('etag = ?', etag)
  const rows = await store.selectTrail(
    `SELECT trail_transfer.*, name, etag, item.bytes AS item_bytes FROM trail_item AS item
     JOIN trail_transfer ON trail_transfer.node = item.node AND trail_transfer.seq = item.seq
     ${where.sql()} ORDER BY at DESC, item.node DESC, item.seq DESC LIMIT 100`,
    where.values,
  )
  return rows.map((row) => {
    const found = text(row, 'etag')
    const item = {
      name: text(row, 'name'),
      ...(found !== '' && { etag: found }),
      bytes: count(row, 'item_bytes'),
    }
    return { ...toTransfer(row), item }
  })
}

function toPlace(row: Row): Place {
  return {
    account: text(row, 'account'),
    service: text(row, 'service') === 'file' ? 'file' : 'blob',
    container: text(row, 'container'),
  }
}

function toTransfer(row: Row): TrailTransfer {
  const [rule, step] = [text(row, 'rule'), text(row, 'step')]
  return {
    record: { node: text(row, 'node'), seq: count(row, 'seq') },
    at: moment(row, 'at'),
    build: {
      instance: text(row, 'instance'),
      id: count(row, 'build_id'),
      repo: text(row, 'repo'),
      number: count(row, 'number'),
    },
    ...(rule !== '' && { rule }),
    ...(step !== '' && { step }),
    action: text(row, 'action'),
    outcome: text(row, 'outcome') === 'failed' ? 'failed' : 'done',
    place: { ...toPlace(row), prefix: text(row, 'prefix') },
    files: count(row, 'files'),
    bytes: count(row, 'bytes'),
    durationMs: count(row, 'duration_ms'),
  }
}
