// The log of events, newest first, and the story of one build; both read the records themselves from the
// ledger, so what is shown is what was sealed.
import type { LedgerRecord } from '../audit/event.ts'
import type { Row } from '../store/sql/statements.ts'
import type { Store } from '../store/store.ts'
import type { TrailTables } from '../store/trail-tables.ts'
import { readRecord } from './project.ts'
import { count, createConditions, limitOf, moment, readCursor, text, toPage } from './query.ts'
import { findBuild } from './read-builds.ts'
import { describe, toStoryItem } from './sentence.ts'
import type { BuildKey, EventQuery, Page, Story, TrailEvent } from './trail.ts'

type Reading = Pick<TrailTables, 'selectTrail'> & Pick<Store, 'readLedger'>

/** A page of events. */
export async function readEvents(store: Reading, query: EventQuery): Promise<Page<TrailEvent>> {
  const where = createConditions()
  const limit = limitOf(query)
  const { type, decision, repo, rule, since, until } = query
  if (type !== undefined) where.and('type = ?', type)
  if (decision !== undefined) where.and('decision = ?', decision)
  if (repo !== undefined) where.and('repo = ?', repo)
  if (rule !== undefined) where.and('rule = ?', rule)
  if (since) where.and('at >= ?', since.getTime())
  if (until) where.and('at < ?', until.getTime())
  const after = readCursor(query.after, ['number', 'string', 'number'])
  if (after) where.and('(at, node, seq) < (?, ?, ?)', ...after)
  const rows = await store.selectTrail(
    `SELECT page.*, ledger.record FROM (
       SELECT * FROM trail_event ${where.sql()}
       ORDER BY at DESC, node DESC, seq DESC LIMIT ${limit + 1}
     ) AS page LEFT JOIN ledger ON ledger.node = page.node AND ledger.seq = page.seq
     ORDER BY page.at DESC, page.node DESC, page.seq DESC`,
    where.values,
  )
  return toPage(rows, limit, toEvent, (row) => [
    count(row, 'at'),
    text(row, 'node'),
    count(row, 'seq'),
  ])
}

// What becomes of one build is little; a build that was made to ask without end is cut.
const mostStations = 2000

/** A build with all its records, in the order of time. */
export async function readStory(store: Reading, key: BuildKey): Promise<Story | undefined> {
  const build = await findBuild(store, key)
  if (!build) return undefined
  const rows = await store.selectTrail(
    `SELECT trail_event.node, trail_event.seq, ledger.record FROM trail_event
     JOIN ledger ON ledger.node = trail_event.node AND ledger.seq = trail_event.seq
     WHERE instance = $1 AND build_id = $2
     ORDER BY at, trail_event.node, trail_event.seq LIMIT ${mostStations}`,
    [key.instance, key.id],
  )
  const items = rows.flatMap((row) => {
    const record = recordOf(row)
    return record ? [toStoryItem(record)] : []
  })
  return { build, items }
}

function recordOf(row: Row): LedgerRecord | undefined {
  const record = readRecord({ record: text(row, 'record') })
  // The chain it lies in, also where a renamed node went on with another's.
  return record && { ...record, node: text(row, 'node'), seq: count(row, 'seq') }
}

function toEvent(row: Row): TrailEvent {
  const record = recordOf(row)
  const [rule, reason, repo] = [text(row, 'rule'), text(row, 'reason'), text(row, 'repo')]
  return {
    record: { node: text(row, 'node'), seq: count(row, 'seq') },
    at: moment(row, 'at'),
    type: text(row, 'type'),
    decision: text(row, 'decision') as TrailEvent['decision'],
    sentence: record ? describe(record) : 'The record was removed when its time was over.',
    ...(rule !== '' && { rule }),
    ...(reason !== '' && { reason }),
    ...(repo !== '' && {
      build: {
        instance: text(row, 'instance'),
        id: count(row, 'build_id'),
        repo,
        number: count(row, 'number'),
      },
    }),
  }
}
