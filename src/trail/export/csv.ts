// Records as CSV (RFC 4180), one line each, for spreadsheets.
import type { LedgerRecord } from '../../audit/event.ts'
import { describe } from '../sentence.ts'

type Value = string | number | undefined

const columns: readonly (readonly [name: string, value: (record: LedgerRecord) => Value])[] = [
  ['time', ({ ts }) => ts],
  ['node', ({ node }) => node],
  ['seq', ({ seq }) => seq],
  ['type', ({ type }) => type],
  ['decision', ({ decision }) => decision],
  ['rule', ({ rule }) => rule],
  ['reasons', ({ reasons }) => reasons?.join(' ')],
  ['instance', ({ build }) => build?.instance],
  ['repository', ({ build }) => build?.repo],
  ['build', ({ build }) => build?.number],
  ['event', ({ build }) => build?.event],
  ['ref', ({ build }) => build?.ref],
  ['commit', ({ build }) => build?.sha],
  ['sender', ({ build }) => build?.sender],
  ['subject', ({ principal }) => principal?.sub],
  ['token_sha256', ({ token }) => token?.sha256],
  ['jti', ({ token }) => token?.jti],
  ['tenant', ({ azure }) => azure?.tenant],
  ['client_id', ({ azure }) => azure?.client_id],
  ['step', ({ receipt }) => receipt?.step],
  ['action', ({ receipt }) => receipt?.action],
  ['account', ({ receipt }) => receipt?.account],
  ['container', ({ receipt }) => receipt?.container],
  ['prefix', ({ receipt }) => receipt?.prefix],
  ['files', ({ receipt }) => receipt?.files],
  ['bytes', ({ receipt }) => receipt?.bytes],
  ['access_token_sha256', ({ receipt }) => receipt?.access_token_sha256.join(' ')],
  ['sentence', (record) => describe(record)],
  ['trace', ({ trace }) => trace],
  ['hash', ({ hash }) => hash],
]

/** The line of names. */
export const csvHeader = columns.map(([name]) => name).join(',')

/** One record as a line, without its end. */
export function toCsv(record: LedgerRecord): string {
  return columns.map(([, value]) => field(value(record))).join(',')
}

function field(value: Value): string {
  if (value === undefined || typeof value === 'number') return String(value ?? '')
  // A spreadsheet takes these for the beginning of a formula.
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}
