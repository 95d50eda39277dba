// How much, when, by whom: identities, lines for plots, denials, repositories and totals. All of it is
// added up hour by hour while the chains are followed, so no question reads every record.
import type { TrailTables } from '../store/trail-tables.ts'
import { dayMs, hourMs } from './project.ts'
import { count, createConditions, moment, text } from './query.ts'
import type {
  Counts,
  DenialCount,
  RepositoryUse,
  Series,
  SeriesQuery,
  TrailIdentity,
} from './trail.ts'

type Tables = Pick<TrailTables, 'selectTrail'>

/** Every identity, the one used last first. */
export async function readIdentities(store: Tables): Promise<TrailIdentity[]> {
  const rows = await store.selectTrail(
    `SELECT trail_identity.*, coalesce(used.builds, 0) AS builds FROM trail_identity
     LEFT JOIN (SELECT client_id, rule, count(*) AS builds FROM trail_identity_build
       GROUP BY client_id, rule) AS used
     ON used.client_id = trail_identity.client_id AND used.rule = trail_identity.rule
     ORDER BY last_at DESC, trail_identity.rule`,
  )
  const identities = new Map<string, TrailIdentity>()
  for (const row of rows) {
    const [tenant, clientId] = [text(row, 'tenant'), text(row, 'client_id')]
    const [firstAt, lastAt] = [moment(row, 'first_at'), moment(row, 'last_at')]
    const [tokens, builds] = [count(row, 'tokens'), count(row, 'builds')]
    const key = `${tenant} ${clientId}`
    const fresh = { tenant, clientId, rules: [], firstAt, lastAt, tokens: 0, builds: 0 }
    const known: TrailIdentity = identities.get(key) ?? fresh
    known.rules.push({ rule: text(row, 'rule'), tokens, builds, lastAt })
    if (firstAt < known.firstAt) known.firstAt = firstAt
    known.tokens += tokens
    known.builds += builds
    identities.set(key, known)
  }
  return [...identities.values()]
}

// More points than anybody sees.
const mostPoints = 5000

/** A line with a point for every bucket that begins from `from` to before `to`. */
export async function readSeries(store: Tables, query: SeriesQuery): Promise<Series> {
  const { of, repo, from, to } = query
  const span = bucketsOf(query)
  const values = new Map<number, number>()
  const where = createConditions()
  const at = of === 'builds' ? 'first_at' : 'at'
  if (of !== 'builds') where.and("span = 'h' AND repo = ?", repo ?? '')
  else if (repo !== undefined) where.and('repo = ?', repo)
  where.and(`${at} >= ? AND ${at} < ?`, span.start, Math.max(to.getTime(), from.getTime()))
  const size = where.values.push(span.bucketMs)
  const rows = await store.selectTrail(
    `SELECT ${at} - ${at} % $${size} AS bucket, ${of === 'builds' ? 'count(*)' : `sum(${of})`} AS value
     FROM ${of === 'builds' ? 'trail_build' : 'trail_use'} ${where.sql()} GROUP BY bucket`,
    where.values,
  )
  for (const row of rows) values.set(count(row, 'bucket'), count(row, 'value'))
  return span.starts.map((start) => ({ at: new Date(start), value: values.get(start) ?? 0 }))
}

// Buckets begin at whole multiples of their length since 1970, so that two plots agree.
function bucketsOf({ from, to, bucketMs: asked }: Pick<SeriesQuery, 'from' | 'to' | 'bucketMs'>) {
  const spanMs = Math.max(0, to.getTime() - from.getTime())
  const least = Math.max(asked, Math.ceil(spanMs / mostPoints))
  const bucketMs = Math.max(1, Math.ceil(least / hourMs)) * hourMs
  const start = from.getTime() - (from.getTime() % bucketMs)
  const length = Math.max(0, Math.ceil((to.getTime() - start) / bucketMs))
  const starts = Array.from({ length }, (_, index) => start + index * bucketMs)
  return { bucketMs, start, starts }
}

/** Denials by rule, reason and bucket, in the order of time. */
export async function readDenials(
  store: Tables,
  query: Pick<SeriesQuery, 'from' | 'to' | 'bucketMs'>,
): Promise<DenialCount[]> {
  const { bucketMs, start } = bucketsOf(query)
  const rows = await store.selectTrail(
    `SELECT at - at % $1 AS bucket, rule, reason, sum(count) AS count FROM trail_denial
     WHERE at >= $2 AND at < $3 GROUP BY bucket, rule, reason ORDER BY bucket, rule, reason`,
    [bucketMs, start, query.to.getTime()],
  )
  return rows.map((row) => ({
    at: moment(row, 'bucket'),
    rule: text(row, 'rule'),
    reason: text(row, 'reason'),
    count: count(row, 'count'),
  }))
}

/** Repositories by bytes moved in the days from `from` to before `to`. */
export async function readRepositories(
  store: Tables,
  { from, to, limit = 50 }: { from: Date; to: Date; limit?: number },
): Promise<RepositoryUse[]> {
  const start = from.getTime() - (from.getTime() % dayMs)
  const rows = await store.selectTrail(
    `SELECT top.*, (SELECT count(*) FROM trail_build
       WHERE trail_build.repo = top.repo AND first_at >= $1 AND first_at < $2) AS builds
     FROM (SELECT repo, sum(tokens) AS tokens, sum(denials) AS denials,
         sum(transfers) AS transfers, sum(bytes) AS bytes, sum(duration_ms) AS duration_ms
       FROM trail_use WHERE span = 'd' AND repo <> '' AND at >= $1 AND at < $2
       GROUP BY repo ORDER BY bytes DESC, tokens DESC, repo
       LIMIT ${Math.max(1, Math.min(500, Math.trunc(limit)))}) AS top
     ORDER BY bytes DESC, tokens DESC, repo`,
    [start, to.getTime()],
  )
  return rows.map((row) => ({
    repo: text(row, 'repo'),
    builds: count(row, 'builds'),
    tokens: count(row, 'tokens'),
    denials: count(row, 'denials'),
    transfers: count(row, 'transfers'),
    bytes: count(row, 'bytes'),
    durationMs: count(row, 'duration_ms'),
  }))
}

/** All that is counted. */
export async function readCounts(store: Tables): Promise<Counts> {
  const [row = {}] = await store.selectTrail(
    `SELECT (SELECT count(*) FROM trail_build) AS builds,
       (SELECT coalesce(sum(seq), 0) FROM trail_cursor WHERE node <> '') AS events,
       coalesce(sum(tokens), 0) AS tokens, coalesce(sum(denials), 0) AS denials,
       coalesce(sum(transfers), 0) AS transfers, coalesce(sum(bytes), 0) AS bytes
     FROM trail_use WHERE span = 'd' AND repo = ''`,
  )
  return {
    builds: count(row, 'builds'),
    events: count(row, 'events'),
    tokens: count(row, 'tokens'),
    denials: count(row, 'denials'),
    transfers: count(row, 'transfers'),
    bytes: count(row, 'bytes'),
  }
}
