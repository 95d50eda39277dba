import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { storageFault } from '../azure/storage-faults.ts'
import { type FaultCode, faults } from '../core/fault.ts'
import { always, faultOf, healthy, healthyAccess } from './facts.fixture.ts'
import { type FaultFact, toFact } from './facts.ts'
import type { Trouble } from './to-verdict.ts'
import { judge } from './verdict.ts'

type Storage = [
  status: number,
  storageCode: string,
  detail: string,
  code: FaultCode,
  trouble: Trouble,
  says: RegExp,
]

// Every row of facts/federation.md §2.1.
const storageCodes: Storage[] = [
  [
    401,
    'InvalidAuthenticationInfo',
    'Issuer validation failed.',
    'azure_storage_token_refused',
    'refused',
    /tenant/,
  ],
  [
    401,
    'InvalidAuthenticationInfo',
    'Audience validation failed.',
    'azure_storage_token_refused',
    'refused',
    /another service/,
  ],
  [
    401,
    'InvalidAuthenticationInfo',
    'Lifetime validation failed. The token is expired.',
    'azure_storage_token_refused',
    'expired',
    /expired/,
  ],
  [400, 'InvalidAuthenticationInfo', '', 'azure_storage_token_refused', 'refused', /token/],
  [
    403,
    'AuthenticationFailed',
    'Issuer validation failed.',
    'azure_storage_token_refused',
    'refused',
    /tenant/,
  ],
  [
    403,
    'AuthorizationPermissionMismatch',
    '',
    'azure_storage_role_missing',
    'refused',
    /no data role/,
  ],
  [403, 'AuthorizationFailure', '', 'azure_storage_network_blocked', 'blocked', /network/],
  [
    403,
    'KeyBasedAuthenticationNotPermitted',
    '',
    'azure_storage_key_refused',
    'refused',
    /federated/,
  ],
  [403, 'AuthorizationSourceIPMismatch', '', 'azure_storage_network_blocked', 'blocked', /network/],
  [403, 'AuthorizationProtocolMismatch', '', 'azure_storage_key_refused', 'refused', /credential/],
  [403, 'AuthorizationServiceMismatch', '', 'azure_storage_key_refused', 'refused', /credential/],
  [
    403,
    'AuthorizationResourceTypeMismatch',
    '',
    'azure_storage_key_refused',
    'refused',
    /credential/,
  ],
  [409, 'PublicAccessNotPermitted', '', 'azure_storage_key_refused', 'refused', /credential/],
  [404, 'ResourceNotFound', '', 'azure_storage_container_absent', 'refused', /no such account/],
  [404, 'ContainerNotFound', '', 'azure_storage_container_absent', 'refused', /does not exist/],
  [503, 'ServerBusy', '', 'azure_storage_throttled', 'flaky', /3 times of 3/],
  [500, 'InternalError', '', 'azure_storage_unavailable', 'flaky', /3 times of 3/],
]

function refusedByStorage(status: number, storageCode: string, detail: string): FaultFact {
  const xml = `<Error><Code>${storageCode}</Code><Message>No.</Message><AuthenticationErrorDetail>${detail}</AuthenticationErrorDetail></Error>`
  const call = { doing: 'list', container: 'artifacts', host: 'acmeart.blob.core.windows.net' }
  const answer = { status, headers: { 'x-ms-error-code': storageCode }, body: Buffer.from(xml) }
  return toFact(storageFault(answer, call))
}

describe('storage’s codes', () => {
  for (const [status, storageCode, detail, code, trouble, says] of storageCodes) {
    test(`${status} ${storageCode} ${detail} is ${code}, ${trouble}`, () => {
      const fault = refusedByStorage(status, storageCode, detail)
      const verdict = judge(healthy({ reads: always(fault), properties: { atMs: 0, fault } }))
      assert.equal(verdict.code, code)
      assert.equal(verdict.trouble, trouble)
      assert.equal(verdict.exitCode, faults[code].exit)
      assert.match(verdict.sentence, says)
    })
  }

  test('a role that comes and goes is propagation, a server that does so is flaky', () => {
    const mixed = (status: number, code: string) =>
      judge(
        healthy({ reads: [{ atMs: 0, fault: refusedByStorage(status, code, '') }, { atMs: 5 }] }),
      )
    const role = mixed(403, 'AuthorizationPermissionMismatch')
    assert.deepEqual([role.code, role.trouble], ['azure_storage_role_propagating', 'propagating'])
    const server = mixed(500, 'InternalError')
    assert.deepEqual([server.code, server.trouble], ['azure_storage_unavailable', 'flaky'])
  })

  test('a role on the container whose condition forbids the path is told from none', () => {
    const fault = refusedByStorage(403, 'AuthorizationPermissionMismatch', '')
    const verdict = judge(healthy({ reads: always(fault) }))
    assert.match(verdict.sentence, /its condition does not allow the path “octo\/hello\/”/)
  })

  test('who may read and not write is told so', () => {
    const fault = refusedByStorage(403, 'AuthorizationPermissionMismatch', '')
    const verdict = judge(healthy({ create: { atMs: 0, fault } }))
    assert.equal(verdict.code, 'azure_storage_role_missing')
    assert.match(verdict.sentence, /may read and not write/)
  })

  test('a container that may not be looked at, but listed, is fine', () => {
    const fault = refusedByStorage(403, 'AuthorizationPermissionMismatch', '')
    assert.equal(judge(healthy({ properties: { atMs: 0, fault } })).code, 'ok')
  })

  test('the tenant of the account is compared before anything is read', () => {
    const access = { ...healthyAccess(), tenantId: 'away' }
    const verdict = judge(healthy({ access, reads: always(faultOf('azure_storage_refused')) }))
    assert.equal(verdict.code, 'azure_storage_token_refused')
    assert.match(verdict.sentence, /of tenant away.*trusts tenant home/)
  })

  test('a token for something else than storage is seen', () => {
    const access = { ...healthyAccess(), audience: 'https://graph.microsoft.com' }
    assert.match(judge(healthy({ access })).sentence, /for “https:\/\/graph\.microsoft\.com”/)
  })
})
