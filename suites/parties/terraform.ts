// Terraform's Azure providers with `use_oidc` and ARM_OIDC_REQUEST_*, as their code does it
// (facts/federation.md §5.1): a client of its own, since Terraform itself is not to be had here. It signs
// in at the lab's Entra and reads a resource group of the lab's ARM.
import { request } from 'node:https'

import { entraRefusals, labEntra } from './entra.ts'
import type { PartyLab } from './lab.ts'
import type { PartyKind } from './party.ts'
import { audiences } from './service-files.ts'

type Variables = Readonly<
  Record<
    'ARM_CLIENT_ID' | 'ARM_TENANT_ID' | 'ARM_OIDC_REQUEST_URL' | 'ARM_OIDC_REQUEST_TOKEN',
    string
  >
>

type Send = (
  url: string,
  options: { method: 'GET' | 'POST'; headers: Record<string, string>; body?: string },
) => Promise<{ status: number; body: string }>

/** The party. */
export const terraform: PartyKind = {
  needs: [],
  rows: [
    {
      name: "Terraform's protocol (our client)",
      verifier: labEntra,
      audience: audiences.azure,
      expects: entraRefusals,
    },
  ],
  open: async (lab) => {
    const send = sendWith(lab)
    return {
      asks: [
        async ({ url, bearer }) => {
          const address = new URL(url)
          // The provider names the audience itself where the address does not.
          if (address.searchParams.get('audience') === audiences.azure) {
            address.searchParams.delete('audience')
          }
          const token = await signIn(
            { send, authority: lab.azure.entra.url },
            {
              ARM_CLIENT_ID: lab.app.clientId,
              ARM_TENANT_ID: lab.azure.tenantId,
              ARM_OIDC_REQUEST_URL: address.href,
              ARM_OIDC_REQUEST_TOKEN: bearer,
            },
          )
          if (token.status !== 200) return { isAccepted: false, says: token.body }
          const access = (JSON.parse(token.body) as { access_token: string }).access_token
          const group = `${lab.azure.arm.url}${lab.azure.scopes.resourceGroup}?api-version=2021-04-01`
          const headers = { authorization: `Bearer ${access}` }
          const { status, body } = await send(group, { method: 'GET', headers })
          return { isAccepted: status === 200, says: body }
        },
      ],
      close: async () => undefined,
    }
  },
}

async function signIn(
  { send, authority }: { send: Send; authority: string },
  env: Variables,
): Promise<{ status: number; body: string }> {
  const address = new URL(env.ARM_OIDC_REQUEST_URL)
  if (!address.searchParams.has('audience')) {
    address.searchParams.set('audience', 'api://AzureADTokenExchange')
  }
  const authorization = `Bearer ${env.ARM_OIDC_REQUEST_TOKEN}`
  const headers = { accept: 'application/json', authorization }
  const assertion = await send(address.href, { method: 'GET', headers })
  if (assertion.status !== 200) throw new Error(`the token endpoint answered ${assertion.status}`)
  const form = new URLSearchParams({
    client_assertion: (JSON.parse(assertion.body) as { value: string }).value,
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_id: env.ARM_CLIENT_ID,
    grant_type: 'client_credentials',
    scope: 'https://management.azure.com/.default',
  })
  return send(`${authority}/${env.ARM_TENANT_ID}/oauth2/v2.0/token`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  })
}

function sendWith({ authority }: PartyLab): Send {
  return (url, { method, headers, body }) =>
    new Promise((resolve, reject) => {
      const options = { method, headers, ca: authority.caPem, agent: false }
      const call = request(url, options, (response) => {
        let text = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (text += chunk))
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }))
      })
      call.on('error', reject)
      call.end(body)
    })
}
