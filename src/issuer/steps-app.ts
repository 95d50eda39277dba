// The door for steps: one request token in, one ID token out, in the protocol of GitHub's runners
// (`GET …?audience=…` → `{"value","count"}`), so that tools made for it work unchanged.
import { Hono } from 'hono'

import { Fault } from '../core/fault.ts'
import type { Log } from '../core/log.ts'
import { Secret } from '../core/secret.ts'
import { mint, type MintDeps } from './mint.ts'
import { problemHandler } from './problem.ts'

/** Path of the token endpoint. */
export const idTokenPath = '/v1/id-token'

/** The HTTP application for steps. */
export function createStepsApp(deps: MintDeps & { log: Log }): Hono {
  const app = new Hono()
  app.onError(problemHandler(deps.log))
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
      identity: {
        name: identity.name,
        tenant_id: identity.tenantId,
        client_id: identity.clientId,
      },
    })
  })
  return app
}

function readBearer(header: string | undefined): Secret {
  const match = /^Bearer ([\x21-\x7e]+)$/i.exec(header ?? '')
  if (match?.[1]) return new Secret(match[1])
  throw new Fault('issuer_token_unknown', 'The request carries no bearer token.')
}
