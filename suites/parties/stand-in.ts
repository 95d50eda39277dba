// In place of our token endpoint, for tokens that our service would not give: each is served to its own
// bearer, in the form of `/v1/id-token`.
import { randomUUID } from 'node:crypto'

import type { LabAuthority } from '../../src/lab/authority.ts'
import { listenTls } from '../../src/lab/listen.ts'
import type { Question } from './party.ts'

/** A running stand-in. */
export type StandIn = { serve: (token: string) => Question; close: () => Promise<void> }

/** Starts one on loopback. */
export async function startStandIn({ authority }: { authority: LabAuthority }): Promise<StandIn> {
  const tokens = new Map<string, string>()
  const listener = await listenTls({ authority }, (request, response) => {
    const value = tokens.get(request.headers.authorization?.replace(/^Bearer /, '') ?? '')
    response.writeHead(value === undefined ? 401 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(value === undefined ? {} : { value, count: value.length }))
  })
  return {
    serve: (token) => {
      const bearer = randomUUID()
      tokens.set(bearer, token)
      return { token, url: `${listener.url}/v1/id-token?audience=any`, bearer }
    },
    close: () => listener.close(),
  }
}
