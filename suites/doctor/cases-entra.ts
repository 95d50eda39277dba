// Faults at Entra: the federated credential, application and tenant, policies, propagation, and an Entra
// that is busy or out of reach.
import { randomUUID } from 'node:crypto'

import { clouds } from '../../src/azure/clouds.ts'
import type { DoctorCase } from './case.ts'
import type { DoctorLab } from './lab.ts'

/** The cases. */
export const entraCases: readonly DoctorCase[] = [
  {
    name: 'the application has no credential',
    inject: (lab) => removeCredentials(lab),
    code: 'azure_entra_credential_absent',
    trouble: 'refused',
    says: /say exactly issuer .*subject .*audience/,
  },
  {
    name: 'the application has no credential, as its list shows',
    inject: (lab) => {
      removeCredentials(lab)
      return listed(lab)
    },
    code: 'azure_entra_credential_absent',
    trouble: 'refused',
    says: /no federated credential at all/,
  },
  {
    name: 'the issuer of the credential is another one',
    inject: (lab) => change(lab, { issuer: 'https://issuer.example/main' }),
    code: 'azure_entra_issuer_unknown',
    trouble: 'refused',
    says: /None has this issuer/,
  },
  {
    name: 'the issuer of the credential ends in a slash',
    inject: (lab) => {
      change(lab, { issuer: `${lab.issuer}/` })
      return listed(lab)
    },
    code: 'azure_entra_issuer_unknown',
    trouble: 'refused',
    says: /octo-hello-main.*slash at the end only/,
  },
  {
    name: 'the subject of the credential is another one',
    inject: (lab) => {
      change(lab, { subject: lab.subject.replace('main', 'master') })
      return listed(lab)
    },
    code: 'azure_entra_subject_unknown',
    trouble: 'refused',
    says: /heads\/master.*must be .*heads\/main.*from character/,
  },
  {
    name: 'the subject of the credential has a pattern',
    inject: (lab) => {
      change(lab, { subject: lab.subject.replace(/:ref.*/, ':*') })
      return listed(lab)
    },
    code: 'azure_entra_subject_unknown',
    trouble: 'refused',
    says: /knows no patterns/,
  },
  {
    name: 'the subject of the credential differs in case',
    inject: (lab) => {
      change(lab, { subject: lab.subject.replace('octo', 'Octo') })
      return listed(lab)
    },
    code: 'azure_entra_subject_case',
    trouble: 'refused',
    says: /upper and lower case only/,
  },
  {
    name: 'the subject differs in case, and nobody has the list',
    inject: (lab) => change(lab, { subject: lab.subject.toUpperCase() }),
    code: 'azure_entra_subject_case',
    trouble: 'refused',
    says: /other upper and lower case/,
  },
  {
    name: 'the audience of the credential is that of another cloud',
    inject: (lab) => change(lab, { audience: clouds.china.federationAudience }),
    code: 'azure_entra_audience_unknown',
    trouble: 'refused',
    says: /audience does not: it differs by cloud/,
  },
  {
    name: 'the step is set to another cloud',
    inject: (lab) => ({ settings: { cloud: 'china' }, ...listed(lab) }),
    code: 'azure_entra_audience_unknown',
    trouble: 'refused',
    says: /audience is .*must be .*China/,
  },
  {
    name: 'the application is disabled',
    inject: ({ app }) => {
      app.enabled = false
      return undefined
    },
    code: 'azure_entra_app_disabled',
    trouble: 'refused',
    says: /Enable/,
  },
  {
    name: 'the application does not exist',
    inject: ({ azure }) => ({
      settings: { tenant_id: azure.tenantId, client_id: randomUUID() },
    }),
    code: 'azure_entra_app_unknown',
    trouble: 'refused',
    says: /does not exist in this tenant/,
  },
  {
    name: 'the application has no service principal',
    inject: ({ app }) => {
      app.principalSince = 'none'
      return undefined
    },
    code: 'azure_entra_app_unknown',
    trouble: 'refused',
    says: /service principal/,
  },
  {
    name: 'the tenant does not exist',
    inject: ({ app }) => ({ settings: { tenant_id: randomUUID(), client_id: app.clientId } }),
    code: 'azure_entra_tenant_unknown',
    trouble: 'refused',
    says: /tenant does not exist/,
  },
  {
    name: 'the tenant id is no id',
    inject: ({ app }) => ({ settings: { tenant_id: 'contoso', client_id: app.clientId } }),
    code: 'azure_entra_tenant_unknown',
    trouble: 'refused',
    says: /AADSTS900023/,
  },
  {
    name: 'Conditional Access blocks the workload',
    inject: (lab) => refuse(lab, 53003, 'Access has been blocked by Conditional Access policies.'),
    code: 'azure_entra_policy_blocked',
    trouble: 'blocked',
    says: /Conditional Access/,
  },
  {
    name: 'a tenant policy does not allow the issuer',
    inject: (lab) => refuse(lab, 700238, 'The issuer is not allowed.'),
    code: 'azure_entra_policy_blocked',
    trouble: 'blocked',
    says: /AADSTS700238/,
  },
  {
    name: 'a new credential has not reached all of Entra',
    inject: (lab) => {
      lab.app.removeCredential(lab.credentialName)
      spread(lab, 600, true)
      return undefined
    },
    code: 'azure_entra_propagating',
    trouble: 'propagating',
    says: /of 3 tries failed/,
  },
  {
    name: 'a new credential reaches Entra while the doctor waits',
    inject: (lab) => {
      lab.app.removeCredential(lab.credentialName)
      spread(lab, 8, false)
      return { args: ['--wait', '40'] }
    },
    code: 'azure_entra_propagating',
    trouble: 'propagating',
    says: /first worked after \d+ s/,
  },
  {
    name: 'a credential that fits is listed, and Entra does not know it yet',
    inject: (lab) => {
      lab.app.removeCredential(lab.credentialName)
      spread(lab, 600, false)
      return listed(lab)
    },
    code: 'azure_entra_propagating',
    trouble: 'propagating',
    says: /matches this ID token/,
  },
  {
    name: 'no waiting helps against a wrong subject',
    inject: (lab) => {
      change(lab, { subject: `${lab.subject}2` })
      return { args: ['--wait', '3'] }
    },
    code: 'azure_entra_subject_unknown',
    trouble: 'refused',
    says: /refused for 3 s, so this is no matter of propagation/,
  },
  {
    name: 'Entra is busy',
    inject: ({ fronts }) => {
      const body = JSON.stringify({ error: 'temporarily_unavailable', error_codes: [90033] })
      fronts.entra.meddle(() => ({ status: 503, body }))
      return undefined
    },
    code: 'azure_entra_throttled',
    trouble: 'flaky',
    says: /busy for the moment/,
  },
  {
    name: 'Entra fails now and then',
    inject: ({ fronts }) => {
      let calls = 0
      fronts.entra.meddle(() => {
        calls += 1
        return calls === 2 ? { status: 500, body: 'oops' } : undefined
      })
      return undefined
    },
    code: 'azure_entra_throttled',
    trouble: 'flaky',
    says: /works at one time and fails at another: 1 of 3/,
  },
  {
    name: 'Entra cannot be reached',
    inject: async ({ fronts }) => {
      await fronts.entra.setDown(true)
      return undefined
    },
    code: 'azure_entra_unreachable',
    trouble: 'blocked',
    says: /ECONNREFUSED/,
  },
  {
    name: 'a proxy breaks TLS to Entra',
    inject: async ({ fronts, stranger }) => {
      await fronts.entra.showCertificateOf(stranger)
      return undefined
    },
    code: 'azure_entra_unreachable',
    trouble: 'blocked',
    says: /certificate of .* is not trusted/,
  },
  {
    name: 'a proxy page answers for Entra',
    inject: ({ fronts }) => {
      fronts.entra.meddle(() => ({ status: 403, body: '<html>Blocked</html>' }))
      return undefined
    },
    code: 'azure_entra_unreachable',
    trouble: 'blocked',
    says: /proxy page/,
  },
  {
    name: 'the proxy of the step is down',
    inject: () => ({ env: { https_proxy: 'http://127.0.0.1:9', no_proxy: '' } }),
    code: 'azure_entra_unreachable',
    trouble: 'blocked',
    says: /ECONNREFUSED|proxy/,
  },
]

function removeCredentials({ app }: DoctorLab): undefined {
  for (const name of app.credentials.map((each) => each.name)) app.removeCredential(name)
}

function change(lab: DoctorLab, changes: Parameters<DoctorLab['changeCredential']>[0]): undefined {
  lab.changeCredential(changes)
}

function listed(lab: DoctorLab): { args: string[] } {
  return { args: ['--credentials', lab.credentialsFile()] }
}

function spread(
  { app, issuer, subject }: DoctorLab,
  seconds: number,
  isIntermittent: boolean,
): void {
  const from = new Date(Date.now() + seconds * 1000)
  const audience = clouds.public.federationAudience
  const unlike = { name: 'older', issuer, subject: `${subject}-older`, audience }
  app.addCredential(unlike)
  app.addCredential({ name: 'octo-hello-new', issuer, subject, audience }, { from, isIntermittent })
}

function refuse({ fronts }: DoctorLab, number: number, text: string): undefined {
  const body = JSON.stringify({
    error: 'invalid_grant',
    error_description: `AADSTS${number}: ${text}`,
    error_codes: [number],
  })
  fronts.entra.meddle(() => ({ status: 400, body }))
}
