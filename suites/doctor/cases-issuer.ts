// Faults of the public documents and of clocks: what Entra needs to read, and when.
import { generateKeyPairSync } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { DoctorCase } from './case.ts'
import type { DoctorLab } from './lab.ts'

/** The cases. */
export const issuerCases: readonly DoctorCase[] = [
  {
    name: 'the discovery document is not there',
    inject: (lab) => answer(lab, /openid-configuration$/, { status: 404, body: 'Not found' }),
    code: 'azure_entra_issuer_unreadable',
    trouble: 'blocked',
    says: /openid-configuration answers 404/,
  },
  {
    name: 'the discovery document is behind a sign-in',
    inject: (lab) =>
      answer(lab, /openid-configuration$/, {
        status: 302,
        body: '',
        headers: { location: 'https://login.example/' },
      }),
    code: 'azure_entra_issuer_unreadable',
    trouble: 'blocked',
    says: /answers 302.*without redirect/,
  },
  {
    name: 'the discovery document is a web page',
    inject: (lab) => answer(lab, /openid-configuration$/, { status: 200, body: '<html></html>' }),
    code: 'azure_entra_issuer_unreadable',
    trouble: 'blocked',
    says: /is no JSON object/,
  },
  {
    name: 'the discovery document names the issuer with a slash',
    inject: (lab) => edit(lab, /openid/, (document) => ({ ...document, issuer: `${lab.issuer}/` })),
    code: 'azure_entra_issuer_unreadable',
    trouble: 'blocked',
    says: /slash at the end only/,
  },
  {
    name: 'the discovery document is that of another issuer',
    inject: (lab) =>
      edit(lab, /openid/, (document) => ({ ...document, issuer: 'https://old.example/main' })),
    code: 'azure_entra_issuer_unreadable',
    trouble: 'blocked',
    says: /names .*old\.example/,
  },
  {
    name: 'the discovery document names no keys',
    inject: (lab) => edit(lab, /openid/, (document) => ({ ...document, jwks_uri: undefined })),
    code: 'azure_entra_issuer_unreadable',
    trouble: 'blocked',
    says: /no `jwks_uri`/,
  },
  {
    name: 'the keys cannot be read',
    inject: (lab) => answer(lab, /jwks\.json$/, { status: 500, body: '' }),
    code: 'azure_entra_issuer_unreadable',
    trouble: 'blocked',
    says: /jwks\.json answers 500/,
  },
  {
    name: 'the key set is malformed',
    inject: (lab) => answer(lab, /jwks\.json$/, { status: 200, body: '{"key":[]}' }),
    code: 'azure_entra_issuer_unreadable',
    trouble: 'blocked',
    says: /no list of `keys`/,
  },
  {
    name: 'the host of the issuer is down',
    inject: async ({ fronts }) => {
      await fronts.issuer.setDown(true)
      return undefined
    },
    code: 'azure_entra_issuer_unreadable',
    trouble: 'blocked',
    says: /cannot be reached.*ECONNREFUSED/,
  },
  {
    name: 'the certificate of the issuer is of a CA that nobody knows',
    inject: async ({ fronts, stranger }) => {
      await fronts.issuer.showCertificateOf(stranger)
      return undefined
    },
    code: 'azure_entra_issuer_unreadable',
    trouble: 'blocked',
    says: /certificate of a public CA/,
  },
  {
    name: 'the certificate of the issuer is of a CA that only this site knows',
    inject: async ({ fronts, stranger, plan }) => {
      await fronts.issuer.showCertificateOf(stranger)
      const both = join(plan.folder, 'both.pem')
      writeFileSync(both, readFileSync(plan.caFile, 'utf8') + stranger.caPem)
      return { settings: { ca_file: both } }
    },
    code: 'azure_entra_issuer_unreadable',
    trouble: 'blocked',
    says: /because of `ca_file` only/,
  },
  {
    name: 'a firewall lets this site read the issuer and Entra not',
    inject: ({ fronts }) => {
      fronts.issuer.meddle(({ headers }) =>
        isDoctor(headers) ? undefined : { status: 403, body: 'Forbidden' },
      )
      return undefined
    },
    code: 'azure_entra_issuer_unreadable',
    trouble: 'blocked',
    says: /in order as read from here, and Entra cannot/,
  },
  {
    name: 'the signing key is not published',
    inject: (lab) => edit(lab, /jwks/, () => ({ keys: [] })),
    code: 'azure_entra_key_unknown',
    trouble: 'refused',
    says: /publishes no key/,
  },
  {
    name: 'an old key set is published',
    inject: (lab) => edit(lab, /jwks/, () => ({ keys: [otherKey('old-key')] })),
    code: 'azure_entra_key_unknown',
    trouble: 'refused',
    says: /publishes only old-key/,
  },
  {
    name: 'another key is published under the same id',
    inject: (lab) => edit(lab, /jwks/, swapKeys),
    code: 'azure_entra_signature_invalid',
    trouble: 'refused',
    says: /another one than the one that signs/,
  },
  {
    name: 'Entra has not read the new key yet',
    inject: ({ fronts }) => {
      fronts.issuer.meddle(({ path, headers }) =>
        path.includes('jwks') && !isDoctor(headers)
          ? { status: 200, body: JSON.stringify({ keys: [otherKey('old-key')] }) }
          : undefined,
      )
      return undefined
    },
    code: 'azure_entra_key_unknown',
    trouble: 'propagating',
    says: /published at .*Entra has not read it yet/,
  },
  {
    name: 'Entra goes by an older key of the same id',
    inject: (lab) => edit(lab, /jwks/, swapKeys, true),
    code: 'azure_entra_signature_invalid',
    trouble: 'propagating',
    says: /not the one Entra read earlier/,
  },
  {
    name: 'the documents broke after Entra had read them',
    inject: async (lab) => {
      const token = await lab.tokenFor(await lab.newBuild())
      await lab.doctor({ token })
      return answer(lab, /openid-configuration$/, { status: 404, body: '' })
    },
    code: 'ok',
    trouble: 'none',
    says: /answers 404.*Entra still goes by an older copy/,
  },
  {
    name: 'the clock of this machine is ten minutes ahead',
    inject: () => ({ clockAheadSeconds: 600 }),
    code: 'ok',
    trouble: 'none',
    says: /clock of this machine is (59\d|60\d) s ahead of all others/,
  },
  {
    name: 'the clock of this machine is ten minutes behind',
    inject: () => ({ clockAheadSeconds: -600 }),
    code: 'ok',
    trouble: 'none',
    says: /clock of this machine is (59\d|60\d) s behind all others/,
  },
  {
    name: 'the clock of the trust service is ten minutes ahead',
    inject: async (lab) => {
      await lab.shiftService(600)
      return undefined
    },
    code: 'azure_entra_assertion_expired',
    trouble: 'expired',
    says: /clock of the trust service is (59\d|60\d) s ahead of that of Entra, .*begins \d+ s later/,
  },
  {
    name: 'the clock of the trust service is ten minutes behind',
    inject: async (lab) => {
      await lab.shiftService(-600)
      return undefined
    },
    code: 'azure_entra_assertion_expired',
    trouble: 'expired',
    says: /clock of the trust service is (59\d|60\d) s behind that of Entra, .*had ended \d+ s before/,
  },
]

type Document = Record<string, unknown>
type Own = { status: number; body: string; headers?: Record<string, string> }

function answer({ fronts }: DoctorLab, path: RegExp, own: Own): undefined {
  fronts.issuer.meddle((request) => (path.test(request.path) ? own : undefined))
}

function edit(
  { fronts }: DoctorLab,
  path: RegExp,
  change: (document: Document) => Document,
  isForEntraOnly = false,
): undefined {
  const own = {
    change: (body: string) => JSON.stringify(change(JSON.parse(body) as Document)),
  }
  fronts.issuer.meddle((request) =>
    path.test(request.path) && !(isForEntraOnly && isDoctor(request.headers)) ? own : undefined,
  )
}

// Entra reads as Node does by itself; the doctor says what it takes.
function isDoctor(headers: { accept?: string | undefined }): boolean {
  return headers.accept === 'application/json'
}

function swapKeys({ keys }: Document): Document {
  const kids = Array.isArray(keys) ? keys.map(({ kid }: { kid: string }) => kid) : []
  return { keys: kids.map((kid) => otherKey(kid)) }
}

function otherKey(kid: string): Document {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { ...publicKey.export({ format: 'jwk' }), kid, alg: 'RS256', use: 'sig' }
}
