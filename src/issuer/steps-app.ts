// The door for steps: one request token in, one ID token out, in the protocol of GitHub's runners
// (`GET …?audience=…` → `{"value","count"}`), so that tools made for it work unchanged.
import { Hono } from 'hono'

import { usualRateLimits, type RateLimits } from '../config/service-config.ts'
import { Fault } from '../core/fault.ts'
import type { Log } from '../core/log.ts'
import { Secret } from '../core/secret.ts'
import { mint, type MintDeps } from './mint.ts'
import { problemHandler } from './problem.ts'
import { createRateLimiter, strangerKey } from './rate-limit.ts'
import { addReceipts } from './receipts.ts'

/** Path of the token endpoint. */
export const idTokenPath = '/v1/id-token'

/** The HTTP application for steps. */
export function createStepsApp(
  deps: MintDeps & { log: Log; limits?: Pick<RateLimits, 'stranger'> },
): Hono {
  const app = new Hono()
  const toProblem = problemHandler(deps.log)
  const strangers = createRateLimiter(deps, (deps.limits ?? usualRateLimits).stranger)
  app.onError((error, context) => {
    if (!(error instanceof Fault) || error.code !== 'issuer_token_unknown') {
      return toProblem(error, context)
    }
    try {
      // Who shows no token of ours is counted by address; a step with one is never in that crowd.
      strangers.take(strangerKey(context.env))
      return toProblem(error, context)
    } catch (busy) {
      return toProblem(busy, context)
    }
  })
  app.get(idTokenPath, async (context) => {
    const bearer = readBearer(context.req.header('authorization'))
    // Hono routes HEAD here too, and a token would be minted that nobody receives.
    if (context.req.method === 'HEAD') return context.body(null, 405, { allow: 'GET' })
    const versions = context.req.queries('v') ?? []
    if (versions.length > 1 || versions.some((version) => version !== '1')) {
      throw new Fault(
        'issuer_version_unknown',
        `This service knows v=1, not ${versions.join('&')}.`,
      )
    }
    const minted = await mint(deps, bearer, context.req.queries('audience') ?? [])
    const { identity } = minted
    const { subject, audience, jti } = minted
    deps.log.info({ subject, audience, jti, identity: identity.name }, 'issued an ID token')
    const value = minted.token.reveal()
    context.header('cache-control', 'no-store')
    return context.json({
      value,
      // GitHub's name for the length of the token.
      count: value.length,
      // What storage calls of the step begin their request ids with, so that Azure's logs lead back here.
      trace: minted.trace,
      identity: {
        name: identity.name,
        tenant_id: identity.tenantId,
        client_id: identity.clientId,
      },
    })
  })
  addReceipts(app, deps, readBearer)
  return app
}

function readBearer(header: string | undefined): Secret {
  const match = /^Bearer ([\x21-\x7e]+)$/i.exec(header ?? '')
  if (match?.[1]) return new Secret(match[1])
  throw new Fault('issuer_token_unknown', 'The request carries no bearer token.')
}
