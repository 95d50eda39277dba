// go-oidc as Debian packages it: the verifier in Kubernetes, Dex and Sigstore's Fulcio, compiled here.
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'

import type { PartyKind } from './party.ts'
import { audiences } from './service-files.ts'

const goPath = '/usr/share/gocode'

/** The party. */
export const goOidc: PartyKind = {
  needs: ['go', 'go-oidc'],
  rows: [
    {
      name: 'go-oidc',
      verifier: 'itself',
      audience: audiences.sigstore,
      expects: {
        right: 'accepts',
        // The subject is for the program behind it to look at.
        sub: 'accepts',
        aud: /expected audience/,
        iss: /different provider|issued by/,
        key: /failed to verify/,
        kid: /failed to verify/,
        exp: /token is expired/,
      },
    },
  ],
  open: async (lab) => {
    const program = join(lab.folder, 'go-oidc')
    const source = join(import.meta.dirname, 'go-oidc/main.go')
    const built = await lab.run([lab.finder.find('go'), 'build', '-o', program, source], {
      GO111MODULE: 'off',
      GOPATH: goPath,
      GOCACHE: join(lab.folder, 'go-cache'),
      GOFLAGS: '-p=2',
    })
    if (built.exitCode !== 0) throw new Error(`go build: ${built.output}`)
    return {
      asks: [
        async ({ token }) => {
          const file = lab.write(`go-${randomUUID()}`, token)
          const command = [program, lab.issuer, audiences.sigstore, file]
          const { exitCode, output } = await lab.run(command, { SSL_CERT_FILE: lab.plan.caFile })
          return { isAccepted: exitCode === 0 && output.startsWith('accepted'), says: output }
        },
      ],
      close: async () => undefined,
    }
  },
}
