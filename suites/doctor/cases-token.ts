// Faults between the pipeline and the ID token: the request token, the way to the trust service, and
// what the service refuses.
import { Buffer } from 'node:buffer'

import { names } from '../../src/demo/trust-service.ts'
import type { DoctorCase } from './case.ts'
import type { DoctorLab } from './lab.ts'
import { entries } from './policy.ts'

/** The cases. */
export const tokenCases: readonly DoctorCase[] = [
  {
    name: 'the step has no token',
    inject: () => ({ token: '' }),
    code: 'plugin_token_empty',
    trouble: 'settings',
    says: /from_secret/,
  },
  {
    name: 'the token is masked',
    inject: () => ({ token: '********' }),
    code: 'plugin_token_malformed',
    trouble: 'settings',
    says: /masked/,
  },
  {
    name: 'the token is cut in the middle',
    inject: async (lab) => ({ token: (await newToken(lab)).slice(0, 40) }),
    code: 'plugin_token_malformed',
    trouble: 'settings',
    says: /cut or altered/,
  },
  {
    name: 'the token is in quotes',
    inject: async (lab) => ({ token: `"${await newToken(lab)}"` }),
    code: 'plugin_token_malformed',
    trouble: 'settings',
    says: /in quotes/,
  },
  {
    name: 'the token is a JWT of something else',
    inject: () => ({ token: `eyJhbGciOiJSUzI1NiJ9.e30.` }),
    code: 'plugin_token_malformed',
    trouble: 'settings',
    says: /JWT/,
  },
  {
    name: 'the last letters of the token are missing',
    inject: async (lab) => ({ token: (await newToken(lab)).slice(0, -5) }),
    code: 'issuer_token_unknown',
    trouble: 'refused',
    says: /none that this service handed out/,
  },
  {
    name: 'a setting is misspelt',
    inject: () => ({ settings: { contaner: 'artifacts', container: '' } }),
    code: 'plugin_setting_invalid',
    trouble: 'settings',
    says: /did you mean/,
  },
  {
    name: 'the step expects another identity',
    inject: () => ({ settings: { identity: 'deploy' } }),
    code: 'plugin_setting_invalid',
    trouble: 'settings',
    says: /deploy.*artifacts/,
  },
  {
    name: 'the build is over',
    inject: async (lab) => {
      const build = await lab.newBuild()
      const token = await lab.tokenFor(build)
      await lab.plan
        .droneWith({})
        .sendWebhook(lab.plan.repository, { ...build, status: 'success', version: 3 })
      return { token }
    },
    code: 'issuer_build_finished',
    trouble: 'expired',
    says: /finished|over|ended|success/,
  },
  {
    name: 'the server never confirmed the build',
    inject: async (lab) => {
      const build = { ...(await lab.newBuild()), id: 90_001, number: 90_001 }
      return { token: await lab.tokenFor(build) }
    },
    code: 'issuer_build_unconfirmed',
    trouble: 'refused',
    says: /DRONE_WEBHOOK_ENDPOINT/,
  },
  {
    name: 'the policy does not admit this kind of build',
    inject: async (lab) => ({ token: await newToken(lab, entries.tags) }),
    code: 'policy_event_denied',
    trouble: 'refused',
    says: /events/,
  },
  {
    name: 'the policy has no such entry',
    inject: async (lab) => ({ token: await newToken(lab, 'no-such-entry') }),
    code: 'policy_entry_unknown',
    trouble: 'refused',
    says: /entry/,
  },
  {
    name: 'the policy entry is on trial',
    inject: async (lab) => ({ token: await newToken(lab, entries.trial) }),
    code: 'policy_audit_only',
    trouble: 'refused',
    says: /enforce/,
  },
  {
    name: 'the identity is not applied yet',
    inject: async (lab) => ({ token: await newToken(lab, entries.unapplied) }),
    code: 'policy_identity_unapplied',
    trouble: 'refused',
    says: /trust apply/,
  },
  {
    name: 'the cloud wants an audience that the policy does not allow',
    inject: () => ({ settings: { cloud: 'usgov' } }),
    code: 'policy_audience_denied',
    trouble: 'refused',
    says: /USGov|audience/,
  },
  {
    name: 'the trust service is down',
    inject: async ({ fronts }) => {
      await fronts.service.setDown(true)
      return { token: altered(fronts.service.url) }
    },
    code: 'issuer_unreachable',
    trouble: 'blocked',
    says: /ECONNREFUSED/,
  },
  {
    name: 'the name of the trust service does not resolve',
    inject: () => ({ token: altered('https://trust.invalid') }),
    code: 'issuer_unreachable',
    trouble: 'blocked',
    says: /ENOTFOUND|EAI_AGAIN/,
  },
  {
    name: 'a proxy page answers for the trust service',
    inject: ({ fronts }) => {
      fronts.service.meddle(() => ({ status: 200, body: '<html>Sign in</html>' }))
      return undefined
    },
    code: 'issuer_answer_invalid',
    trouble: 'blocked',
    says: /proxy/,
  },
  {
    name: 'the trust service is too busy',
    inject: ({ fronts }) => {
      const body = JSON.stringify({ code: 'issuer_busy', detail: 'Too many exchanges at once.' })
      fronts.service.meddle(() => ({ status: 503, body, headers: { 'retry-after': '0' } }))
      return undefined
    },
    code: 'issuer_busy',
    trouble: 'flaky',
    says: /Too many/,
  },
  {
    name: 'somebody else answers for the trust service',
    inject: async ({ fronts, stranger }) => {
      await fronts.service.showCertificateOf(stranger)
      return undefined
    },
    code: 'issuer_pin_mismatch',
    trouble: 'blocked',
    says: /nothing was sent/,
  },
  {
    name: 'the pin in the token is another one',
    inject: ({ fronts }) => ({ token: altered(fronts.service.url, 'A'.repeat(43)) }),
    code: 'issuer_pin_mismatch',
    trouble: 'blocked',
    says: /pins/,
  },
  {
    name: 'the CA of the trust service is not trusted and not pinned',
    inject: async ({ fronts, stranger }) => {
      await fronts.service.showCertificateOf(stranger)
      return { token: altered(fronts.service.url) }
    },
    code: 'issuer_unreachable',
    trouble: 'blocked',
    says: /certificate is not trusted/,
  },
]

function newToken(lab: DoctorLab, entry: string = names.entry): Promise<string> {
  return lab.newBuild().then((build) => lab.tokenFor(build, entry))
}

// A token of the right form for a service of one's choice.
function altered(url: string, pin?: string): string {
  const payload = JSON.stringify({ url, ...(pin !== undefined && { pin }) })
  return `asd1.${Buffer.from(payload).toString('base64url')}.${'s'.repeat(43)}`
}
