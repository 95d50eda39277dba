// The door for people (`listen.admin`; docs/service.md): trials, signing keys and reviews, for those in
// `admins`, each with a token of their own. No token of ours or of Azure's ever leaves through it.
import { timingSafeEqual } from 'node:crypto'

import { Hono, type Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import * as z from 'zod'

import type { Ledger } from '../audit/ledger.ts'
import { usualRateLimits, type RateLimits } from '../config/service-config.ts'
import { hashSecret } from '../core/digest.ts'
import { Fault } from '../core/fault.ts'
import type { Log } from '../core/log.ts'
import { Secret } from '../core/secret.ts'
import type { RingSigner } from '../keys/place-signer.ts'
import {
  adminPaths,
  reviewSchema,
  rotateRequestSchema,
  trialRequestSchema,
} from '../trust/admin-api.ts'
import { orderRotation, showKeys } from './admin-keys.ts'
import type { Reviews } from './admin-reviews.ts'
import { holdTrial, type TrialDeps } from './admin-trial.ts'
import { problemHandler } from './problem.ts'
import { createRateLimiter, strangerKey } from './rate-limit.ts'

/** What the door for people needs. */
export type AdminDeps = Omit<TrialDeps, 'signer'> & {
  log: Log
  signer: RingSigner
  reviews: Reviews
  /** Tokens by the names of those who have them. */
  admins: ReadonlyMap<string, Secret>
  limits?: Pick<RateLimits, 'stranger'>
  /** Is told when a rotation was ordered, to look at the public documents soon. */
  onRotated?: () => void
}

type Env = { Variables: { admin: string } }

const longestBodyBytes = 64 * 1024

/** The HTTP application for people. */
export function createAdminApp(deps: AdminDeps): Hono<Env> {
  const { log, signer, reviews } = deps
  const app = new Hono<Env>()
  app.onError(problemHandler(log))
  const authenticate = createAuthentication(deps)
  app.use('*', async (context, next) => {
    context.set('admin', await authenticate(context))
    context.header('cache-control', 'no-store')
    await next()
  })
  app.use('*', bodyLimit({ maxSize: longestBodyBytes, onError: refuseLength }))

  app.post(adminPaths.trials, async (context) => {
    const [admin, request] = [context.get('admin'), await readBody(context, trialRequestSchema)]
    const answer = await holdTrial(deps, request, admin)
    const { jti, subject, verdict } = answer
    log.info({ admin, entry: request.entry, subject, jti, verdict }, 'held a trial')
    return context.json(answer)
  })
  app.get(adminPaths.keys, (context) => context.json(showKeys(signer)))
  app.post(adminPaths.rotateKeys, async (context) => {
    const admin = context.get('admin')
    const { emergency: isEmergency = false } = await readBody(context, rotateRequestSchema)
    const answer = await orderRotation(deps, { isEmergency }, admin)
    log.info({ admin, isEmergency }, 'a rotation was ordered')
    deps.onRotated?.()
    return context.json(answer)
  })
  app.post(adminPaths.reviews, async (context) => {
    const admin = context.get('admin')
    const recorded = await reviews.record(await readBody(context, reviewSchema), admin)
    log.info({ admin, errors: recorded.errors, warnings: recorded.warnings }, 'trust was reviewed')
    return context.json(recorded, 201)
  })
  app.get(adminPaths.lastReview, async (context) => {
    const last = await reviews.last()
    if (last) return context.json(last)
    throw new Fault('issuer_review_absent', 'No review of trust was ever recorded here.')
  })
  return app
}

function createAuthentication(deps: {
  now: () => Date
  ledger: Ledger
  admins: ReadonlyMap<string, Secret>
  limits?: Pick<RateLimits, 'stranger'>
}): (context: Context) => Promise<string> {
  const strangers = createRateLimiter(deps, (deps.limits ?? usualRateLimits).stranger)
  const known = [...deps.admins].map(([name, token]) => ({ name, hash: hashOf(token) }))
  return async (context) => {
    const bearer = /^Bearer ([\x21-\x7e]+)$/i.exec(context.req.header('authorization') ?? '')?.[1]
    const given = hashOf(new Secret(bearer ?? ''))
    // Hashes are of one length, and every one is compared: time tells nothing of any token.
    const [admin] = known.filter(({ hash }) => timingSafeEqual(hash, given))
    if (bearer !== undefined && admin) return admin.name
    // First, so that nobody fills the ledger.
    strangers.take(strangerKey(context.env))
    const fault = new Fault(
      'issuer_admin_unknown',
      bearer === undefined
        ? 'The request carries no bearer token.'
        : 'The bearer token is none of an admin of this service.',
    )
    await deps.ledger.append({
      type: 'admin.denied',
      decision: 'deny',
      reasons: [fault.code],
      detail: fault.message,
      caller: { door: 'admin' },
    })
    throw fault
  }
}

function hashOf(token: Secret): Buffer {
  return Buffer.from(hashSecret(token), 'hex')
}

function refuseLength(): never {
  throw new Fault('issuer_request_invalid', `The body has more than ${longestBodyBytes} bytes.`)
}

async function readBody<Schema extends z.ZodType>(
  context: Context,
  schema: Schema,
): Promise<z.output<Schema>> {
  const text = await context.req.text()
  const checked = schema.safeParse(parseJson(text === '' ? '{}' : text))
  if (checked.success) return checked.data
  throw new Fault(
    'issuer_request_invalid',
    `The body is not as it should be: ${z.prettifyError(checked.error).replaceAll(/\s+/g, ' ')}`,
  )
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw new Fault('issuer_request_invalid', 'The body is no JSON.')
  }
}
