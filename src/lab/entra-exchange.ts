// One token request at the lab's Entra: client credentials with a federated assertion (RFC 6749
// §4.4, RFC 7523 §2.2). What is learned on the way goes into the sign-in record, refused or not.
import type { Clock } from '../core/time.ts'
import {
  checkLifetime,
  matchCredential,
  readAssertion,
  verifySignature,
  type LabAssertion,
} from './entra-assertion.ts'
import { hasPrincipal, type LabApp, type LabDirectory } from './entra-directory.ts'
import { EntraRefusal } from './entra-errors.ts'
import type { IssuerKeys } from './entra-issuers.ts'
import type { TokenUse } from './entra-tokens.ts'

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/** A row of the sign-in log; texts are empty as far as the exchange did not get. */
export type LabExchange = {
  time: Date
  tenantId: string
  clientId: string
  objectId: string
  correlationId: string
  traceId: string
  uti: string
  issuer: string
  subject: string
  audience: string
  jti: string
  federatedCredentialName: string
  federatedCredentialId: string
  /** The resource of the token, as it was asked for. */
  resource: string
  /** 0 or the number behind AADSTS. */
  resultCode: number
  resultText: string
  /** SHA-256 of the issued access token, upper-case hex: joins with the storage log. */
  accessTokenSha256: string
}

type ExchangeDeps = {
  now: Clock
  directory: LabDirectory
  issuers: IssuerKeys
  /** Resource identifiers, without a slash at the end, and the audience of tokens for them. */
  resources: ReadonlyMap<string, string>
}

/** Who a request proves to come from and what its token is for; fills the record, throws an EntraRefusal. */
export async function authenticate(
  { now, directory, issuers, resources }: ExchangeDeps,
  request: { tenantId: string; form: URLSearchParams },
  record: LabExchange,
): Promise<{ app: LabApp; use: TokenUse }> {
  const { tenantId, form } = request
  const { clientId, resource } = readRequest(form)
  record.clientId = clientId
  const app = findApp({ now, directory }, tenantId, clientId)
  record.objectId = app.objectId
  record.resource = resource
  const audience = resources.get(resource.replace(/\/$/, ''))
  if (audience === undefined) throw new EntraRefusal(500011, { resource, tenant: tenantId })
  const use = { audience, graphPermissions: app.graphPermissions }

  const token = findAssertion(form)
  if (token === undefined) {
    checkSecret({ now }, app, form.get('client_secret') ?? '')
    return { app, use: { ...use, isBySecret: true } }
  }
  const assertion = readAssertion(token)
  noteAssertion(record, assertion)
  const credential = matchCredential(app, app.seeCredentials(now()), assertion)
  record.federatedCredentialName = credential.name
  record.federatedCredentialId = credential.id
  const key = await issuers.find(assertion.issuer, assertion.keyId)
  await verifySignature(assertion, key)
  checkLifetime({ now: now() }, assertion)
  return { app, use }
}

/** Refuses a tenant that cannot exist (900023) or is not in the directory (90002). */
export function checkTenant(directory: LabDirectory, tenant: string): void {
  const isGuid = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/i.test(tenant)
  const isDomain = /^([a-z\d]([a-z\d-]*[a-z\d])?\.)+[a-z]{2,}$/i.test(tenant)
  if (!isGuid && !isDomain) throw new EntraRefusal(900023, { tenant })
  if (!directory.hasTenant(tenant)) throw new EntraRefusal(90002, { tenant })
}

function readRequest(form: URLSearchParams): { clientId: string; resource: string } {
  const grantType = need(form, 'grant_type')
  if (grantType !== 'client_credentials') throw new EntraRefusal(70003, { grantType })
  const clientId = need(form, 'client_id')
  return { clientId, resource: readScope(need(form, 'scope')) }
}

// MSAL asks for these beside the resource's, and Entra passes over them here.
const openIdScopes = ['openid', 'offline_access', 'profile']

function readScope(scope: string): string {
  const parts = scope.split(' ').filter((part) => part !== '' && !openIdScopes.includes(part))
  if (!parts.every((part) => part.endsWith('/.default'))) throw new EntraRefusal(1002012, { scope })
  const [resource, ...others] = new Set(parts.map((part) => part.slice(0, -'/.default'.length)))
  if (resource === undefined) throw new EntraRefusal(1002012, { scope })
  if (others.length > 0) throw new EntraRefusal(700022)
  return resource
}

function findApp(
  { now, directory }: Pick<ExchangeDeps, 'now' | 'directory'>,
  tenantId: string,
  clientId: string,
): LabApp {
  checkTenant(directory, tenantId)
  const app = directory.findApp(tenantId, clientId)
  if (!app || !hasPrincipal(app, now())) {
    throw new EntraRefusal(700016, { clientId, tenant: tenantId })
  }
  if (!app.enabled) throw new EntraRefusal(7000112, { clientId, displayName: app.displayName })
  return app
}

// Undefined when a client secret was sent instead.
function findAssertion(form: URLSearchParams): string | undefined {
  const assertion = form.get('client_assertion') ?? ''
  if (assertion === '') {
    if (form.get('client_secret')) return undefined
    throw new EntraRefusal(7000218)
  }
  if (need(form, 'client_assertion_type') !== assertionType) throw new EntraRefusal(9002313)
  return assertion
}

function checkSecret({ now }: Pick<ExchangeDeps, 'now'>, app: LabApp, value: string): void {
  const { clientId } = app
  const secret = app.secrets.find((each) => each.kind === 'password' && each.value === value)
  if (!secret) throw new EntraRefusal(7000215, { clientId })
  if (secret.endsAt <= now()) throw new EntraRefusal(7000222, { clientId })
}

function noteAssertion(record: LabExchange, assertion: LabAssertion): void {
  record.issuer = assertion.issuer
  record.subject = assertion.subject
  record.audience = assertion.audiences.join(', ')
  record.jti = assertion.jti
}

function need(form: URLSearchParams, parameter: string): string {
  const text = form.get(parameter)
  if (!text) throw new EntraRefusal(900144, { parameter })
  return text
}
