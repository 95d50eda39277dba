// Who asks at the API for people: one of the `admins` by a bearer token, or somebody signed in to the
// dashboard by the session of their browser, which may only read here: no form can reach it.
import { timingSafeEqual } from 'node:crypto'

import type { Context } from 'hono'

import type { Ledger } from '../audit/ledger.ts'
import { usualRateLimits, type RateLimits } from '../config/service-config.ts'
import { hashSecret } from '../core/digest.ts'
import { Fault } from '../core/fault.ts'
import type { Person } from '../core/role.ts'
import { Secret } from '../core/secret.ts'
import { createRateLimiter, strangerKey } from './rate-limit.ts'

/** What telling people apart needs. */
export type AuthenticationDeps = {
  now: () => Date
  ledger: Ledger
  /** Tokens by the names of those who have them. */
  admins: ReadonlyMap<string, Secret>
  /** The person whose session is in this `Cookie` header. */
  findSession?: (cookies: string) => Promise<Person | undefined>
  limits?: Pick<RateLimits, 'stranger'>
}

/** Gives the person who asks; throws issuer_admin_unknown, on record, or issuer_rate_limited. */
export function createAuthentication(
  deps: AuthenticationDeps,
): (context: Context) => Promise<Person> {
  const strangers = createRateLimiter(deps, (deps.limits ?? usualRateLimits).stranger)
  const known = [...deps.admins].map(([name, token]) => ({ name, hash: hashOf(token) }))
  return async (context) => {
    const authorization = context.req.header('authorization')
    const bearer = /^Bearer ([\x21-\x7e]+)$/i.exec(authorization ?? '')?.[1]
    const given = hashOf(new Secret(bearer ?? ''))
    // Hashes are of one length, and every one is compared: time tells nothing of any token.
    const [admin] = known.filter(({ hash }) => timingSafeEqual(hash, given))
    if (bearer !== undefined && admin) return { name: admin.name, role: 'admin' }
    const reader = authorization === undefined ? await findReader(deps, context) : undefined
    if (reader) return reader
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

async function findReader(
  { findSession }: AuthenticationDeps,
  { req }: Context,
): Promise<Person | undefined> {
  const cookies = req.header('cookie')
  return req.method === 'GET' && cookies !== undefined ? findSession?.(cookies) : undefined
}

function hashOf(token: Secret): Buffer {
  return Buffer.from(hashSecret(token), 'hex')
}
