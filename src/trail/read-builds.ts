// Builds, newest first, and one build by what it is called.
import { traceOf } from '../audit/event.ts'
import type { InstanceId } from '../ci/build.ts'
import type { Row } from '../store/sql/statements.ts'
import type { TrailTables } from '../store/trail-tables.ts'
import { toMark } from './project.ts'
import { count, createConditions, limitOf, moment, readCursor, text, toPage } from './query.ts'
import type { BuildKey, BuildQuery, Page, Trail, TrailBuild } from './trail.ts'

type Tables = Pick<TrailTables, 'selectTrail'>

/** A page of builds, by when each was first heard of. */
export async function readBuilds(store: Tables, query: BuildQuery): Promise<Page<TrailBuild>> {
  const where = createConditions()
  const limit = limitOf(query)
  const { repo, instance, outcome, event, since, until, clientId } = query
  if (repo !== undefined) where.and('repo = ?', repo)
  if (instance !== undefined) where.and('instance = ?', instance)
  if (outcome !== undefined) where.and('outcome = ?', outcome)
  if (event !== undefined) where.and('event = ?', event)
  if (since) where.and('first_at >= ?', since.getTime())
  if (until) where.and('first_at < ?', until.getTime())
  if (clientId !== undefined) await narrowToIdentity(store, where, clientId)
  const after = readCursor(query.after, ['number', 'string', 'number'])
  if (after) where.and('(first_at, instance, build_id) < (?, ?, ?)', ...after)
  const rows = await store.selectTrail(
    `SELECT * FROM trail_build ${where.sql()}
     ORDER BY first_at DESC, instance DESC, build_id DESC LIMIT ${limit + 1}`,
    where.values,
  )
  return toPage(rows, limit, toBuild, (row) => [
    count(row, 'first_at'),
    text(row, 'instance'),
    count(row, 'build_id'),
  ])
}

async function narrowToIdentity(
  store: Tables,
  where: ReturnType<typeof createConditions>,
  clientId: string,
): Promise<void> {
  const rows = await store.selectTrail(
    'SELECT DISTINCT rule FROM trail_identity WHERE client_id = $1',
    [clientId],
  )
  const rules = rows.map((row) => text(row, 'rule'))
  if (rules.length === 0) return where.and('1 = 0')
  where.and(
    `EXISTS (SELECT 1 FROM trail_identity_build AS used WHERE used.client_id = ?
      AND used.rule IN (${rules.map(() => '?').join(', ')})
      AND used.instance = trail_build.instance AND used.build_id = trail_build.build_id)`,
    clientId,
    ...rules,
  )
}

/** One build; of several with one number the newest. */
export async function findBuild(
  store: Tables,
  which: Parameters<Trail['findBuild']>[0],
): Promise<TrailBuild | undefined> {
  const where = createConditions()
  if ('id' in which) where.and('instance = ? AND build_id = ?', which.instance, which.id)
  else {
    where.and('repo = ? AND number = ?', which.repo, which.number)
    if (which.instance !== undefined) where.and('instance = ?', which.instance)
  }
  const [row] = await store.selectTrail(
    `SELECT * FROM trail_build ${where.sql()} ORDER BY first_at DESC LIMIT 1`,
    where.values,
  )
  return row && toBuild(row)
}

/** The build a mark belongs to; the service's own word goes before a step's. */
export async function findByMark(store: Tables, given: string): Promise<BuildKey | undefined> {
  for (const mark of spellings(given)) {
    const [row] = await store.selectTrail(
      `SELECT instance, build_id FROM trail_mark WHERE mark = $1
       ORDER BY said_by, instance, build_id LIMIT 1`,
      [toMark(mark)],
    )
    if (row) return { instance: text(row, 'instance'), id: count(row, 'build_id') }
  }
  return undefined
}

// As it is; in small letters, since Azure writes hashes in capitals; and the trace a request id begins with.
function spellings(given: string): string[] {
  const small = given.toLowerCase()
  const trace = /^[0-9a-f]{32}(?=-)/.exec(small)?.[0]
  return [...new Set([given, small, ...(trace === undefined ? [] : [trace])])]
}

function toBuild(row: Row): TrailBuild {
  const [instance, id, ended] = [
    text(row, 'instance'),
    count(row, 'build_id'),
    count(row, 'ended_at'),
  ]
  const trustClass = text(row, 'class')
  return {
    instance,
    id,
    repo: text(row, 'repo'),
    number: count(row, 'number'),
    event: text(row, 'event'),
    ref: text(row, 'ref'),
    sha: text(row, 'sha'),
    sourceRepo: text(row, 'source_repo'),
    sender: text(row, 'sender'),
    trigger: text(row, 'started_by'),
    ...(trustClass !== '' && { class: trustClass }),
    status: text(row, 'status'),
    trace: traceOf({ instance: instance as InstanceId, id }),
    outcome: text(row, 'outcome') as TrailBuild['outcome'],
    firstAt: moment(row, 'first_at'),
    lastAt: moment(row, 'last_at'),
    ...(ended > 0 && { endedAt: new Date(ended) }),
    tokens: count(row, 'tokens'),
    denials: count(row, 'denials'),
    transfers: count(row, 'transfers'),
    failures: count(row, 'failures'),
    files: count(row, 'files'),
    bytes: count(row, 'bytes'),
  }
}
