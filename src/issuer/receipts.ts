// What steps say they did (`POST /v1/receipts`, with the request token as bearer): kept in the ledger as
// their own word. It proves nothing, but it leads from a file in storage to the build that names it.
import type { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import * as z from 'zod'

import { type LedgerEvent, referenceTo, traceOf } from '../audit/event.ts'
import type { Ledger } from '../audit/ledger.ts'
import type { Build } from '../ci/build.ts'
import { hashSecret } from '../core/digest.ts'
import { Fault } from '../core/fault.ts'
import type { Secret } from '../core/secret.ts'
import type { RequestTokenRow, Store } from '../store/store.ts'
import { createRateLimiter } from './rate-limit.ts'
import { parsePayload } from './request-token.ts'

/** What taking receipts needs. */
export type ReceiptDeps = {
  now: () => Date
  store: Pick<Store, 'findRequestToken' | 'findBuild'>
  ledger: Ledger
}

/** Path that receipts are posted to. */
export const receiptsPath = '/v1/receipts'

const longestBodyBytes = 128 * 1024
const graceMs = 5 * 60_000
// A step has few transfers, and each few pages; who has a token may not fill the disk with them.
const perToken = { burst: 120, perMinute: 20 }

const hash = z.string().regex(/^[0-9a-f]{64}$/)
const amount = z.int().min(0).max(Number.MAX_SAFE_INTEGER)
const line = (length: number) =>
  z
    .string()
    .max(length)
    .refine((text) => !/\p{Cc}/u.test(text) && text.isWellFormed(), 'has characters of no line')

const receiptSchema = z.strictObject({
  page: z.int().min(1).max(100),
  pages: z.int().min(1).max(100),
  step: line(200).optional(),
  action: z.enum([
    'upload',
    'download',
    'sync',
    'list',
    'remove',
    'link',
    'verify',
    'save',
    'restore',
    'keys',
    'clear',
    'prune',
  ]),
  outcome: z.enum(['done', 'failed']),
  account: line(100),
  service: z.enum(['blob', 'file']),
  container: line(100),
  prefix: line(1100),
  files: amount,
  bytes: amount,
  duration_ms: amount,
  access_token_sha256: z.array(hash).max(50),
  correlation_ids: z.array(line(100)).max(50),
  request_id: line(200).optional(),
  items: z
    .array(z.strictObject({ name: line(1100), etag: line(200).optional(), bytes: amount }))
    .max(1000),
  items_sha256: hash.optional(),
})

/** Adds the route for receipts to the application for steps. */
export function addReceipts(
  app: Hono,
  deps: ReceiptDeps,
  readBearer: (header: string | undefined) => Secret,
): void {
  const limiter = createRateLimiter(deps, perToken)
  app.use(receiptsPath, bodyLimit({ maxSize: longestBodyBytes, onError: refuseLength }))
  app.post(receiptsPath, async (context) => {
    const bearer = readBearer(context.req.header('authorization'))
    const { entry, build, row } = await admit(deps, bearer)
    limiter.take(row.tokenHash)
    const receipt = readReceipt(await context.req.text())
    const event: LedgerEvent = {
      type: 'transfer.receipt',
      decision: 'info',
      rule: entry,
      trace: traceOf(build),
      build: referenceTo(build),
      token: { kind: 'request', sha256: row.tokenHash },
      caller: { door: 'receipt' },
      receipt,
    }
    await deps.ledger.append(event)
    return context.body(null, 204)
  })
}

async function admit(
  deps: ReceiptDeps,
  bearer: Secret,
): Promise<{ entry: string; build: Build; row: RequestTokenRow }> {
  const row = await deps.store.findRequestToken(hashSecret(bearer))
  if (!row) {
    throw new Fault(
      'issuer_token_unknown',
      'This request token is none that this service handed out, or it is long over.',
    )
  }
  const payload = parsePayload(row.payload)
  if (payload.kind === 'refusal') {
    throw new Fault(payload.code, payload.sentence, { hint: payload.hint })
  }
  const now = deps.now().getTime()
  if (row.expiresAt.getTime() + graceMs < now) {
    throw new Fault(
      'issuer_token_expired',
      'The request token expired, and its build is long over.',
    )
  }
  // The last step tells of itself when the server may have said already that the build is over.
  const told = await deps.store.findBuild(row.instance, row.buildId)
  if (told?.isFinal && told.seenAt.getTime() + graceMs < now) {
    throw new Fault('issuer_build_finished', 'The build is over, and its token died with it.')
  }
  // The server's word on the build goes before the runner's.
  const build = told ? (JSON.parse(told.payload) as Build) : payload.build
  return { entry: payload.entry, build, row }
}

function readReceipt(text: string): NonNullable<LedgerEvent['receipt']> {
  let body: unknown
  try {
    body = JSON.parse(text)
  } catch {
    throw new Fault('issuer_request_invalid', 'The body is no JSON.')
  }
  const { success, data, error } = receiptSchema.safeParse(body)
  if (!success) {
    const what = z.prettifyError(error).replaceAll(/\s+/g, ' ')
    throw new Fault('issuer_request_invalid', `The receipt is not as it should be: ${what}`)
  }
  const { step, request_id: requestId, items_sha256: itemsSha256, items, ...rest } = data
  return {
    ...rest,
    ...(step !== undefined && { step }),
    ...(requestId !== undefined && { request_id: requestId }),
    ...(itemsSha256 !== undefined && { items_sha256: itemsSha256 }),
    items: items.map(({ name, etag, bytes }) => ({
      name,
      bytes,
      ...(etag !== undefined && { etag }),
    })),
  }
}

function refuseLength(): never {
  throw new Fault('issuer_request_invalid', `The body has more than ${longestBodyBytes} bytes.`)
}
