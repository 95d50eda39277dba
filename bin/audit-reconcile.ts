// `azure-storage-drone audit reconcile`: Azure's storage logs against the ledger, both ways.
import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'

import { Fault, messageOf } from '../src/core/fault.ts'
import { type AzureCall, callOfLine, callsOfResult } from '../src/trail/azure-calls.ts'
import { callsByApps } from '../src/trail/kql.ts'
import { readIdentities } from '../src/trail/read-use.ts'
import { reconcile, type Reconciled } from '../src/trail/reconcile.ts'
import {
  askOptions,
  readMoment,
  type TrailStore,
  usage,
  withAzureLogs,
  withTrailStore,
} from './trail-source.ts'

/** How `audit reconcile` is used. */
export const reconcileUsage = `azure-storage-drone audit reconcile --config FILE --from WHEN --to WHEN
                                    --logs FILE.jsonl | --log-analytics WORKSPACE_ID

  --logs FILE           what diagnostic settings wrote (JSON lines), or rows of a query as JSON lines
  --log-analytics ID    asks this workspace, as the person who is signed in (--tenant, --sign-in, --ca-file)
  --from, --to          a day or a moment such as 2026-11-23T12:00:00Z; --to is not included
  --app-id ID, --object-id ID
                        an identity beside those in the ledger; may be given again
  --json                one JSON document

Reports calls by our identities with a token that no step told of, and steps that told of calls Azure did
not log. Exit code 6 when there are any.
`

const options = {
  ...askOptions,
  config: { type: 'string' },
  logs: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
  'app-id': { type: 'string', multiple: true },
  'object-id': { type: 'string', multiple: true },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

type Values = ReturnType<typeof readArgs>

/** Runs `audit reconcile`; resolves to 0, or 6 with findings; throws cli_usage and trail_*. */
export async function auditReconcile(
  args: string[],
  deps: { write: (text: string) => void },
): Promise<number> {
  const values = readArgs(args)
  if (values.help) {
    deps.write(reconcileUsage)
    return 0
  }
  const { config, logs, 'log-analytics': workspace } = values
  if (config === undefined || values.from === undefined || values.to === undefined) {
    throw usage('audit reconcile needs --config FILE, --from and --to.')
  }
  if ((logs === undefined) === (workspace === undefined)) {
    throw usage('audit reconcile reads one of --logs FILE and --log-analytics WORKSPACE_ID.')
  }
  const span = { from: readMoment('--from', values.from), to: readMoment('--to', values.to) }
  const done = await withTrailStore(config, async (store) => {
    const identities = await readOurs(store, values)
    const calls =
      logs === undefined
        ? await askWorkspace(values, [...identities.appIds], span, deps.write)
        : readLines(logs)
    return reconcile(store, calls, { identities, ...span })
  })
  deps.write(values.json ? `${JSON.stringify(done, undefined, 2)}\n` : toText(done))
  return done.findings.length > 0 ? 6 : 0
}

function readArgs(args: string[]) {
  try {
    return parseArgs({ args, options }).values
  } catch (cause) {
    throw usage(messageOf(cause))
  }
}

async function readOurs(store: TrailStore, values: Values) {
  const known = (await readIdentities(store)).map(({ clientId }) => clientId)
  const small = (ids: readonly string[]) => new Set(ids.map((id) => id.toLowerCase()))
  return {
    appIds: small([...known, ...(values['app-id'] ?? [])]),
    objectIds: small(values['object-id'] ?? []),
  }
}

async function askWorkspace(
  values: Values,
  appIds: readonly string[],
  { from, to }: { from: Date; to: Date },
  say: (text: string) => void,
): Promise<AzureCall[]> {
  if (appIds.length === 0) return []
  return withAzureLogs(values, say, async (azure) =>
    callsOfResult(await azure.query(values['log-analytics'] ?? '', callsByApps(appIds, from, to))),
  )
}

async function* readLines(file: string): AsyncGenerator<AzureCall> {
  const input = createReadStream(file, 'utf8')
  try {
    for await (const line of createInterface({ input, crlfDelay: Infinity })) {
      if (line.trim() !== '') yield callOfLine(line)
    }
  } catch (cause) {
    if (cause instanceof Fault) throw cause
    throw new Fault('config_invalid', `${file} cannot be read: ${messageOf(cause)}.`, { cause })
  }
}

function toText({ calls, ours, receipts, findings }: Reconciled): string {
  const lines = findings.flatMap((finding) => {
    if (finding.kind === 'unseen') {
      const { at, build, place, files, record } = finding
      return [
        `unseen   ${build} told of ${files} file(s) at ${place}, ${at.toISOString()}; no call of its tokens is in the logs`,
        `         record ${record.node} ${record.seq}`,
      ]
    }
    const { count, appId, callerIp, firstAt, lastAt, operations, example, claims } = finding
    return [
      `foreign  ${count} call(s) by ${appId} from ${callerIp || 'an address not logged'}, ${firstAt.toISOString()} to ${lastAt.toISOString()}: ${operations.join(', ')}`,
      `         token sha256 ${finding.authenticationHash || '(none)'}, that no step told of`,
      `         ${example.uri}  (request ${example.requestId}, ${example.userAgent || 'no user agent'})`,
      ...(claims
        ? [
            `         its request ids name the build ${claims.instance}/${claims.id}, which proves nothing`,
          ]
        : []),
    ]
  })
  const summary =
    findings.length === 0
      ? 'every call is on record, and every record was seen'
      : `${findings.length} finding(s)`
  const head = `${calls} calls, ${ours} by identities of ours; ${receipts} receipts: ${summary}`
  // What headers say goes to a terminal.
  return `${[head, ...lines].map((line) => line.replaceAll(/[\p{Cc}\p{Cf}]/gu, '\uFFFD')).join('\n')}\n`
}
