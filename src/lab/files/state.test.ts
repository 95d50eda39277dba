import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

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

const folder = (path: string): FilesRequest => ({
  method: 'PUT',
  path: `${path}?restype=directory`,
})
const range = (path: string, headers: Record<string, string>, body = ''): FilesRequest => ({
  method: 'PUT',
  path: `${path}?comp=range`,
  body,
  headers: { 'x-ms-write': 'update', ...headers },
})

describe('azure files refuses', () => {
  before(async () => {
    kit = await startFilesKit({ maxBytes: 16 * 1024 * 1024 })
    kit.assign('Storage File Data Privileged Contributor')
    token = await kit.exchange()
  })
  after(() => kit.close())

  const call = (request: FilesRequest) => kit.call(token, request)

  test('what does not fit what is there', async () => {
    assert.equal((await call(folder('/files/dir'))).status, 201)
    assert.equal((await call(create('/files/dir/file', {}, 'hello'))).status, 201)
    const refused: [FilesRequest, number, string][] = [
      [folder('/files/dir'), 409, 'ResourceAlreadyExists'],
      [folder('/files/DIR'), 409, 'ResourceAlreadyExists'],
      [create('/files/dir'), 409, 'ResourceTypeMismatch'],
      [{ path: '/files/dir' }, 409, 'ResourceTypeMismatch'],
      [{ method: 'DELETE', path: '/files/dir?restype=directory' }, 409, 'DirectoryNotEmpty'],
      [range('/files/dir/file', { 'x-ms-range': 'bytes=3-7' }, 'abcde'), 416, 'InvalidRange'],
      [range('/files/dir/file', { 'x-ms-range': 'bytes=0-1' }, 'abcde'), 400, 'InvalidHeaderValue'],
      [range('/files/dir/file', {}, 'abcde'), 400, 'MissingRequiredHeader'],
      [{ path: '/files/dir/file', headers: { 'x-ms-range': 'bytes=5-9' } }, 416, 'InvalidRange'],
      [
        {
          method: 'PUT',
          path: '/files/x?comp=rename',
          headers: { 'x-ms-file-rename-source': `https://localhost/${account}/others/x` },
        },
        400,
        'InvalidHeaderValue',
      ],
    ]
    for (const [request, status, code] of refused) assertRefused(await call(request), status, code)
    const readOnly = { 'x-ms-file-attributes': 'ReadOnly' }
    assert.equal((await call(create('/files/fixed', readOnly))).status, 201)
    assertRefused(await call(create('/files/fixed')), 409, 'ReadOnlyAttribute')
  })

  test('nothing when a name changes its case only, and then answers to both', async () => {
    assert.equal((await call(create('/files/readme', {}, 'hello'))).status, 201)
    const source = `https://localhost/${account}/files/README`
    const headers = { 'x-ms-file-rename-source': source }
    assert.equal(
      (await call({ method: 'PUT', path: '/files/ReadMe?comp=rename', headers })).status,
      200,
    )
    assert.equal((await call({ path: '/files/readme' })).text, 'hello')
    assert.equal((await call(create('/files/README', {}, 'again'))).status, 201)
    const names = [...kit.files.snapshot(account, 'files').keys()]
    assert.ok(names.includes('ReadMe') && !names.includes('README'))
  })

  test('a HEAD with a code in a header, chunked, and no body', async () => {
    const answer = await call({ method: 'HEAD', path: '/files/none' })
    assert.equal(answer.status, 404)
    assert.equal(answer.headers['x-ms-error-code'], 'ResourceNotFound')
    assert.equal(answer.headers['transfer-encoding'], 'chunked')
    assert.equal(answer.text, '')
  })

  test('calls from networks the firewall does not know, and more than it has room for', async () => {
    kit.files.denyNetwork(true)
    assertRefused(await call({ path: '/files/x' }), 403, 'AuthorizationFailure')
    kit.files.denyNetwork(false)
    const body = 'x'.repeat(4 * 1024 * 1024)
    let status = 201
    for (let index = 0; status === 201 && index < 80; index++) {
      status = (await call(create(`/files/fill${index}`, {}, body))).status
    }
    assert.equal(status, 409)
  })
})
