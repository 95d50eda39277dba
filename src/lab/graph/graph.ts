// The lab's Microsoft Graph: the part of v1.0 and beta that sets up and reviews federated trust, over
// https, for callers with a token of the lab's Entra (facts/federation.md §1.5, §3.4).
import type { Clock } from '../../core/time.ts'
import type { LabAuthority } from '../authority.ts'
import {
  type ControlAnswer,
  type ControlCall,
  ControlRefusal,
  type ControlServer,
  startControlServer,
} from '../control/server.ts'
import { BearerError, type BearerProblem, type LabCaller, verifyBearer } from '../entra-bearer.ts'
import { graphAudience } from '../entra-tokens.ts'
import type { LabEntra } from '../entra.ts'
import { applicationRoutes } from './applications.ts'
import type { GraphHandler, GraphSettings, GraphState } from './call.ts'
import { credentialRoutes } from './credentials.ts'
import { parseGraphPath } from './path.ts'
import { reportRoutes } from './reports.ts'
import { servicePrincipalRoutes } from './service-principals.ts'

/** A running Graph; without the version, its URL takes the place of https://graph.microsoft.com. */
export type LabGraph = ControlServer & { settings: GraphSettings }

const routes: Readonly<Record<string, GraphHandler>> = {
  ...applicationRoutes,
  ...credentialRoutes,
  ...servicePrincipalRoutes,
  ...reportRoutes,
}

const tokenMessages: Record<BearerProblem, string> = {
  missing: 'Access token is empty.',
  malformed: 'CompactToken parsing failed with error code: 80049217',
  signature: 'Signature is invalid.',
  issuer: 'Access token validation failure. Invalid issuer.',
  audience: 'Access token validation failure. Invalid audience.',
  expired: 'Lifetime validation failed, the token is expired.',
}

/** Starts a Graph over an Entra's directory; changes count for both at once unless a delay is set. */
export async function startGraph({
  authority,
  entra,
  now,
}: {
  authority: LabAuthority
  entra: LabEntra
  now: Clock
}): Promise<LabGraph> {
  const settings: GraphSettings = {
    credentialDelaySeconds: 0,
    isCredentialDelayIntermittent: false,
    principalDelaySeconds: 0,
    pageSize: 100,
    organizationName: 'Lab',
    hasSignInLog: true,
  }
  const state = { now, entra, settings }
  const server = await startControlServer(
    { authority },
    {
      requestIdHeader: 'request-id',
      handle: (call) => handle(state, call),
      describeRefusal: ({ code, message }, requestId, { headers }) => ({
        error: {
          code,
          message,
          innerError: {
            date: now().toISOString().slice(0, 19),
            'request-id': requestId,
            'client-request-id': String(headers['client-request-id'] ?? requestId),
          },
        },
      }),
    },
  )
  entra.addResource(server.url, graphAudience)
  return { ...server, settings }
}

async function handle(state: GraphState, call: ControlCall): Promise<ControlAnswer> {
  const path = parseGraphPath(call.path)
  const caller = await identify(state, call)
  const handler = routes[`${call.method} ${path.route}`]
  if (handler) return handler({ ...call, ...path, state, caller })
  const isKnown = Object.keys(routes).some((route) => route.endsWith(` ${path.route}`))
  if (isKnown) {
    throw new ControlRefusal(405, 'Request_BadRequest', 'Specified HTTP method is not allowed.')
  }
  const [segment = ''] = path.route.split('/').slice(-1)
  const message = `Resource not found for the segment '${segment}'.`
  throw new ControlRefusal(400, 'BadRequest', message)
}

async function identify({ now, entra }: GraphState, { headers }: ControlCall): Promise<LabCaller> {
  try {
    return await verifyBearer({ now, entra, audience: graphAudience }, headers.authorization)
  } catch (error) {
    if (!(error instanceof BearerError)) throw error
    throw new ControlRefusal(401, 'InvalidAuthenticationToken', tokenMessages[error.problem], {
      'www-authenticate':
        'Bearer realm="", authorization_uri="https://login.microsoftonline.com/common/oauth2/authorize", client_id="00000003-0000-0000-c000-000000000000"',
    })
  }
}
