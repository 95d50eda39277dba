// Azure Storage's error codes, each with what it means to people: which fault, why, and what to do
// (https://learn.microsoft.com/rest/api/storageservices/common-rest-api-error-codes, and the lists of
// Blob and File Storage beside it).
import type { FaultCode } from '../core/fault.ts'

/** What an answer says of itself, as single plain lines; empty where it says nothing. */
export type Parsed = {
  status: number
  code: string
  message: string
  detail: string
  /** The header that a 400 complains about. */
  header: string
  /** Where the account sends people for tokens. */
  tenant: string
}

/** What kind of place a call went to. */
export type Place = 'container' | 'share'

/** A fault, its reason, and a hint where the fault's own does not fit. */
export type Reading = {
  code: FaultCode
  says: (answer: Parsed, call: { container: string; host: string; place?: Place }) => string
  hint?: string
}

const token: Reading = { code: 'azure_storage_token_refused', says: sayToken }
const role: Reading = {
  code: 'azure_storage_role_missing',
  says: ({ code }) =>
    `the identity is known but has no role that allows this (or a condition of the role forbids ` +
    `this path, or the assignment is younger than ten minutes): ${code}`,
}
const shareRole: Reading = {
  ...role,
  hint: 'Assign Storage File Data Privileged Reader or Contributor on the share or account (the SMB roles do not work here); a new assignment takes up to ten minutes.',
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
const account: Reading = {
  code: 'azure_storage_container_absent',
  says: ({ code }, { host }) => `there is no such account or service behind ${host}: ${code}`,
  hint: 'Check the `account` setting, and that the account has this service switched on.',
}
const container: Reading = {
  code: 'azure_storage_container_absent',
  says: (_, call) =>
    `the ${call.place ?? 'container'} “${call.container}” does not exist on ${call.host}`,
}
const share: Reading = {
  ...container,
  hint: 'Create the share, or correct the `account` and `share` settings.',
}
const ending: Reading = {
  code: 'azure_storage_container_absent',
  says: ({ code }, call) =>
    `the ${call.place ?? 'container'} “${call.container}” is being removed or switched off: ${code}`,
  hint: 'Wait until the removal is over (half a minute or more), create it again, and run again.',
}
const blob: Reading = { code: 'transfer_blob_absent', says: () => 'the blob does not exist' }
const file: Reading = { code: 'transfer_blob_absent', says: () => 'the file does not exist' }
const parent: Reading = {
  code: 'transfer_blob_absent',
  says: () => 'the folder it should be in does not exist',
  hint: 'Something removed the folder meanwhile: run again.',
}
const exists: Reading = {
  code: 'transfer_target_exists',
  says: ({ code }) => `something of this name exists already: ${code}`,
}
const changed: Reading = {
  code: 'transfer_blob_changed',
  says: ({ code }) => `somebody else changed it while it was transferred: ${code}`,
}
const lease: Reading = {
  code: 'azure_storage_lease_held',
  says: ({ code }) => `somebody holds a lease on it: ${code}`,
}
const inUse: Reading = {
  code: 'azure_storage_lease_held',
  says: ({ code }) => `somebody has it open over SMB, or a removal of it is pending: ${code}`,
  hint: 'Close the file where it is open (or close its handles in the portal), then run again.',
}
const immutable: Reading = {
  code: 'azure_storage_immutable',
  says: ({ code }) => `an immutability policy or legal hold protects it: ${code}`,
}
const readOnly: Reading = {
  code: 'azure_storage_immutable',
  says: ({ code }) => `it is marked read-only: ${code}`,
  hint: 'Remove the read-only attribute from the file, or write to another name.',
}
const archived: Reading = {
  code: 'azure_storage_archived',
  says: ({ code }) => `the blob is in the Archive tier, or on its way out of it: ${code}`,
}
const tier: Reading = {
  code: 'azure_storage_refused',
  says: ({ code }) => `the account or the blob cannot have this access tier: ${code}`,
  hint: 'Choose another `access_tier`: premium accounts have none, and only block blobs can have one.',
}
const snapshots: Reading = {
  code: 'azure_storage_refused',
  says: ({ code }) => `it has snapshots, which its removal would take along: ${code}`,
  hint: 'Remove the snapshots first (az storage blob delete --delete-snapshots only); builds do not remove snapshots.',
}
const kind: Reading = {
  code: 'azure_storage_refused',
  says: ({ code }) =>
    `what has this name is of another kind (a folder, an append or a page blob): ${code}`,
  hint: 'Choose another name, or remove what is there.',
}
const notEmpty: Reading = {
  code: 'azure_storage_refused',
  says: ({ code }) => `the folder is not empty: ${code}`,
  hint: 'Remove what is in the folder first; something may have been put there meanwhile.',
}
const quota: Reading = {
  code: 'azure_storage_refused',
  says: ({ code }) => `a limit of the service is reached: ${code}`,
  hint: 'Raise the quota of the share or account, free space, or send smaller files (blob: 190 TiB, file: 4 TiB).',
}
const name: Reading = {
  code: 'transfer_name_invalid',
  says: ({ code }) => `the service cannot keep this name: ${code}`,
}
const properties: Reading = {
  code: 'azure_storage_refused',
  says: ({ code, header, message }) =>
    `it does not accept what should be kept beside the content${header && ` (header ${header})`}: ${code}${message && ` (“${message}”)`}`,
  hint: 'Look at metadata (names like variables, ASCII values, 8 KiB in all), tags (ten at most) and properties of the rules.',
}
const intent: Reading = {
  code: 'azure_storage_refused',
  says: ({ code }) => `the call did not say that it means to bypass file permissions: ${code}`,
  hint: 'This is a defect: every call to a share with a token needs x-ms-file-request-intent. A proxy may have dropped the header.',
}
const version: Reading = {
  code: 'azure_storage_refused',
  says: ({ code }) => `the endpoint does not know this version of the API or this feature: ${code}`,
  hint: 'An emulator or gateway may be too old: update it, or check the `endpoint` setting.',
}
const checksum: Reading = {
  code: 'transfer_checksum_mismatch',
  says: ({ code }) => `the bytes that arrived are not the bytes that were sent: ${code}`,
}
const busy: Reading = {
  code: 'azure_storage_throttled',
  says: (answer) => `the account is too busy: ${nameOf(answer)}`,
}
const failed: Reading = {
  code: 'azure_storage_unavailable',
  says: (answer) => `the service failed: ${nameOf(answer)}`,
}
const refused: Reading = {
  code: 'azure_storage_refused',
  says: (answer) => `storage answered ${nameOf(answer)}`,
}

const listed: readonly (readonly [Reading, string])[] = [
  [token, 'InvalidAuthenticationInfo AuthenticationFailed NoAuthenticationInformation'],
  [role, 'AuthorizationPermissionMismatch InsufficientAccountPermissions'],
  [network, 'AuthorizationFailure AuthorizationSourceIPMismatch IpAuthorizationFailure'],
  [key, 'PublicAccessNotPermitted KeyBasedAuthenticationNotPermitted'],
  [key, 'AuthorizationProtocolMismatch AuthorizationServiceMismatch'],
  [key, 'AuthorizationResourceTypeMismatch'],
  [account, 'AccountIsDisabled'],
  [container, 'ContainerNotFound'],
  [share, 'ShareNotFound'],
  [ending, 'ContainerBeingDeleted ContainerDisabled ShareBeingDeleted ShareDisabled'],
  [blob, 'BlobNotFound'],
  [parent, 'ParentNotFound'],
  [exists, 'BlobAlreadyExists ResourceAlreadyExists UnauthorizedBlobOverwrite PathAlreadyExists'],
  [changed, 'ConditionNotMet TargetConditionNotMet SourceConditionNotMet InvalidBlockList'],
  [inUse, 'SharingViolation DeletePending FileLockConflict ClientCacheFlushDelay'],
  [inUse, 'CannotDeleteFileOrDirectory'],
  [immutable, 'BlobImmutableDueToPolicy BlobImmutableDueToLegalHold'],
  [readOnly, 'ReadOnlyAttribute'],
  [archived, 'BlobArchived BlobBeingRehydrated'],
  [tier, 'BlobTierInadequateForContentLength InvalidBlobTier'],
  [snapshots, 'SnapshotsPresent ShareHasSnapshots'],
  [kind, 'InvalidBlobType ResourceTypeMismatch PathConflict InvalidBlobOrBlock'],
  [notEmpty, 'DirectoryNotEmpty DirectoryIsNotEmpty'],
  [quota, 'BlockCountExceedsLimit BlockListTooLong RequestBodyTooLarge'],
  [quota, 'MaxBlobSizeConditionNotMet'],
  [name, 'InvalidResourceName InvalidUri InvalidFileOrDirectoryPathName OutOfRangeInput'],
  [properties, 'InvalidMetadata MetadataTooLarge EmptyMetadataKey InvalidTags'],
  [properties, 'InvalidHeaderValue TagsTooLarge'],
  [intent, 'MissingRequiredHeader'],
  [version, 'UnsupportedHeader UnsupportedHttpVerb UnsupportedQueryParameter'],
  [version, 'FeatureNotSupported FeatureVersionMismatch'],
  [checksum, 'Md5Mismatch Crc64Mismatch InvalidMd5'],
  [busy, 'ServerBusy'],
  [failed, 'InternalError OperationTimedOut'],
]
const readings = new Map(
  listed.flatMap(([reading, codes]) => codes.split(' ').map((code) => [code, reading] as const)),
)

/** All codes that are told apart by name. */
export const knownCodes: readonly string[] = [...readings.keys()]

/** What an answer means, by its code or else by its status. */
export function readingOf(answer: Parsed, place: Place): Reading {
  const { code } = answer
  if (code === 'ResourceNotFound') return place === 'share' ? file : account
  const known = code === 'MissingRequiredHeader' ? missing(answer, place) : readings.get(code)
  if (known === role && place === 'share') return shareRole
  return known ?? (code.startsWith('Lease') ? lease : readingOfStatus(answer, place))
}

function missing({ header }: Parsed, place: Place): Reading {
  const isIntent = header === '' ? place === 'share' : header === 'x-ms-file-request-intent'
  return isIntent ? intent : refused
}

function readingOfStatus({ status, code }: Parsed, place: Place): Reading {
  if (status === 429 || status === 503) return busy
  if ([408, 500, 502, 504].includes(status)) return failed
  if (status === 401) return token
  // A HEAD has no body, and some proxies drop the header: the status is all there is.
  if (status === 404 && code === '') return place === 'share' ? file : blob
  return status === 412 ? changed : refused
}

function nameOf({ code, message, status }: Parsed): string {
  const text = code || `status ${status} without a storage code`
  return message === '' ? text : `${text} (“${message}”)`
}

function sayToken({ code, detail, tenant }: Parsed): string {
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
