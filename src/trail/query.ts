// Questions to the tables in the few forms they have: conditions joined by AND, an order, and a page that
// begins after a key (keyset pagination), so that page 1,000 costs what page 1 does.
import type { Row } from '../store/sql/statements.ts'
import type { TrailValue } from '../store/trail-tables.ts'
import type { Page, PageQuery } from './trail.ts'

/** Conditions with their values; `?` in a condition stands for the next value. */
export type Conditions = {
  and: (condition: string, ...values: TrailValue[]) => void
  /** The WHERE clause, and the values of `$1`, `$2`, …. */
  sql: () => string
  values: TrailValue[]
}

/** No condition yet. */
export function createConditions(): Conditions {
  const parts: string[] = []
  const values: TrailValue[] = []
  return {
    and: (condition, ...more) => {
      let index = values.length
      parts.push(condition.replaceAll('?', () => `$${++index}`))
      values.push(...more)
    },
    sql: () => (parts.length === 0 ? '' : `WHERE ${parts.join(' AND ')}`),
    values,
  }
}

const usualLimit = 50
const mostItems = 500

/** Rows a page may have. */
export function limitOf({ limit = usualLimit }: PageQuery): number {
  return Math.max(1, Math.min(mostItems, Math.trunc(limit) || usualLimit))
}

/** The page that rows make, one more than it may have being asked for; `keyOf` is what the next one begins after. */
export function toPage<Item>(
  rows: readonly Row[],
  limit: number,
  toItem: (row: Row) => Item,
  keyOf: (row: Row) => TrailValue[],
): Page<Item> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  const items = shown.map((row) => toItem(row))
  return rows.length > limit && last ? { items, next: writeCursor(keyOf(last)) } : { items }
}

/** The key in a cursor; undefined for none, and for what is none: the list then begins at its top. */
export function readCursor(
  cursor: string | undefined,
  types: readonly string[],
): TrailValue[] | undefined {
  if (cursor === undefined || cursor === '') return undefined
  try {
    const key: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    const fits =
      Array.isArray(key) &&
      key.length === types.length &&
      key.every((value: unknown, index) => typeof value === types[index])
    return fits ? (key as TrailValue[]) : undefined
  } catch {
    return undefined
  }
}

function writeCursor(key: readonly TrailValue[]): string {
  return Buffer.from(JSON.stringify(key)).toString('base64url')
}

/** A text of a row. */
export function text(row: Row, name: string): string {
  const value = row[name]
  return typeof value === 'string' ? value : ''
}

/** A number of a row, which PostgreSQL gives as text. */
export function count(row: Row, name: string): number {
  return Number(row[name] ?? 0)
}

/** A moment of a row. */
export function moment(row: Row, name: string): Date {
  return new Date(count(row, name))
}
