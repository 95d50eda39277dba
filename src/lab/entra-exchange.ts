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
import type { LabApp, LabDirectory } from './entra-directory.ts'
import { EntraRefusal } from './entra-errors.ts'
import type { IssuerKeys } from './entra-issuers.ts'
import { storageAudience } from './entra-tokens.ts'

const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'
const knownResources = new Set([storageAudience, `${storageAudience}/`])

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
  /** 0 or the number behind AADSTS. */
  resultCode: number
  resultText: string
  /** SHA-256 of the issued access token, upper-case hex: joins with the storage log. */
  accessTokenSha256: string
}

type ExchangeDeps = { now: Clock; directory: LabDirectory; issuers: IssuerKeys }

/** The app a request proves to come from; fills the record, throws an EntraRefusal. */
export async function authenticate(
  { now, directory, issuers }: ExchangeDeps,
  request: { tenantId: string; form: URLSearchParams },
  record: LabExchange,
): Promise<LabApp> {
  const { tenantId, form } = request
  const { clientId, resource } = readRequest(form)
  record.clientId = clientId
  const app = findApp(directory, tenantId, clientId)
  record.objectId = app.objectId
  if (!knownResources.has(resource)) throw new EntraRefusal(500011, { resource, tenant: tenantId })

  const assertion = readAssertion(findAssertion(form, clientId))
  noteAssertion(record, assertion)
  const credential = matchCredential(app, assertion)
  record.federatedCredentialName = credential.name
  const key = await issuers.find(assertion.issuer, assertion.keyId)
  await verifySignature(assertion, key)
  checkLifetime({ now: now() }, assertion)
  return app
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

function readScope(scope: string): string {
  const parts = scope.split(' ').filter((part) => part !== '')
  if (!parts.every((part) => part.endsWith('/.default'))) throw new EntraRefusal(1002012, { scope })
  const [resource, ...others] = new Set(parts.map((part) => part.slice(0, -'/.default'.length)))
  if (resource === undefined) throw new EntraRefusal(1002012, { scope })
  if (others.length > 0) throw new EntraRefusal(700022)
  return resource
}

function findApp(directory: LabDirectory, tenantId: string, clientId: string): LabApp {
  checkTenant(directory, tenantId)
  const app = directory.findApp(tenantId, clientId)
  if (!app) throw new EntraRefusal(700016, { clientId, tenant: tenantId })
  if (!app.enabled) throw new EntraRefusal(7000112, { clientId, displayName: app.displayName })
  return app
}

function findAssertion(form: URLSearchParams, clientId: string): string {
  const assertion = form.get('client_assertion') ?? ''
  if (assertion === '') {
    // The lab's apps have no secret, so whatever was sent as one is wrong.
    if (form.get('client_secret')) throw new EntraRefusal(7000215, { clientId })
    throw new EntraRefusal(7000218)
  }
  if (need(form, 'client_assertion_type') !== assertionType) throw new EntraRefusal(9002313)
  return assertion
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
