// Rows of Azure's storage logs in the forms people have them in: lines of diagnostic settings (JSON) and
// results of Log Analytics.
import { Fault } from '../core/fault.ts'

/** One call as Azure logged it; the hash is in lower case, texts are empty where the log says nothing. */
export type AzureCall = {
  at: Date
  account: string
  operation: string
  status: number
  uri: string
  authenticationHash: string
  appId: string
  objectId: string
  clientRequestId: string
  userAgent: string
  callerIp: string
  requestId: string
}

type Json = Readonly<Record<string, unknown>>

/** Tables of a Log Analytics result as calls; throws trail_logs_invalid. */
export function callsOfResult(result: unknown): AzureCall[] {
  return rowsOfResult(result).map((row) => callOfColumns(row))
}

/** Tables of a Log Analytics result as rows by the names of columns; throws trail_logs_invalid. */
export function rowsOfResult(result: unknown): Json[] {
  const tables = toRecord(result)['tables']
  if (!Array.isArray(tables)) throw invalid('it has no tables')
  return tables.flatMap((table: unknown) => {
    const { columns, rows } = toRecord(table)
    if (!Array.isArray(columns) || !Array.isArray(rows)) throw invalid('a table has no rows')
    const names = columns.map((column: unknown) => String(toRecord(column)['name']))
    return rows.map((row: unknown) => {
      const values: unknown[] = Array.isArray(row) ? row : []
      return Object.fromEntries(names.map((name, index) => [name, values[index]]))
    })
  })
}

/** One line of diagnostic settings, or one row of an exported result; throws trail_logs_invalid. */
export function callOfLine(line: string): AzureCall {
  let row: Json
  try {
    row = toRecord(JSON.parse(line))
  } catch {
    throw invalid('a line is no JSON')
  }
  if ('TimeGenerated' in row) return callOfColumns(row)
  const identity = toRecord(row['identity'])
  const requester = toRecord(identity['requester'])
  const properties = toRecord(row['properties'])
  return checked({
    at: new Date(text(row['time'])),
    account: text(properties['accountName']),
    operation: text(row['operationName']),
    status: Number(row['statusCode']),
    uri: text(row['uri']),
    authenticationHash: text(identity['tokenHash']).toLowerCase(),
    appId: text(requester['appId'] ?? requester['appid']),
    objectId: text(requester['objectId'] ?? requester['oid']),
    clientRequestId: text(properties['clientRequestId']),
    userAgent: text(properties['userAgentHeader']),
    callerIp: text(row['callerIpAddress']),
    requestId: text(row['correlationId']),
  })
}

function callOfColumns(row: Json): AzureCall {
  return checked({
    at: new Date(text(row['TimeGenerated'])),
    account: text(row['AccountName']),
    operation: text(row['OperationName']),
    status: Number(row['StatusCode']),
    uri: text(row['Uri']),
    authenticationHash: text(row['AuthenticationHash']).toLowerCase(),
    appId: text(row['RequesterAppId']),
    objectId: text(row['RequesterObjectId']),
    clientRequestId: text(row['ClientRequestId']),
    userAgent: text(row['UserAgentHeader']),
    callerIp: text(row['CallerIpAddress']),
    requestId: text(row['CorrelationId']),
  })
}

function checked(call: AzureCall): AzureCall {
  if (Number.isFinite(call.at.getTime())) return call
  throw invalid('a row does not say when it was')
}

function text(value: unknown): string {
  // The log writes some headers in quotes.
  return typeof value === 'string' ? value.replace(/^"(.*)"$/s, '$1') : ''
}

function toRecord(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {}
}

function invalid(why: string): Fault {
  return new Fault('trail_logs_invalid', `This is no storage log that can be read: ${why}.`)
}
