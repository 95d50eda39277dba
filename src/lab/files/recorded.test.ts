// The lab's answers beside those of the real service: statuses and header names as they stand in the
// recorded sessions of Microsoft's SDKs (Azure/azure-sdk-assets: azfile and Azure.Storage.Files.Shares,
// API 2022-11-02 to 2026-06-06).
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import {
  account,
  create,
  type FilesKit,
  type FilesRequest,
  startFilesKit,
} from './files.fixture.ts'

let kit: FilesKit
let token = ''

const version = ['etag', 'last-modified']
const times = [
  'x-ms-file-change-time',
  'x-ms-file-creation-time',
  'x-ms-file-last-write-time',
  'x-ms-file-id',
  'x-ms-file-parent-id',
]
const smb = [...version, ...times, 'x-ms-file-attributes', 'x-ms-file-permission-key']
const nfs = [...version, ...times, 'x-ms-file-file-type', 'x-ms-group', 'x-ms-mode', 'x-ms-owner']
const written = 'x-ms-request-server-encrypted'
const read = [
  'x-ms-server-encrypted',
  'x-ms-type',
  'x-ms-lease-state',
  'x-ms-lease-status',
  'content-type',
]
const length = 'content-length'
const refusal = [length, 'content-type', 'x-ms-error-code']
const chunked = ['content-type', 'transfer-encoding']

const put = (path: string, headers: Record<string, string> = {}): FilesRequest => ({
  method: 'PUT',
  path,
  headers,
})
const range = { 'x-ms-write': 'update', 'x-ms-range': 'bytes=0-4' }
const source = `https://${account}.file.core.windows.net/rec/d/f`
const acquire = { 'x-ms-lease-action': 'acquire', 'x-ms-lease-duration': '-1' }
const wrongMd5 = { 'content-md5': 'a3VMEC/EpghBaWYeurik8Q==' }

// In order: each builds on what those before it have made.
const sessions: [string, FilesRequest, number, readonly string[]][] = [
  ['Create Share', put('/rec?restype=share'), 201, [...version, length]],
  ['Create Directory', put('/rec/d?restype=directory'), 201, [...smb, written, length]],
  [
    'Create File',
    { ...create('/rec/d/f'), headers: { 'x-ms-type': 'file', 'x-ms-content-length': '10240' } },
    201,
    [...smb, written, length],
  ],
  [
    'Create File with content',
    create('/rec/d/c', {}, 'hello'),
    201,
    [...smb, written, length, 'content-md5'],
  ],
  ['Create File with a wrong MD5', create('/rec/d/c', wrongMd5, 'hello'), 400, refusal],
  ['Get File Properties', { method: 'HEAD', path: '/rec/d/f' }, 200, [...smb, ...read, length]],
  ['Get File', { path: '/rec/d/f' }, 200, [...smb, ...read, length, 'accept-ranges']],
  [
    'Put Range',
    { ...put('/rec/d/f?comp=range', range), body: 'hello' },
    201,
    [...version, 'x-ms-file-last-write-time', 'content-md5', written, length],
  ],
  [
    'List Ranges',
    { path: '/rec/d/f?comp=rangelist' },
    200,
    [...version, 'x-ms-content-length', ...chunked],
  ],
  [
    'Put Range, clear',
    put('/rec/d/f?comp=range', { ...range, 'x-ms-write': 'clear' }),
    201,
    [...version, 'x-ms-file-last-write-time', length],
  ],
  ['List Directories and Files', { path: '/rec/d?restype=directory&comp=list' }, 200, chunked],
  [
    'Get Directory Properties',
    { path: '/rec/d?restype=directory' },
    200,
    [...smb, 'x-ms-server-encrypted', length],
  ],
  [
    'Rename File',
    put('/rec/d/g?comp=rename', { 'x-ms-file-rename-source': source }),
    200,
    [...smb, written, length],
  ],
  [
    'Get File Properties of nothing',
    { method: 'HEAD', path: '/rec/d/f' },
    404,
    ['transfer-encoding', 'x-ms-error-code'],
  ],
  [
    'Lease File',
    put('/rec/d/g?comp=lease', acquire),
    201,
    [...version, 'x-ms-lease-id', 'transfer-encoding'],
  ],
  ['Delete File without its lease', { method: 'DELETE', path: '/rec/d/g' }, 412, refusal],
  ['Delete File', { method: 'DELETE', path: '/rec/d/c' }, 202, [length]],
  ['Get Directory Properties of nothing', { path: '/rec/e?restype=directory' }, 404, refusal],
  ['Delete Share', { method: 'DELETE', path: '/rec?restype=share' }, 202, [length]],
  [
    'Create Share for NFS',
    put('/rec?restype=share', { 'x-ms-enabled-protocols': 'NFS' }),
    201,
    [...version, length],
  ],
  ['Create Directory over NFS', put('/rec/d?restype=directory'), 201, [...nfs, written, length]],
  ['Create File over NFS', create('/rec/d/f'), 201, [...nfs, written, length]],
  [
    'Create Symbolic Link',
    put('/rec/d/l?restype=symboliclink', { 'x-ms-link-text': '/d/f', 'x-ms-owner': '345' }),
    201,
    [...nfs, written, length],
  ],
]

// The recordings differ in these among themselves, or they belong to the connection.
const ignored = new Set([
  'date',
  'server',
  'connection',
  'keep-alive',
  'vary',
  'x-ms-request-id',
  'x-ms-version',
])

describe('azure files answers as recorded', () => {
  before(async () => {
    kit = await startFilesKit()
    kit.assign('Storage File Data Privileged Contributor')
    kit.assign('Storage Account Contributor')
    token = await kit.exchange()
  })
  after(() => kit.close())

  for (const [what, request, status, names] of sessions) {
    test(what, async () => {
      const answer = await kit.call(token, request)
      assert.equal(answer.status, status, answer.text)
      const found = Object.keys(answer.headers).filter((name) => !ignored.has(name))
      assert.deepEqual(found.toSorted(), names.toSorted())
      for (const name of ['x-ms-request-id', 'x-ms-version', 'server', 'date']) {
        assert.ok(answer.headers[name], `${name} is there`)
      }
    })
  }
})
