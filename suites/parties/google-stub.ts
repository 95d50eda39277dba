// A STUB of Google's token service: the wire of sts.googleapis.com, tokens checked with jose as a
// workload identity provider is documented to. It shows that Google's own library gets along with our
// token endpoint; it says nothing on Google.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

import { createRemoteJWKSet, customFetch, jwtVerify } from 'jose'

import { messageOf } from '../../src/core/fault.ts'
import { listenTls } from '../../src/lab/listen.ts'
import type { PartyLab } from './lab.ts'
import { audiences } from './service-files.ts'

/** A running stub: where tokens are exchanged, and an API that wants one of them. */
export type GoogleStub = { tokenUrl: string; apiUrl: string; close: () => Promise<void> }

/** The name a provider goes by in `external_account` files. */
export const providerName = audiences.google.replace('https:', '')

const wanted = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  requested_token_type: 'urn:ietf:params:oauth:token-type:access_token',
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  audience: providerName,
}

/** Starts one that trusts our issuer for one subject. */
export async function startGoogleStub(lab: PartyLab): Promise<GoogleStub> {
  const issued = new Set<string>()
  const fetchLab = async (url: string) => new Response((await lab.fetch(url)).body)
  const listener = await listenTls({ authority: lab.authority }, async (request, response) => {
    const answer = (status: number, body: unknown) =>
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
    if (request.url !== '/v1/token') {
      const bearer = request.headers.authorization?.replace(/^Bearer /, '') ?? ''
      answer(issued.has(bearer) ? 200 : 401, {})
      return
    }
    const form = new URLSearchParams(await readBody(request))
    const wrong = Object.entries(wanted).find(([name, value]) => form.get(name) !== value)
    if (wrong) {
      answer(400, { error: 'invalid_request', error_description: `${wrong[0]} is wrong` })
      return
    }
    // As the provider's mapping and condition: google.subject is assertion.sub, and one is allowed.
    const expected = { issuer: lab.issuer, audience: audiences.google, subject: lab.subject }
    const keys = createRemoteJWKSet(new URL(`${lab.issuer}/.well-known/jwks.json`), {
      [customFetch]: fetchLab,
    })
    try {
      await jwtVerify(form.get('subject_token') ?? '', keys, { ...expected, algorithms: ['RS256'] })
    } catch (error) {
      answer(400, { error: 'invalid_grant', error_description: messageOf(error) })
      return
    }
    const token = randomUUID()
    issued.add(token)
    const type = { issued_token_type: wanted.requested_token_type, token_type: 'Bearer' }
    answer(200, { access_token: token, ...type, expires_in: 3600 })
  })
  return {
    tokenUrl: `${listener.url}/v1/token`,
    apiUrl: `${listener.url}/storage/v1/b/artifacts`,
    close: () => listener.close(),
  }
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
