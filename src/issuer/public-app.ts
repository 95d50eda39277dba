// The door for the world: discovery and keys of each instance, and nothing else. Relying parties
// must be able to read it; URLs come from the configuration, never from the Host header.
import { Hono } from 'hono'

import type { Log } from '../core/log.ts'
import type { Signer } from '../keys/signer.ts'
import {
  discoveryDocument,
  discoveryPath,
  documentHeaders,
  issuerOf,
  jwksPath,
  keySet,
} from './discovery.ts'
import { problemHandler } from './problem.ts'

/** The HTTP application for relying parties. */
export function createPublicApp(deps: {
  issuerUrl: string
  instances: Iterable<string>
  signer: Signer
  log: Log
}): Hono {
  const app = new Hono()
  app.onError(problemHandler(deps.log))
  for (const instance of deps.instances) {
    const issuer = issuerOf(deps.issuerUrl, instance)
    const { pathname } = new URL(issuer)
    app.get(`${pathname}${discoveryPath}`, (context) =>
      context.json(discoveryDocument(issuer), 200, documentHeaders),
    )
    app.get(`${pathname}${jwksPath}`, (context) =>
      context.json(keySet(deps.signer.publicKeys()), 200, documentHeaders),
    )
  }
  return app
}
