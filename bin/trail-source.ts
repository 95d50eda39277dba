// How commands that look back get to what happened: the store of a configuration on this machine, and who asks
// Azure's logs when they are asked too.
import { readFileSync } from 'node:fs'
import { setImmediate as pause } from 'node:timers/promises'

import type { CloudName } from '../src/azure/clouds.ts'
import { readServiceConfig } from '../src/config/service-config.ts'
import { Fault } from '../src/core/fault.ts'
import type { HttpClient } from '../src/http/http.ts'
import type { Store, StorePages } from '../src/store/store.ts'
import type { TrailTables } from '../src/store/trail-tables.ts'
import { follow } from '../src/trail/follow.ts'
import { logAnalyticsUrl, queryWorkspace } from '../src/trail/log-analytics.ts'
import { openStore } from './service-store.ts'
import { openTokens, signInWays, type SignInWay } from './trust-azure.ts'
import { openTrustHttp, readCaFile } from './trust-http.ts'

/** A store with its read model, brought up to now. */
export type TrailStore = Store & StorePages & TrailTables

/** Options of commands that may ask Azure as a person. */
export const askOptions = {
  'log-analytics': { type: 'string' },
  tenant: { type: 'string' },
  'sign-in': { type: 'string' },
  'ca-file': { type: 'string' },
  'log-analytics-url': { type: 'string' },
} as const

/** Their values. */
export type AskValues = { [Name in keyof typeof askOptions]?: string | undefined }

/** Does some work with the store of a configuration, its read model brought up to the ends of the chains first. */
export async function withTrailStore<Value>(
  configFile: string,
  work: (store: TrailStore) => Promise<Value>,
): Promise<Value> {
  const readFile = (path: string) => readFileSync(path, 'utf8')
  const config = readServiceConfig({ readFile, env: process.env }, configFile)
  const store = await openStore(config)
  try {
    await follow({ store, pause: () => pause() })
    return await work(store)
  } finally {
    await store.close()
  }
}

/** Azure as a person asks it: a workspace, and storage. */
export type AskedAzure = {
  query: (workspace: string, text: string) => Promise<unknown>
  /** The ETag a file has now; undefined when there is none. */
  etagOf: (url: URL) => Promise<string | undefined>
}

/** Does some work that asks Azure; nobody is signed in before the first question. */
export async function withAzureLogs<Value>(
  values: AskValues,
  say: (text: string) => void,
  work: (azure: AskedAzure) => Promise<Value>,
): Promise<Value> {
  const { tenant: tenantId = 'organizations', 'ca-file': caFile } = values
  const cloud: CloudName = 'public'
  const tokens = openTokens({ tenantId, cloud, signIn: readWay(values['sign-in']), caFile, say })
  const http = openTrustHttp(readCaFile(caFile))
  const origin = new URL(values['log-analytics-url'] ?? logAnalyticsUrl)
  if (origin.protocol !== 'https:') throw usage('--log-analytics-url is of the form https://host.')
  const scope = `${logAnalyticsUrl}/.default`
  try {
    return await work({
      query: (workspace, text) =>
        queryWorkspace({ send: http.send, origin, token: () => tokens(scope) }, workspace, text),
      etagOf: (url) => readEtag(http, tokens, url),
    })
  } finally {
    http.close()
  }
}

async function readEtag(
  http: HttpClient,
  tokens: (scope: string) => Promise<{ reveal: () => string }>,
  url: URL,
): Promise<string | undefined> {
  const token = await tokens('https://storage.azure.com/.default')
  const answer = await http.send({
    method: 'HEAD',
    origin: url,
    path: url.pathname,
    headers: {
      authorization: `Bearer ${token.reveal()}`,
      'x-ms-version': '2025-11-05',
      ...(/\.file\./.test(url.hostname) && { 'x-ms-file-request-intent': 'backup' }),
    },
  })
  if (answer.status === 200) return answer.headers['etag'] ?? ''
  if (answer.status === 404) return undefined
  throw new Fault(
    'trail_workspace_denied',
    `Storage answered ${answer.status} to the question for ${url.pathname}.`,
    { hint: 'Reading the file takes a role such as Storage Blob Data Reader on its container.' },
  )
}

function readWay(text: string | undefined): SignInWay {
  const way = signInWays.find((each) => each === (text ?? 'default'))
  if (way) return way
  throw usage(`--sign-in is one of ${signInWays.join(', ')}.`)
}

/** The fault of a command line that cannot be understood. */
export function usage(sentence: string): Fault {
  return new Fault('cli_usage', sentence)
}

/** A moment as people write it, `2026-11-23` or with a time; throws cli_usage. */
export function readMoment(option: string, text: string): Date {
  const at = new Date(text)
  const hasForm = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?$/.test(text)
  if (hasForm && Number.isFinite(at.getTime())) return at
  throw usage(`${option} is a day or a moment such as 2026-11-23 or 2026-11-23T12:00:00Z.`)
}
