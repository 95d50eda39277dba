import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { knownCodes } from './storage-codes.ts'
import { type StorageCall, storageFault } from './storage-faults.ts'

const call = { doing: 'upload “a”', container: 'c', host: 'acct.blob.core.windows.net' }
const inShare = { ...call, host: 'acct.file.core.windows.net', place: 'share' } as const

function faultOf(
  status: number,
  code: string,
  body = '',
  headers: Record<string, string> = {},
  about: StorageCall = call,
) {
  const head = { ...headers, ...(code && { 'x-ms-error-code': code }), 'x-ms-request-id': 'req-1' }
  return storageFault({ status, headers: head, body: Buffer.from(body) }, about)
}

// Every code that is known by name, then what only the status tells.
const table: [fault: string, exit: number, codes: string][] = [
  ['azure_storage_token_refused', 3, '401 InvalidAuthenticationInfo, 403 AuthenticationFailed'],
  ['azure_storage_token_refused', 3, '401 NoAuthenticationInformation, 401'],
  ['azure_storage_role_missing', 3, '403 AuthorizationPermissionMismatch'],
  ['azure_storage_role_missing', 3, '403 InsufficientAccountPermissions'],
  ['azure_storage_network_blocked', 3, '403 AuthorizationFailure'],
  ['azure_storage_network_blocked', 3, '403 AuthorizationSourceIPMismatch'],
  ['azure_storage_network_blocked', 3, '403 IpAuthorizationFailure'],
  ['azure_storage_key_refused', 3, '409 PublicAccessNotPermitted'],
  ['azure_storage_key_refused', 3, '403 KeyBasedAuthenticationNotPermitted'],
  ['azure_storage_key_refused', 3, '403 AuthorizationProtocolMismatch'],
  ['azure_storage_key_refused', 3, '403 AuthorizationServiceMismatch'],
  ['azure_storage_key_refused', 3, '403 AuthorizationResourceTypeMismatch'],
  ['azure_storage_container_absent', 4, '403 AccountIsDisabled, 404 ContainerNotFound'],
  ['azure_storage_container_absent', 4, '409 ContainerBeingDeleted, 409 ContainerDisabled'],
  ['azure_storage_container_absent', 4, '404 ShareNotFound, 409 ShareBeingDeleted'],
  ['azure_storage_container_absent', 4, '403 ShareDisabled, 404 ResourceNotFound'],
  ['transfer_blob_absent', 4, '404 BlobNotFound, 404 ParentNotFound, 404'],
  ['transfer_target_exists', 4, '409 BlobAlreadyExists, 409 ResourceAlreadyExists'],
  ['transfer_target_exists', 4, '403 UnauthorizedBlobOverwrite, 409 PathAlreadyExists'],
  ['transfer_blob_changed', 4, '412 ConditionNotMet, 412 TargetConditionNotMet'],
  ['transfer_blob_changed', 4, '412 SourceConditionNotMet, 400 InvalidBlockList, 412'],
  ['azure_storage_lease_held', 4, '412 LeaseIdMissing, 409 LeaseAlreadyPresent'],
  ['azure_storage_lease_held', 4, '409 SharingViolation, 409 DeletePending'],
  ['azure_storage_lease_held', 4, '409 FileLockConflict, 409 ClientCacheFlushDelay'],
  ['azure_storage_lease_held', 4, '409 CannotDeleteFileOrDirectory'],
  ['azure_storage_immutable', 4, '409 BlobImmutableDueToPolicy, 409 BlobImmutableDueToLegalHold'],
  ['azure_storage_immutable', 4, '409 ReadOnlyAttribute'],
  ['azure_storage_archived', 4, '409 BlobArchived, 409 BlobBeingRehydrated'],
  ['azure_storage_refused', 4, '409 BlobTierInadequateForContentLength, 400 InvalidBlobTier'],
  ['azure_storage_refused', 4, '409 SnapshotsPresent, 409 ShareHasSnapshots'],
  ['azure_storage_refused', 4, '409 InvalidBlobType, 409 ResourceTypeMismatch, 409 PathConflict'],
  ['azure_storage_refused', 4, '400 InvalidBlobOrBlock'],
  ['azure_storage_refused', 4, '409 DirectoryNotEmpty, 409 DirectoryIsNotEmpty'],
  ['azure_storage_refused', 4, '409 BlockCountExceedsLimit, 400 BlockListTooLong'],
  ['azure_storage_refused', 4, '413 RequestBodyTooLarge, 412 MaxBlobSizeConditionNotMet'],
  ['transfer_name_invalid', 2, '400 InvalidResourceName, 400 InvalidUri, 400 OutOfRangeInput'],
  ['transfer_name_invalid', 2, '400 InvalidFileOrDirectoryPathName'],
  ['azure_storage_refused', 4, '400 InvalidMetadata, 400 MetadataTooLarge, 400 EmptyMetadataKey'],
  ['azure_storage_refused', 4, '400 InvalidTags, 400 InvalidHeaderValue, 400 TagsTooLarge'],
  ['azure_storage_refused', 4, '400 MissingRequiredHeader, 409 SomethingNew'],
  ['azure_storage_refused', 4, '400 UnsupportedHeader, 405 UnsupportedHttpVerb'],
  ['azure_storage_refused', 4, '400 UnsupportedQueryParameter, 409 FeatureVersionMismatch'],
  ['azure_storage_refused', 4, '400 FeatureNotSupported'],
  ['transfer_checksum_mismatch', 6, '400 Md5Mismatch, 400 Crc64Mismatch, 400 InvalidMd5'],
  ['azure_storage_throttled', 5, '503 ServerBusy, 429, 503'],
  ['azure_storage_unavailable', 5, '500 InternalError, 500 OperationTimedOut, 502, 504, 408'],
]

const rows = table.flatMap(([fault, exit, codes]) =>
  codes.split(', ').map((text) => {
    const [status = '', code = ''] = text.split(' ')
    return { fault, exit, status: Number(status), code }
  }),
)

describe('the refusals of storage', () => {
  for (const { status, code, fault, exit } of rows) {
    it(`reads ${status} ${code || 'without a code'} as ${fault}`, () => {
      const found = faultOf(status, code)
      assert.equal(found.code, fault)
      assert.equal(found.exitCode, exit)
      assert.match(found.message, /upload “a”.*req-1/)
      assert.notEqual(found.hint, '')
    })
  }

  it('has a row above for every code that is known by name', () => {
    const tested = new Set(rows.map(({ code }) => code))
    assert.deepEqual(
      knownCodes.filter((code) => !tested.has(code)),
      [],
    )
  })

  it('tells reasons of one fault apart by what to do', () => {
    const hints = [
      'SnapshotsPresent',
      'DirectoryNotEmpty',
      'InvalidBlobTier',
      'InvalidBlobType',
    ].map((code) => faultOf(409, code).hint)
    assert.equal(new Set([...hints, faultOf(409, 'SomethingNew').hint]).size, 5)
  })

  it('calls a share a share, and what is in it a file', () => {
    const read = (status: number, code: string, body = '') =>
      faultOf(status, code, body, {}, inShare)
    assert.match(read(404, 'ShareNotFound').message, /the share “c” does not exist/)
    assert.match(read(404, 'ResourceNotFound').message, /the file does not exist/)
    assert.equal(read(404, 'ResourceNotFound').code, 'transfer_blob_absent')
    assert.equal(read(404, '').code, 'transfer_blob_absent')
    assert.match(read(403, 'AuthorizationPermissionMismatch').hint, /File Data Privileged/)
  })

  it('knows a missing intent header from other missing headers', () => {
    const body = (header: string) =>
      `<Error><Code>MissingRequiredHeader</Code><Message>m</Message><HeaderName>${header}</HeaderName></Error>`
    const read = (header: string, about: StorageCall) =>
      faultOf(400, '', body(header), {}, about).message
    assert.match(read('x-ms-file-request-intent', inShare), /bypass file permissions/)
    assert.match(read('', inShare), /bypass file permissions/)
    assert.doesNotMatch(read('x-ms-type', inShare), /bypass file permissions/)
    assert.doesNotMatch(read('', call), /bypass file permissions/)
  })

  it('says why a token was refused and whom the account trusts', () => {
    const body =
      '<Error><Code>InvalidAuthenticationInfo</Code><Message>m</Message><AuthenticationErrorDetail>Issuer validation failed. Issuer did not match.</AuthenticationErrorDetail></Error>'
    const { message } = faultOf(401, '', body, {
      'www-authenticate':
        'Bearer authorization_uri=https://login.microsoftonline.com/home/oauth2/authorize resource_id=https://storage.azure.com',
    })
    assert.match(message, /not the tenant of the account.*login\.microsoftonline\.com\/home/)
  })
})
