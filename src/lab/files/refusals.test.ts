import assert from 'node:assert/strict'
import { request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { after, before, beforeEach, describe, test } from 'node:test'

import { send, type TestAnswer } from '../issuer.fixture.ts'
import {
  account,
  assertRefused,
  create,
  type FilesKit,
  type FilesRequest,
  startFilesKit,
} from './files.fixture.ts'

let kit: FilesKit
let token = ''

describe('azure files refuses', () => {
  before(async () => {
    kit = await startFilesKit()
  })
  beforeEach(async () => {
    kit.entraKit.renewApp()
    kit.assign('Storage File Data Privileged Contributor')
    token = await kit.exchange()
  })
  after(() => kit.close())

  const call = (request: FilesRequest) => kit.call(token, request)
  const plain = (headers: Record<string, string>, path = `/${account}/files/x`) =>
    send(kit.entraKit.authority.caPem, kit.files.url, {
      path,
      headers: { 'x-ms-version': '2026-02-06', ...headers },
    })
  const withRole = (
    role: Parameters<FilesKit['assign']>[0],
    request: FilesRequest,
    share?: string,
  ) =>
    (async () => {
      kit.entraKit.renewApp()
      kit.assign(role, share)
      return kit.call(await kit.exchange(), request)
    })()

  const reader = 'Storage File Data Privileged Reader'
  const old = { 'x-ms-version': '2022-11-02' }
  const cases: [string, () => Promise<TestAnswer>, number, string][] = [
    ['a call without a token', () => plain({}), 401, 'NoAuthenticationInformation'],
    [
      'a text that is no token',
      () => kit.call('x', { path: '/files/x' }),
      401,
      'InvalidAuthenticationInfo',
    ],
    [
      'a key, and a link signed with one',
      () => plain({}, `/${account}/files/x?sig=abc`),
      403,
      'KeyBasedAuthenticationNotPermitted',
    ],
    [
      'a token without the intent it needs',
      () => plain({ authorization: `Bearer ${token}` }),
      400,
      'MissingRequiredHeader',
    ],
    [
      'another intent',
      () => call({ path: '/files/x', headers: { 'x-ms-file-request-intent': 'restore' } }),
      400,
      'InvalidHeaderValue',
    ],
    [
      'a version that knows no bearer tokens for files',
      () => call({ path: '/files/x', headers: { 'x-ms-version': '2021-12-02' } }),
      403,
      'AuthenticationFailed',
    ],
    [
      'a version that knows none for shares',
      () => withRole('Storage Account Contributor', { path: '/files?restype=share', headers: old }),
      403,
      'AuthenticationFailed',
    ],
    ['an account nobody has', () => plain({}, '/other/files/x'), 404, 'ResourceNotFound'],
    [
      'a role for SMB mounts',
      () => withRole('Storage File Data SMB Share Elevated Contributor', { path: '/files/x' }),
      403,
      'AuthorizationPermissionMismatch',
    ],
    [
      'to write with a role for reading',
      () => withRole(reader, create('/files/x')),
      403,
      'AuthorizationPermissionMismatch',
    ],
    [
      'a share beside the one of the role',
      () => withRole(reader, { path: '/others/x' }, 'files'),
      403,
      'AuthorizationPermissionMismatch',
    ],
    ['a share that is not there', () => call({ path: '/nothere/x' }), 404, 'ShareNotFound'],
    ['a file that is not there', () => call({ path: '/files/none' }), 404, 'ResourceNotFound'],
    ['a folder that is not there', () => call({ path: '/files/none/x' }), 404, 'ParentNotFound'],
    [
      'what nobody described',
      () => call({ path: '/files/x?comp=magic' }),
      400,
      'UnsupportedQueryParameter',
    ],
    [
      'conditions',
      () => call({ path: '/files/x', headers: { 'if-match': '"1"' } }),
      400,
      'ConditionHeadersNotSupported',
    ],
    ['a reserved character', () => call(create('/files/a%3Ab')), 400, 'InvalidResourceName'],
    ['dots as a name', () => call(create('/files/a%2F..%2Fb')), 400, 'InvalidResourceName'],
    [
      'a name that is too long',
      () => call(create(`/files/${'x'.repeat(256)}`)),
      400,
      'InvalidResourceName',
    ],
    ['a path that is broken', () => call({ path: '/files/%FF' }), 400, 'InvalidUri'],
    [
      'a create without its type',
      () => call({ method: 'PUT', path: '/files/x', headers: { 'x-ms-content-length': '0' } }),
      400,
      'MissingRequiredHeader',
    ],
    [
      'content with a create of before February 2026',
      () => call(create('/files/x', { 'x-ms-version': '2025-11-05' }, 'hello')),
      400,
      'InvalidHeaderValue',
    ],
    [
      'more content than the file has room for',
      () => call(create('/files/x', { 'x-ms-content-length': '4' }, 'hello')),
      400,
      'InvalidHeaderValue',
    ],
    [
      'content with a wrong MD5',
      () => call(create('/files/x', { 'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==' }, 'hello')),
      400,
      'Md5Mismatch',
    ],
    [
      'an MD5 that is none',
      () => call(create('/files/x', { 'content-md5': 'x' }, 'a')),
      400,
      'InvalidMd5',
    ],
    [
      'a structured body of another form',
      () => call(create('/files/x', { 'x-ms-structured-body': 'XSM/2.0' }, 'hello')),
      400,
      'InvalidHeaderValue',
    ],
    [
      'a structured body that is none',
      () => {
        const headers = {
          'x-ms-structured-body': 'XSM/1.0; properties=crc64',
          'x-ms-structured-content-length': '5',
        }
        return call(create('/files/x', headers, 'hello'))
      },
      400,
      'InvalidInput',
    ],
    [
      'metadata with a bad name',
      () => call(create('/files/x', { 'x-ms-meta-a-b': '1' })),
      400,
      'InvalidMetadata',
    ],
    [
      'a time that is none',
      () => call(create('/files/x', { 'x-ms-file-last-write-time': 'yesterday' })),
      400,
      'InvalidHeaderValue',
    ],
    [
      'a file above 4 TiB',
      () => call(create('/files/x', { 'x-ms-content-length': String(4 * 1024 ** 4 + 1) })),
      400,
      'InvalidHeaderValue',
    ],
    [
      'an owner on a share that speaks SMB',
      () => call(create('/files/x', { 'x-ms-owner': '1000' })),
      400,
      'UnsupportedHeader',
    ],
    [
      'links on a share that speaks SMB',
      () =>
        call({
          method: 'PUT',
          path: '/files/x?restype=symboliclink',
          headers: { 'x-ms-link-text': 'a' },
        }),
      400,
      'UnsupportedQueryParameter',
    ],
    [
      'a copy from a share the caller may not read',
      () => {
        const headers = { 'x-ms-copy-source': `https://localhost/${account}/others/x` }
        const copy = { method: 'PUT', path: '/files/copy', headers }
        return withRole('Storage File Data Privileged Contributor', copy, 'files')
      },
      404,
      'CannotVerifyCopySource',
    ],
    [
      'a listing of nothing at a time',
      () => call({ path: '/files?restype=directory&comp=list&maxresults=0' }),
      400,
      'OutOfRangeQueryParameterValue',
    ],
  ]
  for (const [what, ask, status, code] of cases) {
    test(what, async () => assertRefused(await ask(), status, code))
  }

  test('plain http, whatever the token', async () => {
    const status = await new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${token}` }
      httpRequest(`${kit.files.plainUrl}/${account}/files/x`, { headers }, (answer) => {
        answer.resume()
        resolve([answer.statusCode, answer.headers['x-ms-error-code']])
      })
        .once('error', reject)
        .end()
    })
    assert.deepEqual(status, [400, 'AccountRequiresHttps'])
  })

  test('bodies above 4 MiB and bodies without a length', async () => {
    const big = create('/files/x', { 'content-length': String(4 * 1024 * 1024 + 1) })
    assertRefused(await call(big), 413, 'RequestBodyTooLarge')
    const { path, method = '', headers = {} } = create('/files/x')
    const { entraKit, files } = kit
    const options = {
      method,
      ca: entraKit.authority.caPem,
      headers: {
        ...headers,
        authorization: `Bearer ${token}`,
        'x-ms-version': '2026-02-06',
        'x-ms-file-request-intent': 'backup',
      },
    }
    const status = await new Promise((resolve, reject) => {
      const sent = httpsRequest(`${files.url}/${account}${path}`, options, (answer) => {
        answer.resume()
        resolve([answer.statusCode, answer.headers['x-ms-error-code']])
      })
      sent.once('error', reject)
      sent.write('chunk')
      sent.end('ed')
    })
    assert.deepEqual(status, [411, 'MissingContentLengthHeader'])
  })
})
