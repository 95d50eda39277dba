// A Log Analytics workspace over the lab's storage log (REST, "Query - Execute"): proves the caller, and
// evaluates the few forms of Kusto that this project asks in. Anything else is a syntax error.
import { getRequestListener } from '@hono/node-server'
import { Hono } from 'hono'

import type { Clock } from '../core/time.ts'
import type { LabAuthority } from './authority.ts'
import { BearerError, verifyBearer } from './entra-bearer.ts'
import type { LabEntra } from './entra.ts'
import { type LabListener, listenTls } from './listen.ts'
import type { StorageCall } from './storage-front.ts'
import { type StorageLogColumns, toLogColumns } from './storage-log-forms.ts'

/** What its tokens are for. */
export const logAnalyticsAudience = 'https://api.loganalytics.io'

/** A running workspace, and the queries it was asked. */
export type LabLogAnalytics = LabListener & { workspaceId: string; queries: readonly string[] }

/** Starts a workspace that these identities (object ids) may read. */
export async function startLogAnalytics(
  { authority, entra, now }: { authority: LabAuthority; entra: LabEntra; now: Clock },
  options: { workspaceId: string; readers: readonly string[]; calls: () => readonly StorageCall[] },
): Promise<LabLogAnalytics> {
  entra.addResource(logAnalyticsAudience, logAnalyticsAudience)
  const queries: string[] = []
  const app = new Hono()
  app.post('/v1/workspaces/:id/query', async (context) => {
    const refuse = (status: 400 | 403 | 404, code: string, message: string) =>
      context.json({ error: { code, message } }, status)
    try {
      const audience = logAnalyticsAudience
      const bearer = context.req.header('authorization')
      const { objectId } = await verifyBearer({ now, entra, audience }, bearer)
      if (context.req.param('id') !== options.workspaceId) {
        return refuse(404, 'WorkspaceNotFoundError', 'The workspace could not be found')
      }
      if (!options.readers.includes(objectId)) {
        return refuse(
          403,
          'InsufficientAccessError',
          'The provided credentials have insufficient access',
        )
      }
    } catch (error) {
      if (!(error instanceof BearerError)) throw error
      return context.json({ error: { code: 'InvalidTokenError', message: error.message } }, 401)
    }
    const { query } = await context.req.json<{ query: string }>()
    queries.push(query)
    const rows = evaluate(
      query,
      options.calls().map((call) => toLogColumns(call)),
    )
    if (!rows) return refuse(400, 'BadArgumentError', 'The request had some invalid properties')
    return context.json(toResult(rows))
  })
  const listener = await listenTls(
    { authority },
    getRequestListener(app.fetch, { overrideGlobalObjects: false }),
  )
  return { ...listener, workspaceId: options.workspaceId, queries }
}

type Rows = StorageLogColumns[]

const steps: readonly (readonly [RegExp, (rows: Rows, match: RegExpExecArray) => Rows])[] = [
  [
    /^\| where TimeGenerated between \(datetime\(([^)]+)\) \.\. datetime\(([^)]+)\)\)$/,
    (rows, [, from = '', to = '']) =>
      rows.filter((row) => {
        const at = Date.parse(String(row['TimeGenerated']))
        return at >= Date.parse(from) && at <= Date.parse(to)
      }),
  ],
  [
    /^\| where AuthenticationType == "(\w+)"$/,
    (rows, [, type = '']) => rows.filter((row) => row['AuthenticationType'] === type),
  ],
  [
    /^\| where (?:toupper\(AuthenticationHash\) in \(([^)]*)\) or )?ClientRequestId startswith "([^"]*)"$/,
    (rows, [, hashes = '', begin = '']) =>
      rows.filter((row) => {
        const hash = String(row['AuthenticationHash']).toUpperCase()
        const id = String(row['ClientRequestId']).toLowerCase()
        return readList(hashes).includes(hash) || id.startsWith(begin.toLowerCase())
      }),
  ],
  [
    /^\| where (\w+) in~ \(([^)]*)\)$/,
    (rows, [, column = '', values = '']) => {
      const wanted = readList(values.toLowerCase())
      return rows.filter((row) => wanted.includes(String(row[column]).toLowerCase()))
    },
  ],
  [
    /^\| project ([\w, ]+)$/,
    (rows, [, names = '']) =>
      rows.map((row) =>
        Object.fromEntries(names.split(', ').map((name) => [name, row[name] ?? ''])),
      ),
  ],
  [
    /^\| order by TimeGenerated asc$/,
    (rows) =>
      rows.toSorted((one, other) =>
        String(one['TimeGenerated']).localeCompare(String(other['TimeGenerated'])),
      ),
  ],
]

function evaluate(query: string, all: Rows): Rows | undefined {
  const [source = '', ...lines] = query.split('\n')
  if (source !== 'union isfuzzy=true StorageBlobLogs, StorageFileLogs') return undefined
  let rows = all
  for (const line of lines) {
    const step = steps.find(([form]) => form.test(line))
    const match = step?.[0].exec(line)
    if (!step || !match) return undefined
    rows = step[1](rows, match)
  }
  return rows
}

function readList(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"/g)].map((match) => match[1] ?? '')
}

function toResult(rows: Rows) {
  const names = Object.keys(rows[0] ?? { TimeGenerated: '' })
  return {
    tables: [
      {
        name: 'PrimaryResult',
        columns: names.map((name) => ({
          name,
          type: name === 'TimeGenerated' ? 'datetime' : 'string',
        })),
        rows: rows.map((row) => names.map((name) => row[name])),
      },
    ],
  }
}
