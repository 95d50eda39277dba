// The ledger in the forms other systems read, in the order of time and page by page, so that a year of it
// needs no more memory than a day.
import type { LedgerRecord } from '../../audit/event.ts'
import type { TrailTables } from '../../store/trail-tables.ts'
import { readRecord } from '../project.ts'
import { count, createConditions, text } from '../query.ts'
import { toCloudEvent } from './cloudevents.ts'
import { csvHeader, toCsv } from './csv.ts'
import { toEcs } from './ecs.ts'
import { toOcsf } from './ocsf.ts'
import { toOtel } from './otel.ts'

/** How each form begins, and what it makes of a record. */
export const exportForms = {
  cloudevents: { toLine: toCloudEvent },
  ocsf: { toLine: toOcsf },
  ecs: { toLine: toEcs },
  csv: { header: csvHeader, toLine: toCsv },
  otel: { toLine: toOtel },
} as const satisfies Record<string, { header?: string; toLine: (record: LedgerRecord) => string }>

/** Name of a form. */
export type ExportForm = keyof typeof exportForms

/** Which records: from a moment to before another, of one repository. */
export type ExportQuery = { from?: Date; to?: Date; repo?: string }

const pageSize = 1000

/** The records that a query means, in the order of time. */
export async function* exportRecords(
  store: Pick<TrailTables, 'selectTrail'>,
  { from, to, repo }: ExportQuery,
): AsyncGenerator<LedgerRecord> {
  let after: [number, string, number] | undefined
  for (;;) {
    const where = createConditions()
    if (from) where.and('at >= ?', from.getTime())
    if (to) where.and('at < ?', to.getTime())
    if (repo !== undefined) where.and('repo = ?', repo)
    if (after) where.and('(at, node, seq) > (?, ?, ?)', ...after)
    const rows = await store.selectTrail(
      `SELECT page.at, page.node, page.seq, ledger.record FROM (
         SELECT at, node, seq FROM trail_event ${where.sql()} ORDER BY at, node, seq LIMIT ${pageSize}
       ) AS page JOIN ledger ON ledger.node = page.node AND ledger.seq = page.seq
       ORDER BY page.at, page.node, page.seq`,
      where.values,
    )
    for (const row of rows) {
      const record = readRecord({ record: text(row, 'record') })
      if (record) yield record
    }
    const last = rows.at(-1)
    if (!last || rows.length < pageSize) return
    after = [count(last, 'at'), text(last, 'node'), count(last, 'seq')]
  }
}
