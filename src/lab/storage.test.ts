import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'

import { sha256Hex } from '../core/digest.ts'
import type { StorageRole } from './storage-roles.ts'
import {
  account,
  assertRefused,
  put,
  startStorageKit,
  type StorageKit,
  type StorageRequest,
} from './storage.fixture.ts'

let kit: StorageKit
let token = ''

describe('storage', () => {
  before(async () => {
    kit = await startStorageKit()
  })
  beforeEach(async () => {
    kit.entraKit.renewApp()
    token = await kit.exchange()
  })
  after(() => kit.close())

  const assign = (
    role: StorageRole,
    scope: { container?: string; pathPrefix?: string } = {},
  ): string =>
    kit.storage.assignRole({ principalId: kit.entraKit.app.objectId, role, account, ...scope })

  describe('roles', () => {
    const operations: Record<string, StorageRequest> = {
      read: { path: '/files/app/one' },
      'read elsewhere': { path: '/files/other/one' },
      'read by an escaped slash': { path: '/files%2Fother%2Fone' },
      list: { path: '/files?restype=container&comp=list&prefix=app/' },
      'list all': { path: '/files?restype=container&comp=list' },
      write: put('/files/app/new'),
      'write elsewhere': put('/files/other/new'),
      'write tags': {
        ...put('/files/app/new'),
        headers: { 'x-ms-blob-type': 'BlockBlob', 'x-ms-tags': 'a=b' },
      },
      delete: { method: 'DELETE', path: '/files/app/gone' },
      'delete elsewhere': { method: 'DELETE', path: '/files/other/gone' },
      'read in another container': { path: '/others/app/one' },
      'list containers': { path: '/?comp=list' },
    }
    const elsewhere = ['read elsewhere', 'read by an escaped slash', 'list all']
    const reader = 'Storage Blob Data Reader'
    const contributor = 'Storage Blob Data Contributor'
    const owner = 'Storage Blob Data Owner'
    const files = { container: 'files' }
    const prefixed = { container: 'files', pathPrefix: 'app/' }
    const table = [
      { role: reader, scope: files, allowed: ['read', 'list', ...elsewhere] },
      { role: reader, scope: prefixed, allowed: ['read', 'list'] },
      { role: reader, scope: { container: 'files', pathPrefix: 'App/' }, allowed: [] },
      { role: contributor, scope: prefixed, allowed: ['read', 'list', 'write', 'delete'] },
      {
        role: contributor,
        scope: files,
        allowed: [
          'read',
          'list',
          ...elsewhere,
          'write',
          'write elsewhere',
          'delete',
          'delete elsewhere',
        ],
      },
      { role: owner, scope: {}, allowed: Object.keys(operations) },
      { role: owner, scope: { container: 'others' }, allowed: ['read in another container'] },
    ] as const
    for (const { role, scope, allowed } of table) {
      test(`${role} on ${JSON.stringify(scope)} allows ${allowed.join(', ') || 'nothing'}`, async () => {
        assign(role, scope)
        const done: string[] = []
        for (const [name, call] of Object.entries(operations)) {
          if ((await kit.call(token, call)).status !== 403) done.push(name)
        }
        assert.deepEqual(done.toSorted(), [...allowed].toSorted())
      })
    }

    test('removing a role counts for the very next call', async () => {
      const id = assign(contributor, files)
      assert.equal((await kit.call(token, put('/files/short'))).status, 201)
      kit.storage.removeRole(id)
      assertRefused(
        await kit.call(token, { path: '/files/short' }),
        403,
        'AuthorizationPermissionMismatch',
      )
      assert.throws(() => kit.storage.removeRole(id), RangeError)
    })
  })

  test('a blocked network is told apart from a missing role', async () => {
    assign('Storage Blob Data Reader')
    kit.storage.denyNetwork(true)
    const answer = await kit.call(token, { path: '/files/app/one' })
    kit.storage.denyNetwork(false)
    assertRefused(answer, 403, 'AuthorizationFailure')
    assert.equal((await kit.call(token, { path: '/files/app/none' })).status, 404)
  })

  test('injected failures hit the next calls of the named operation only', async () => {
    assign('Storage Blob Data Contributor')
    const failure = { count: 2, status: 503, code: 'ServerBusy', retryAfterSeconds: 3 }
    kit.storage.failNext({ ...failure, operation: 'PutBlob' })
    assert.equal((await kit.call(token, { path: '/files/none' })).status, 404)
    for (let round = 0; round < 2; round += 1) {
      const answer = await kit.call(token, put('/files/busy'))
      assertRefused(answer, 503, 'ServerBusy')
      assert.equal(answer.headers['retry-after'], '3')
    }
    assert.equal((await kit.call(token, put('/files/busy'))).status, 201)
  })

  test('names pass through as they were sent', async () => {
    assign('Storage Blob Data Contributor')
    const names = [
      '50%',
      'a#b',
      'with space',
      'Übergröße/日本.txt',
      'a+b&c=d?e',
      "it's (ok)!",
      '%41',
    ]
    for (const name of names) {
      const path = `/files/odd/${encodeURIComponent(name)}`
      assert.equal((await kit.call(token, put(path, name))).status, 201, name)
      assert.equal((await kit.call(token, { path })).text, name)
      assert.equal(kit.storage.calls.at(-1)?.path, `/${account}${path}`)
    }
    const listed = await kit.call(token, { path: '/files?restype=container&comp=list&prefix=odd/' })
    const decode = (xml: string): string => xml.replaceAll('&amp;', '&').replaceAll('&apos;', "'")
    const found = [...listed.text.matchAll(/<Name>odd\/(.*?)<\/Name>/g)].map(([, name = '']) =>
      decode(name),
    )
    assert.deepEqual(found.toSorted(), names.toSorted())
    assert.equal((await kit.call(token, put('/files/x%2Fy', 'same'))).status, 201)
    assert.equal((await kit.call(token, { path: '/files/x/y' })).text, 'same')
  })

  test('each call is in the log, joined to its token by hash', async () => {
    assign('Storage Blob Data Contributor')
    const headers = {
      'x-ms-blob-type': 'BlockBlob',
      'x-ms-client-request-id': 'req-1',
      'user-agent': 'drone/1',
    }
    const answer = await kit.call(token, { ...put('/files/logged', 'twelve bytes'), headers })
    const { clientId, objectId, tenantId } = kit.entraKit.app
    assert.deepEqual(kit.storage.calls.at(-1), {
      time: kit.entraKit.time,
      operation: 'PutBlob',
      status: 201,
      statusText: 'Success',
      account,
      container: 'files',
      path: `/${account}/files/logged`,
      authenticationHash: sha256Hex(token).toUpperCase(),
      requesterAppId: clientId,
      requesterObjectId: objectId,
      tenantId,
      clientRequestId: 'req-1',
      requestId: answer.headers['x-ms-request-id'],
      userAgent: 'drone/1',
      requestBytes: 12,
      responseBytes: 0,
    })
    assert.equal(
      kit.entraKit.entra.exchanges.at(-1)?.accessTokenSha256,
      kit.storage.calls.at(-1)?.authenticationHash,
    )
  })
})
