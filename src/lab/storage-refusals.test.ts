import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'

import { startEntra } from './entra.ts'
import { send } from './issuer.fixture.ts'
import {
  account,
  assertRefused,
  startStorageKit,
  type StorageKit,
  type StorageRequest,
} from './storage.fixture.ts'

let kit: StorageKit
let token = ''

describe('storage refuses', () => {
  before(async () => {
    kit = await startStorageKit()
  })
  beforeEach(async () => {
    kit.entraKit.renewApp()
    token = await kit.exchange()
  })
  after(() => kit.close())

  const blob = { path: '/files/app/one' }
  const plain = (headers: Record<string, string>, path = `/${account}/files/app/one`) =>
    send(kit.entraKit.authority.caPem, kit.storage.url, {
      path,
      headers: { 'x-ms-version': '2025-11-05', ...headers },
    })
  const foreignToken = async (tenantId: string): Promise<string> => {
    const { authority, time } = kit.entraKit
    const foreign = await startEntra({ authority, now: () => time }, { tenantId })
    const minted = await foreign.mintOwnerToken()
    await foreign.close()
    return minted
  }
  const otherTenant = '55555555-5555-4555-8555-555555555555'
  const cases = [
    {
      name: 'a call without a token, with a challenge',
      ask: () => plain({}),
      expected: [401, 'NoAuthenticationInformation'],
    },
    {
      name: 'a token of the right tenant that another key signed',
      ask: async () => kit.call(await foreignToken(kit.entraKit.entra.tenantId), blob),
      expected: [
        401,
        'InvalidAuthenticationInfo',
        'Signature validation failed. Signature did not match.',
      ],
    },
    {
      name: 'a text that is no token',
      ask: () => kit.call('nonsense', blob),
      expected: [
        401,
        'InvalidAuthenticationInfo',
        'Signature validation failed. Signature did not match.',
      ],
    },
    {
      name: 'a token of another tenant',
      ask: async () => {
        const { entra, issuer } = kit.entraKit
        const ids = { tenantId: otherTenant, clientId: otherTenant, objectId: otherTenant }
        const app = entra.registerApp(ids)
        const { subject, audience } = kit.entraKit.app.credentials[0] ?? assert.fail()
        app.addCredential({ name: 'main', issuer: issuer.url, subject, audience })
        kit.entraKit.app = app
        return kit.call(await kit.exchange(), blob)
      },
      expected: [
        401,
        'InvalidAuthenticationInfo',
        'Issuer validation failed. Issuer did not match.',
      ],
    },
    {
      name: 'an expired token',
      ask: async () => {
        const { time } = kit.entraKit
        kit.entraKit.time = new Date(time.getTime() + 3_600_000)
        const answer = await kit.call(token, blob)
        kit.entraKit.time = time
        return answer
      },
      expected: [
        401,
        'InvalidAuthenticationInfo',
        'Lifetime validation failed. The token is expired.',
      ],
    },
    {
      name: 'a bearer token on an API version before OAuth',
      ask: () => plain({ authorization: `Bearer ${token}`, 'x-ms-version': '2015-02-21' }),
      expected: [
        403,
        'AuthenticationFailed',
        'Authentication scheme Bearer is not supported in this version.',
      ],
    },
    {
      name: 'another scheme',
      ask: () => plain({ authorization: 'Basic YTpi' }),
      expected: [400, 'InvalidAuthenticationInfo'],
    },
    {
      name: 'a shared key',
      ask: () => plain({ authorization: `SharedKey ${account}:c2ln` }),
      expected: [403, 'KeyBasedAuthenticationNotPermitted'],
    },
    {
      name: 'a shared access signature, even beside a good token',
      ask: () => kit.call(token, { path: '/files/app/one?sv=2025-11-05&sp=r&sig=c2ln' }),
      expected: [403, 'KeyBasedAuthenticationNotPermitted'],
    },
    {
      name: 'an account it does not have',
      ask: () => plain({ authorization: `Bearer ${token}` }, '/elsewhere/files/app/one'),
      expected: [404, 'ResourceNotFound'],
    },
    {
      name: 'a path with a broken escape',
      ask: () => kit.call(token, { path: '/files/%zz' }),
      expected: [400, 'InvalidUri'],
    },
    {
      name: 'a token without any role',
      ask: () => kit.call(token, blob),
      expected: [403, 'AuthorizationPermissionMismatch'],
    },
  ] as const
  for (const { name, ask, expected } of cases) {
    test(name, async () => {
      const answer = await ask()
      const [status, code, detail] = expected
      assertRefused(answer, status, code, detail)
      assert.equal(kit.storage.calls.at(-1)?.statusText, code)
      const { tenantId } = kit.entraKit.entra
      assert.equal(
        answer.headers['www-authenticate'],
        status === 401
          ? `Bearer authorization_uri=https://login.microsoftonline.com/${tenantId}/oauth2/authorize resource_id=https://storage.azure.com`
          : undefined,
      )
    })
  }

  test('a HEAD without a body', async () => {
    const answer = await kit.call(token, { ...blob, method: 'HEAD' })
    assert.deepEqual([answer.status, answer.text], [403, ''])
    assert.equal(answer.headers['x-ms-error-code'], 'AuthorizationPermissionMismatch')
  })

  test('what the operation table does not have, for the owner too', async () => {
    const owner = await kit.entraKit.entra.mintOwnerToken()
    const headers = { 'x-ms-copy-source': `${kit.storage.endpointOf(account)}/others/secret` }
    const calls: StorageRequest[] = [
      { method: 'GET', path: '/files?restype=container&comp=acl' },
      { method: 'PUT', path: '/files/copy', headers },
      { method: 'GET', path: '/files?restype=container&comp=list&PREFIX=app/' },
      { method: 'GET', path: '/files?restype=container&comp=list&prefix=a&prefix=b' },
      { method: 'POST', path: '/?comp=batch' },
    ]
    for (const call of calls) {
      assertRefused(await kit.call(owner, call), 403, 'AuthorizationPermissionMismatch')
      assert.equal(kit.storage.calls.at(-1)?.operation, 'Unknown')
    }
  })
})
