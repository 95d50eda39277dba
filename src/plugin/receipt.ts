// Tells the trust service what a step did (`POST /v1/receipts`), so that a file in storage leads back to its
// build. It is the step's own word, it is sent beside the work, and it never fails a step.
import { createHash } from 'node:crypto'

import { messageOf } from '../core/fault.ts'
import { type HttpOptions, type HttpClient, type Send, HttpError } from '../http/http.ts'
import type { Footprint } from './footprint.ts'
import { sendToService } from './identity.ts'
import type { Log } from './report.ts'
import { parseRequestToken } from './request-token.ts'
import type { Result } from './result.ts'
import type { Settings } from './settings.ts'
import type { Transfer } from './settings/transfer.ts'

/** What sending needs. */
export type ReceiptDeps = {
  http: Pick<HttpClient, 'send'>
  openHttp: (options: HttpOptions) => HttpClient
  log: Log
  userAgent: string
  settings: Settings
  footprint: Footprint
  /** What the step is called. */
  name: string
}

/** One transfer as it ended; without a result it failed before its first file. */
export type Told = { transfer: Transfer; result?: Result; requestId: string; durationMs: number }

// What is beyond is in the digest alone.
const mostItems = 5000
const pageItems = 500
const pageBytes = 48 * 1024
const timeoutMs = 5000

/** Sends the receipts of a transfer; what goes wrong is one line in the log. */
export async function sendReceipt(deps: ReceiptDeps, told: Told): Promise<void> {
  const { settings, footprint, log } = deps
  const { credential } = settings
  if (credential.source !== 'request token' || footprint.accessTokenSha256.length === 0) return
  try {
    const token = parseRequestToken(credential.token)
    const send = sendToService({ send: deps.http.send, openHttp: deps.openHttp }, token)
    for (const page of toPages(deps, told)) await post(deps, send, token, page)
  } catch (error) {
    log(`receipt not recorded: ${messageOf(error)}`)
  }
}

type Token = { bearer: { reveal: () => string }; serviceUrl: URL }

async function post(
  { userAgent }: ReceiptDeps,
  send: Send,
  { bearer, serviceUrl }: Token,
  page: Record<string, unknown>,
): Promise<void> {
  const base = serviceUrl.pathname.replace(/\/+$/, '')
  const answer = await send({
    method: 'POST',
    origin: serviceUrl,
    path: `${base}/v1/receipts`,
    headers: {
      authorization: `Bearer ${bearer.reveal()}`,
      'content-type': 'application/json',
      'user-agent': userAgent,
    },
    body: Buffer.from(JSON.stringify(page)),
    signal: AbortSignal.timeout(timeoutMs),
  }).catch((error: unknown) => {
    throw error instanceof HttpError ? new Error(`the trust service: ${error.message}`) : error
  })
  if (answer.status !== 204) throw new Error(`the trust service answered ${answer.status}`)
}

type Item = { name: string; etag?: string; bytes: number }

function toPages(deps: ReceiptDeps, told: Told): Record<string, unknown>[] {
  const { transfer, requestId } = told
  const { footprint, name: step } = deps
  const { service, account, address } = transfer.place
  const all = toItems(told)
  const pages = splitItems(all.filter(({ name }) => isLine(name)).slice(0, mostItems))
  const common = {
    ...(isLine(step) && step !== '' && { step: step.slice(0, 200) }),
    action: transfer.action,
    account,
    service: service === 'blob' ? 'blob' : 'file',
    container: address.container,
    prefix: prefixOf(transfer),
    ...amountsOf(told),
    access_token_sha256: footprint.accessTokenSha256.slice(-50),
    correlation_ids: footprint.correlationIds.slice(-50),
    request_id: footprint.trace === undefined ? requestId : `${footprint.trace}-${requestId}`,
    ...(all.length > 0 && { items_sha256: digestItems(all) }),
  }
  return pages.map((items, index) => ({ page: index + 1, pages: pages.length, ...common, items }))
}

// What was read is nobody's to be found by.
function toItems({ transfer, result }: Told): Item[] {
  if (transfer.job.action !== 'upload' || !result) return []
  return result.done.map(({ name, etag, sizeBytes }) => ({
    name,
    ...(etag !== '' && { etag }),
    bytes: sizeBytes,
  }))
}

function amountsOf({ transfer, result, durationMs }: Told) {
  const isDone = result !== undefined && result.failures.length + result.notDone === 0
  const { files, bytes } = !result || transfer.dryRun ? { files: 0, bytes: 0 } : result
  const took = Math.max(0, Math.round(result?.durationMs ?? durationMs))
  return { outcome: isDone ? 'done' : 'failed', files, bytes, duration_ms: took }
}

// A name that the ledger does not take is in the digest alone.
function isLine(text: string): boolean {
  return text.length <= 1000 && !/\p{Cc}/u.test(text) && text.isWellFormed()
}

function splitItems(items: readonly Item[]): Item[][] {
  const pages: Item[][] = [[]]
  let bytes = 0
  for (const item of items) {
    const cost = 60 + Buffer.byteLength(item.name) + (item.etag?.length ?? 0)
    const last = pages.at(-1)
    if (last && last.length > 0 && (last.length >= pageItems || bytes + cost > pageBytes)) {
      pages.push([item])
      bytes = cost
    } else {
      last?.push(item)
      bytes += cost
    }
  }
  // More pages than the service takes are names of absurd length.
  return pages.slice(0, 100)
}

/** SHA-256 over the lines `name<tab>etag` of all files, in the order of their names (UTF-16). */
export function digestItems(items: readonly Item[]): string {
  const hash = createHash('sha256')
  const lines = items.map(({ name, etag = '' }) => `${name}\t${etag}\n`)
  for (const text of lines.toSorted((one, other) => (one < other ? -1 : 1))) hash.update(text)
  return hash.digest('hex')
}

// The folder that all of it is below; empty for a whole container.
function prefixOf({ job }: Transfer): string {
  if ('preset' in job) return toLine(job.folder)
  if (job.action === 'upload') return toLine(job.naming.target)
  const sources = job.action === 'link' ? job.names : job.select.sources
  const [first = '', ...rest] = sources.filter((source) => !source.startsWith('!'))
  if (rest.length > 0) return ''
  return toLine(first.replace(/[*?[{].*$/s, ''))
}

function toLine(text: string): string {
  return isLine(text) ? text : ''
}
