// One call at the lab's file service: find the target, prove the caller, check intent, version and
// rights, read the body, do it, log. Deny by default (facts/transfer.md §7 and §9).
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

import type { CompactVerifyGetKey } from 'jose'

import type { Clock } from '../../core/time.ts'
import { headerOf, StorageRefusal } from '../storage-errors.ts'
import { asRefusal, openLogRow, takeFailure } from '../storage-log.ts'
import { assertSupported, identify } from './admit.ts'
import { readContent } from './body.ts'
import type { FilesAnswer, FilesCall } from './call.ts'
import { answerFilesRefusal, filesRefusal } from './errors.ts'
import { findOperation } from './operations.ts'
import type { FilesRoleBook } from './roles.ts'
import { parseFilesTarget, toSegments } from './target.ts'
import type { FilesTree } from './tree.ts'

/** A row of the log, named as in StorageFileLogs. */
export type FilesLogRow = {
  time: Date
  operation: string
  status: number
  /** `Success` or the error code. */
  statusText: string
  account: string
  share: string
  /** The path as it was sent, without the query. */
  path: string
  /** SHA-256 of the presented token, upper-case hex; empty when there was none. */
  authenticationHash: string
  requesterAppId: string
  requesterObjectId: string
  tenantId: string
  clientRequestId: string
  requestId: string
  userAgent: string
  requestBytes: number
  responseBytes: number
}

/** Failures to inject: the next `count` calls, of one operation when it is named. */
export type FilesFailure = {
  count: number
  status: number
  code: string
  retryAfterSeconds?: number
  operation?: string
  /** Instead of refusing: does the work, and cuts or hangs before the answer or in its middle. */
  cuts?: 'answer' | 'middle' | 'hang'
}

/** What an older service, or one with less on a page, would not do. */
export type FilesLimits = {
  /** Create File takes no content. */
  withoutContent: boolean
  /** Structured bodies are taken as they come. */
  withoutStructured: boolean
  pageLength: number
}

/** What the front knows, and what tests change while it runs. */
export type FilesFront = {
  now: Clock
  tree: FilesTree
  roles: FilesRoleBook
  tenantId: string
  findKey: CompactVerifyGetKey
  accounts: ReadonlySet<string>
  calls: FilesLogRow[]
  failures: FilesFailure[]
  isNetworkDenied: boolean
  latencyMs: number
  limits: FilesLimits
}

const maxLogRows = 200_000

/** Answers one call; the log has it before the client sees the answer. */
export async function handleFilesCall(
  front: FilesFront,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const row: FilesLogRow = { ...openLogRow(front.now(), request), share: '' }
  if (front.latencyMs > 0) await sleep(front.latencyMs)
  try {
    const answer = await serve(front, request, row)
    row.status = answer.status
    row.statusText = 'Success'
    row.responseBytes = (answer.pieces ?? []).reduce((sum, { length }) => sum + length, 0)
    log(front, row)
    if (answer.cut === 'answer') response.destroy()
    else send(request, response, row, answer)
  } catch (error) {
    const refusal = asRefusal(error)
    row.status = refusal.status
    row.statusText = refusal.code
    log(front, row)
    const context = { now: row.time, requestId: row.requestId, tenantId: front.tenantId }
    answerFilesRefusal(context, request, response, refusal)
  }
}

async function serve(
  front: FilesFront,
  request: IncomingMessage,
  row: FilesLogRow,
): Promise<FilesAnswer & { cut: FilesFailure['cuts'] }> {
  const { method = '', url = '/', headers } = request
  const host = headers.host ?? ''
  const target = parseFilesTarget(front, { host, path: row.path })
  const at = url.indexOf('?')
  const query = new URLSearchParams(at < 0 ? '' : url.slice(at + 1))
  const operation = findOperation(target, method, query)
  row.account = target.account
  row.share = target.share
  row.operation = operation?.name ?? 'Unknown'
  const failure = takeFailure(front.failures, row.operation)
  if (failure && !failure.cuts) throw new StorageRefusal(failure.code, toMore(failure))

  await identify(front, request, target, row)
  if (!operation) throw filesRefusal('UnsupportedQueryParameter')
  const { requesterObjectId: caller } = row
  if (!front.roles.allows(caller, target, operation.action)) {
    throw new StorageRefusal('AuthorizationPermissionMismatch')
  }
  assertSupported(front.tree, request, target, operation.action)
  const content = await readContent(request, front.limits)
  row.requestBytes = content.receivedBytes
  const keepsDots = headerOf(request, 'x-ms-allow-trailing-dot').toLowerCase() === 'true'
  const call: FilesCall = {
    tree: front.tree,
    accounts: front.accounts,
    account: target.account,
    endpoint: `https://${host}/`,
    shareName: target.share,
    segments: toSegments(target.segments, keepsDots),
    query,
    headers,
    body: content.body,
    isStructured: content.isStructured,
    limits: front.limits,
    version: headerOf(request, 'x-ms-version'),
    newId: randomUUID,
    mayRead: (share) =>
      front.roles.allows(caller, { account: target.account, share }, 'files/read'),
  }
  return { ...operation.run(call), cut: failure?.cuts }
}

function send(
  request: IncomingMessage,
  response: ServerResponse,
  row: FilesLogRow,
  {
    status,
    headers,
    pieces = [],
    isChunked = false,
    cut,
  }: FilesAnswer & { cut: FilesFailure['cuts'] },
): void {
  const echoed = row.clientRequestId && { 'x-ms-client-request-id': row.clientRequestId }
  const length = isChunked ? {} : { 'content-length': String(row.responseBytes) }
  response.writeHead(status, {
    server: 'Windows-Azure-File/1.0 Microsoft-HTTPAPI/2.0',
    'x-ms-request-id': row.requestId,
    'x-ms-version': headerOf(request, 'x-ms-version'),
    ...length,
    ...headers,
    ...echoed,
  })
  if (cut !== undefined) {
    const whole = Buffer.concat(pieces)
    response.write(whole.subarray(0, whole.length >> 1), () => {
      if (cut === 'middle') response.destroy()
    })
    return
  }
  if (request.method !== 'HEAD') for (const piece of pieces) response.write(piece)
  response.end()
}

function log(front: FilesFront, row: FilesLogRow): void {
  front.calls.push(row)
  if (front.calls.length > maxLogRows) front.calls.splice(0, maxLogRows / 2)
}

function toMore({ status, retryAfterSeconds }: FilesFailure) {
  return { status, ...(retryAfterSeconds !== undefined && { retryAfterSeconds }) }
}
