// `azure-storage-drone trace`: the story of a build, found by its name, by a file it wrote, or by an id out of
// Azure's logs; with the questions to those logs, and their answers where the person may read them.

import { Fault } from '../src/core/fault.ts'
import { type AzureCall, callsOfResult } from '../src/trail/azure-calls.ts'
import { findTrace, type Trace, type TraceQuestion } from '../src/trail/find-trace.ts'
import { queriesFor } from '../src/trail/kql.ts'
import { openTrail } from '../src/trail/open.ts'
import { traceLines } from '../src/trail/trace-text.ts'
import { trailPaths } from '../src/trail/trail-app.ts'
import { readArgs } from './read-args.ts'
import { askOptions, usage, withAzureLogs, withTrailStore } from './trail-source.ts'
import { serviceOptions, withService } from './trust-service.ts'

/** How `trace` is used. */
export const traceUsage = `azure-storage-drone trace REPOSITORY#BUILD | --blob URL | --request-id ID

  REPOSITORY#BUILD       octo/app#42; main:octo/app#42 where several CI servers have such a repository
  --blob URL             a file in storage: who wrote it, under which rule, with which token
  --request-id ID        an x-ms-client-request-id, AuthenticationHash or CorrelationId of Azure's logs,
                         or a jti, a trace or the SHA-256 of a token of ours

where from, one of
  --service URL          the admin door (listen.admin), with --admin-token-file FILE or the variable
                         AZURE_STORAGE_DRONE_ADMIN_TOKEN
  --config FILE          the service's configuration: reads its database on this machine

  --kql                  adds the exact questions to Azure's logs
  --log-analytics ID     asks this workspace for the calls, as the person who is signed in to Azure
  --check                with --blob: asks storage whether the file is still the one that was written
  --tenant ID, --sign-in WAY, --ca-file FILE
                         how that person signs in, as with \`trust\`
  --json                 all of it as JSON
`

const options = {
  ...serviceOptions,
  ...askOptions,
  config: { type: 'string' },
  blob: { type: 'string' },
  'request-id': { type: 'string' },
  kql: { type: 'boolean' },
  check: { type: 'boolean' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

type Values = ReturnType<typeof read>['values']

/** Runs `trace`; resolves to the exit code, throws cli_usage, trail_* and what signing in throws. */
export async function traceCommand(
  args: string[],
  deps: { write: (text: string) => void },
): Promise<number> {
  const { values, positionals } = read(args)
  if (values.help) {
    deps.write(traceUsage)
    return 0
  }
  const question = readQuestion(values, positionals)
  const trace = await fetchTrace(values, question)
  const queries = queriesFor(trace.story)
  const { calls, now } = await askAzure(values, trace, deps.write)
  if (values.json) {
    const all = { ...trace, queries, ...(calls && { calls }), ...(now !== undefined && { now }) }
    deps.write(`${JSON.stringify(all, undefined, 2)}\n`)
    return 0
  }
  const shown = {
    ...(values.kql && { queries }),
    ...(calls && { calls }),
    ...(now !== undefined && { now }),
  }
  deps.write(`${traceLines(trace, shown).join('\n')}\n`)
  return 0
}

function read(args: string[]) {
  return readArgs('trace', { args, options, allowPositionals: true })
}

function readQuestion(values: Values, positionals: string[]): TraceQuestion {
  const { blob, 'request-id': requestId } = values
  const [build, ...rest] = positionals
  const given: TraceQuestion[] = [
    ...(build === undefined ? [] : [{ build }]),
    ...(blob === undefined ? [] : [{ blob }]),
    ...(requestId === undefined ? [] : [{ requestId }]),
  ]
  const [question] = given
  if (question && given.length === 1 && rest.length === 0) return question
  throw usage('trace takes one of REPOSITORY#BUILD, --blob URL and --request-id ID.')
}

async function fetchTrace(values: Values, question: TraceQuestion): Promise<Trace> {
  const { config, service } = values
  if ((config === undefined) === (service === undefined)) {
    throw usage('trace reads from one of --service URL and --config FILE.')
  }
  if (config !== undefined) {
    return withTrailStore(config, (store) => findTrace(openTrail(store), question))
  }
  return withService(toServiceValues(values), async (door) => {
    const { requestId, ...named } = { requestId: undefined, ...question }
    const query = new URLSearchParams(requestId === undefined ? named : { request_id: requestId })
    return revive(await door?.read(`${trailPaths.trace}?${query.toString()}`))
  })
}

function toServiceValues(values: Values) {
  const { service, 'admin-token-file': tokenFile, 'ca-file': caFile } = values
  return {
    ...(service !== undefined && { service }),
    ...(tokenFile !== undefined && { 'admin-token-file': tokenFile }),
    ...(caFile !== undefined && { 'ca-file': caFile }),
  }
}

const moments = new Set(['at', 'firstAt', 'lastAt', 'endedAt'])

// Moments travel as text.
function revive(answer: unknown): Trace {
  const text = JSON.stringify(answer ?? null)
  const trace = JSON.parse(text, (key, value: unknown) =>
    moments.has(key) && typeof value === 'string' ? new Date(value) : value,
  ) as Partial<Trace> | null
  if (trace?.story && Array.isArray(trace.story.items)) return { ...trace, story: trace.story }
  throw new Fault(
    'trust_service_unavailable',
    'The service answered with something other than a trace.',
    { hint: 'Is it of an older version? Trace with --config on its machine, or update it.' },
  )
}

async function askAzure(
  values: Values,
  trace: Trace,
  say: (text: string) => void,
): Promise<{ calls?: AzureCall[]; now?: string }> {
  const { 'log-analytics': workspace, blob, check } = values
  if (workspace === undefined && !(check && blob !== undefined)) return {}
  return withAzureLogs(values, say, async (azure) => {
    const [query] = queriesFor(trace.story)
    return {
      ...(workspace !== undefined &&
        query && { calls: callsOfResult(await azure.query(workspace, query.text)) }),
      ...(check &&
        blob !== undefined && { now: compare(trace, await azure.etagOf(new URL(blob))) }),
    }
  })
}

function compare({ sightings = [] }: Trace, etag: string | undefined): string {
  if (etag === undefined) return 'storage has no such file any more'
  const [last] = sightings
  if (last?.item.etag === undefined) return `storage has it now with ETag ${etag}`
  return bare(last.item.etag) === bare(etag)
    ? 'storage has it as it was written (same ETag)'
    : `storage has another one now, with ETag ${etag}: it was changed after this build`
}

// Some answers have quotes around it, some not.
function bare(etag: string): string {
  return etag.replaceAll('"', '')
}
