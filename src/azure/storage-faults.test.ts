import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { storageFault } from './storage-faults.ts'

const call = { doing: 'upload “a”', container: 'c', host: 'acct.blob.core.windows.net' }

function faultOf(status: number, code: string, body = '', headers: Record<string, string> = {}) {
  const head = { ...headers, ...(code && { 'x-ms-error-code': code }), 'x-ms-request-id': 'req-1' }
  return storageFault({ status, headers: head, body: Buffer.from(body) }, call)
}

const table: [status: number, code: string, fault: string, exit: number][] = [
  [401, 'InvalidAuthenticationInfo', 'azure_storage_token_refused', 3],
  [401, '', 'azure_storage_token_refused', 3],
  [403, 'AuthenticationFailed', 'azure_storage_token_refused', 3],
  [403, 'AuthorizationPermissionMismatch', 'azure_storage_role_missing', 3],
  [403, 'AuthorizationFailure', 'azure_storage_network_blocked', 3],
  [403, 'KeyBasedAuthenticationNotPermitted', 'azure_storage_key_refused', 3],
  [404, 'ContainerNotFound', 'azure_storage_container_absent', 4],
  [404, 'BlobNotFound', 'transfer_blob_absent', 4],
  [404, '', 'transfer_blob_absent', 4],
  [409, 'BlobAlreadyExists', 'transfer_target_exists', 4],
  [409, 'BlobImmutableDueToPolicy', 'azure_storage_immutable', 4],
  [409, 'BlobArchived', 'azure_storage_archived', 4],
  [409, 'SomethingNew', 'azure_storage_refused', 4],
  [412, 'ConditionNotMet', 'transfer_blob_changed', 4],
  [412, 'LeaseIdMissing', 'azure_storage_lease_held', 4],
  [400, 'Md5Mismatch', 'transfer_checksum_mismatch', 6],
  [429, '', 'azure_storage_throttled', 5],
  [503, 'ServerBusy', 'azure_storage_throttled', 5],
  [500, 'InternalError', 'azure_storage_unavailable', 5],
]

describe('the refusals of storage', () => {
  for (const [status, code, fault, exit] of table) {
    it(`reads ${status} ${code || 'without a code'} as ${fault}`, () => {
      const found = faultOf(status, code)
      assert.equal(found.code, fault)
      assert.equal(found.exitCode, exit)
      assert.match(found.message, /upload “a”.*req-1/)
    })
  }

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
