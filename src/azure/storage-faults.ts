// What a refusal of Azure Storage means (facts/federation.md §2.1): a refused token, a missing role,
// a firewall and a missing container look alike to people and are told apart here.
import { Fault, type FaultCode, messageOf } from '../core/fault.ts'
import type { HttpAnswer, HttpError } from '../http/http.ts'
import { toPlainLine } from './plain-line.ts'

/** What a call was about, for the sentence: `upload “a/b.txt”` to a container of an account. */
export type StorageCall = { doing: string; container: string; host: string }

type Reading = { code: FaultCode; says: (answer: Parsed, call: StorageCall) => string }

type Parsed = { status: number; code: string; message: string; detail: string; tenant: string }

const token: Reading = { code: 'azure_storage_token_refused', says: tokenSentence }
const role: Reading = {
  code: 'azure_storage_role_missing',
  says: ({ code }) =>
    `the identity is known but has no role that allows this (or a condition of the role forbids ` +
    `this path, or the assignment is younger than ten minutes): ${code}`,
}
const network: Reading = {
  code: 'azure_storage_network_blocked',
  says: ({ code }) => `the account does not accept calls from this network: ${code}`,
}
const key: Reading = {
  code: 'azure_storage_key_refused',
  says: ({ code }) =>
    `the account wants a federated identity, and another credential came: ${code}`,
}
const container: Reading = {
  code: 'azure_storage_container_absent',
  says: (_, call) => `the container “${call.container}” does not exist on ${call.host}`,
}
const blob: Reading = { code: 'transfer_blob_absent', says: () => 'the blob does not exist' }
const exists: Reading = { code: 'transfer_target_exists', says: () => 'the blob exists already' }
const changed: Reading = {
  code: 'transfer_blob_changed',
  says: ({ code }) => `the blob changed while it was transferred: ${code}`,
}
const lease: Reading = {
  code: 'azure_storage_lease_held',
  says: ({ code }) => `somebody holds a lease on it: ${code}`,
}
const immutable: Reading = {
  code: 'azure_storage_immutable',
  says: ({ code }) => `an immutability policy or legal hold protects it: ${code}`,
}
const archived: Reading = {
  code: 'azure_storage_archived',
  says: ({ code }) => `the blob is in the Archive tier: ${code}`,
}
const checksum: Reading = {
  code: 'transfer_checksum_mismatch',
  says: ({ code }) => `the bytes that arrived are not the bytes that were sent: ${code}`,
}

const readings: Readonly<Record<string, Reading>> = {
  InvalidAuthenticationInfo: token,
  AuthenticationFailed: token,
  NoAuthenticationInformation: token,
  AuthorizationPermissionMismatch: role,
  InsufficientAccountPermissions: role,
  AuthorizationFailure: network,
  AuthorizationSourceIPMismatch: network,
  IpAuthorizationFailure: network,
  PublicAccessNotPermitted: key,
  KeyBasedAuthenticationNotPermitted: key,
  AuthorizationProtocolMismatch: key,
  AuthorizationServiceMismatch: key,
  AuthorizationResourceTypeMismatch: key,
  ContainerNotFound: container,
  ContainerBeingDeleted: container,
  ContainerDisabled: container,
  BlobNotFound: blob,
  BlobAlreadyExists: exists,
  UnauthorizedBlobOverwrite: exists,
  ConditionNotMet: changed,
  TargetConditionNotMet: changed,
  BlobImmutableDueToPolicy: immutable,
  BlobImmutableDueToLegalHold: immutable,
  BlobArchived: archived,
  BlobBeingRehydrated: archived,
  Md5Mismatch: checksum,
  Crc64Mismatch: checksum,
}

/** The fault for an answer of Blob Storage that is not a success. */
export function storageFault(answer: HttpAnswer, call: StorageCall): Fault {
  const parsed = parseRefusal(answer)
  const requestId = toPlainLine(answer.headers['x-ms-request-id'] ?? 'unknown', 64)
  const reading = readingOf(parsed)
  return new Fault(
    reading.code,
    `Could not ${call.doing}: ${reading.says(parsed, call)} ` +
      `[HTTP ${parsed.status}, request id ${requestId}]`,
    { details: { httpStatus: parsed.status, storageCode: parsed.code, requestId } },
  )
}

/** The fault for a storage call that got no whole answer. */
export function storageUnreachable(error: HttpError, call: StorageCall): Fault {
  const absent = error.code === 'ENOTFOUND' ? ` No such host: is the account name right?` : ''
  return new Fault(
    'azure_storage_unreachable',
    `Could not ${call.doing}: no answer from ${call.host}: ${messageOf(error)}.${absent}`,
    {
      cause: error,
      ...(error.isTrust && {
        hint: 'The certificate is not trusted; if a proxy or a lab with its own CA stands there, give its certificate as `ca_file`.',
      }),
    },
  )
}

/** Whether the status alone is worth another try. */
export function isTransientStatus(status: number): boolean {
  return [408, 429, 500, 502, 503, 504].includes(status)
}

function readingOf(parsed: Parsed): Reading {
  const known = Object.hasOwn(readings, parsed.code) ? readings[parsed.code] : undefined
  if (known) return known
  if (parsed.code.startsWith('Lease')) return lease
  if (parsed.status === 429 || parsed.code === 'ServerBusy' || parsed.status === 503) {
    return {
      code: 'azure_storage_throttled',
      says: () => `the account is too busy: ${named(parsed)}`,
    }
  }
  if (isTransientStatus(parsed.status)) {
    return { code: 'azure_storage_unavailable', says: () => `the service failed: ${named(parsed)}` }
  }
  if (parsed.status === 401) return token
  // A HEAD has no body, and some proxies drop the header: the status is all there is.
  if (parsed.status === 404 && parsed.code === '') return blob
  if (parsed.status === 412) return changed
  return { code: 'azure_storage_refused', says: () => `storage answered ${named(parsed)}` }
}

function named({ code, message, status }: Parsed): string {
  const name = code || `status ${status} without a storage code`
  return message === '' ? name : `${name} (“${message}”)`
}

function tokenSentence({ code, detail, tenant }: Parsed): string {
  const why = /issuer/i.test(detail)
    ? 'its tenant is not the tenant of the account'
    : /audience/i.test(detail)
      ? 'it is meant for another service'
      : /lifetime|expired/i.test(detail)
        ? 'it is expired, or a clock is wrong'
        : detail || 'storage gave no reason'
  const home = tenant ? ` The account trusts ${tenant}.` : ''
  return `storage refused the access token: ${why} (${code || '401'}).${home}`
}

function parseRefusal({ status, headers, body }: HttpAnswer): Parsed {
  const xml = body.toString('utf8', 0, 16_384)
  const tenant = /authorization_uri="?([^\s",]+)/.exec(headers['www-authenticate'] ?? '')?.[1]
  return {
    status,
    code: toPlainLine(headers['x-ms-error-code'] ?? element(xml, 'Code'), 64),
    // Azure repeats request id and time behind the first line.
    message: toPlainLine(element(xml, 'Message').split('\n', 1)[0] ?? ''),
    detail: toPlainLine(element(xml, 'AuthenticationErrorDetail')),
    tenant: toPlainLine(tenant ?? '', 200),
  }
}

function element(xml: string, name: string): string {
  const from = xml.indexOf(`<${name}>`)
  const to = xml.indexOf(`</${name}>`, from)
  return from < 0 || to < 0 ? '' : xml.slice(from + name.length + 2, to)
}
