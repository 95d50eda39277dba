// Google's library with an `external_account`: the token from our endpoint by URL, and from a file.
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'

import { providerName, startGoogleStub } from './google-stub.ts'
import type { Ask, PartyKind, PartyRow, Question } from './party.ts'
import { audiences } from './service-files.ts'

const common = {
  verifier: 'STUB of Google’s STS (jose)',
  audience: audiences.google,
  expects: {
    right: 'accepts',
    sub: /unexpected "sub"/,
    aud: /unexpected "aud"/,
    iss: /unexpected "iss"/,
    key: /signature verification failed/,
    kid: /no applicable key/,
    exp: /"exp" claim timestamp check failed/,
  },
} satisfies Partial<PartyRow>

/** The library by both sources. */
export const googleAuth: PartyKind = {
  needs: [],
  rows: [
    { name: 'google-auth-library, URL', ...common },
    { name: 'google-auth-library, file', ...common },
  ],
  open: async (lab) => {
    const stub = await startGoogleStub(lab)
    const program = join(import.meta.dirname, 'programs/google-auth.ts')
    const askFrom =
      (source: (question: Question) => object): Ask =>
      async (question) => {
        const account = {
          type: 'external_account',
          audience: providerName,
          subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
          token_url: stub.tokenUrl,
          credential_source: source(question),
        }
        const file = lab.write(`google-${randomUUID()}.json`, JSON.stringify(account))
        const { exitCode, output } = await lab.run([process.execPath, program, stub.apiUrl], {
          GOOGLE_APPLICATION_CREDENTIALS: file,
          GOOGLE_CLOUD_PROJECT: 'lab',
          NODE_EXTRA_CA_CERTS: lab.plan.caFile,
        })
        return { isAccepted: exitCode === 0, says: output }
      }
    return {
      asks: [
        askFrom(({ url, bearer }) => ({
          url,
          headers: { Authorization: `Bearer ${bearer}` },
          format: { type: 'json', subject_token_field_name: 'value' },
        })),
        askFrom(({ token }) => ({ file: lab.write(`google-${randomUUID()}`, token) })),
      ],
      close: () => stub.close(),
    }
  },
}
