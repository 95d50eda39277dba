// The door for people (`listen.admin`; docs/service.md): trials, signing keys and reviews, for those in
// `admins`, each with a token of their own. No token of ours or of Azure's ever leaves through it.
import { Hono, type Context, type MiddlewareHandler } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import * as z from 'zod'

import { Fault } from '../core/fault.ts'
import type { Log } from '../core/log.ts'
import { isAtLeast, type Person, type Role } from '../core/role.ts'
import type { RingSigner } from '../keys/place-signer.ts'
import {
  adminPaths,
  reviewSchema,
  rotateRequestSchema,
  trialRequestSchema,
  type SignInLink,
} from '../trust/admin-api.ts'
import { createAuthentication, type AuthenticationDeps } from './admin-auth.ts'
import { orderRotation, showKeys } from './admin-keys.ts'
import type { Reviews } from './admin-reviews.ts'
import { holdTrial, type TrialDeps } from './admin-trial.ts'
import { problemHandler } from './problem.ts'

/** What the door for people needs. */
export type AdminDeps = Omit<TrialDeps, 'signer'> &
  AuthenticationDeps & {
    log: Log
    signer: RingSigner
    reviews: Reviews
    /** Makes a one-time link for an admin, where the dashboard may; throws dashboard_link_refused. */
    makeLink?: (admin: string) => Promise<SignInLink>
    /** Is told when a rotation was ordered, to look at the public documents soon. */
    onRotated?: () => void
  }

type Env = { Variables: { admin: string; person: Person } }

const longestBodyBytes = 64 * 1024

/** The HTTP application for people. */
export function createAdminApp(deps: AdminDeps): Hono<Env> {
  const { log, signer, reviews } = deps
  const app = new Hono<Env>()
  app.onError(problemHandler(log))
  const authenticate = createAuthentication(deps)
  app.use('*', async (context, next) => {
    const person = await authenticate(context)
    context.set('person', person)
    context.set('admin', person.name)
    context.header('cache-control', 'no-store')
    await next()
  })
  app.use('*', bodyLimit({ maxSize: longestBodyBytes, onError: refuseLength }))

  app.post('*', allow('admin'))

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
  app.post(adminPaths.signInLinks, async (context) => {
    if (deps.makeLink) return context.json(await deps.makeLink(context.get('admin')), 201)
    throw new Fault('dashboard_link_refused', 'This service has no dashboard.')
  })
  return app
}

/** Lets persons of this role on, and those of a higher one; throws dashboard_role_denied. */
export function allow(least: Role): MiddlewareHandler<Env> {
  return async (context, next) => {
    const { role } = context.get('person')
    if (isAtLeast(role, least)) return next()
    const sentence = `This is for the role ${least}; you are signed in as ${role}.`
    throw new Fault('dashboard_role_denied', sentence)
  }
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
