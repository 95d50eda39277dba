// openid-client finds the issuer, jose checks the token against the keys it names: how a service in
// Node would do it.
import { createRemoteJWKSet, customFetch as joseFetch, jwtVerify } from 'jose'
import { customFetch, discovery, None } from 'openid-client'

import { messageOf } from '../../src/core/fault.ts'
import type { PartyKind } from './party.ts'
import { audiences } from './service-files.ts'

/** The party. */
export const openidClient: PartyKind = {
  needs: [],
  rows: [
    {
      name: 'openid-client, jose',
      verifier: 'itself',
      audience: audiences.vault,
      expects: {
        right: 'accepts',
        sub: /unexpected "sub"/,
        aud: /unexpected "aud"/,
        iss: /unexpected "iss"/,
        key: /signature verification failed/,
        kid: /no applicable key/,
        exp: /"exp" claim timestamp check failed/,
      },
    },
  ],
  open: async (lab) => {
    const fetchLab = async (url: string): Promise<Response> => {
      const { status, body } = await lab.fetch(url)
      return new Response(body, { status, headers: { 'content-type': 'application/json' } })
    }
    const found = await discovery(new URL(lab.issuer), 'party', undefined, None(), {
      [customFetch]: fetchLab,
    })
    const { issuer, jwks_uri: uri = '' } = found.serverMetadata()
    return {
      asks: [
        async ({ token }) => {
          const keys = createRemoteJWKSet(new URL(uri), { [joseFetch]: fetchLab })
          const expected = { issuer, audience: audiences.vault, subject: lab.subject }
          try {
            const { payload } = await jwtVerify(token, keys, { ...expected, algorithms: ['RS256'] })
            return { isAccepted: true, says: String(payload.sub) }
          } catch (error) {
            return { isAccepted: false, says: messageOf(error) }
          }
        },
      ],
      close: async () => undefined,
    }
  },
}
