// Microsoft's own client, unmodified, against the lab: it is the proof that the lab speaks Azure Files.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'

import { RestError, type ShareClient } from '@azure/storage-file-share'

import { account, type FilesKit, startFilesKit } from './files.fixture.ts'

let kit: FilesKit

describe('azure sdk for files', () => {
  before(async () => {
    kit = await startFilesKit()
  })
  beforeEach(() => {
    kit.entraKit.renewApp()
    kit.assign('Storage File Data Privileged Contributor', 'files')
  })
  after(() => kit.close())

  const openShare = (style: 'host' | 'path' = 'host', options = {}): ShareClient =>
    kit.openSdk(style, options).getShareClient('files')

  for (const style of ['path', 'host'] as const) {
    test(`writes, lists and reads ${style}-style`, async () => {
      const directory = openShare(style).getDirectoryClient(`tree-${style}`)
      await directory.create({ metadata: { of: 'drone' } })
      const names = ['Übung 50% #1.txt', 'a+b &amp; c', 'z']
      for (const name of names) {
        await directory.getFileClient(name).uploadData(Buffer.from(`in ${name}`))
      }
      await directory.createSubdirectory('sub')
      const found: string[] = []
      for await (const { kind, name } of directory.listFilesAndDirectories()) {
        found.push(`${kind} ${name}`)
      }
      const files = names.toSorted().map((name) => `file ${name}`)
      assert.deepEqual(found.toSorted(), ['directory sub', ...files].toSorted())
      for (const name of names) {
        const content = await directory.getFileClient(name).downloadToBuffer()
        assert.equal(content.toString(), `in ${name}`)
      }
      assert.deepEqual((await directory.getProperties()).metadata, { of: 'drone' })
    })
  }

  test('pages through a listing with everything in it', async () => {
    const directory = openShare().getDirectoryClient('paged')
    await directory.create()
    for (let index = 0; index < 7; index++) await directory.createFile(`f${index}`, index)
    const options = {
      includeTimestamps: true,
      includeEtag: true,
      includeAttributes: true,
      includePermissionKey: true,
      includeExtendedInfo: true,
      prefix: 'F',
    }
    const sizes: number[][] = []
    for await (const page of directory
      .listFilesAndDirectories(options)
      .byPage({ maxPageSize: 3 })) {
      for (const { attributes, properties } of page.segment.fileItems) {
        assert.equal(attributes, 'Archive')
        assert.ok(properties.etag && properties.lastWriteTime && properties.creationTime)
      }
      sizes.push(page.segment.fileItems.map(({ properties }) => properties.contentLength))
    }
    assert.deepEqual(sizes, [[0, 1, 2], [3, 4, 5], [6]])
  })

  test('writes, clears and lists ranges, and resizes', async () => {
    const file = openShare().getDirectoryClient('').getFileClient('ranges')
    await file.create(10_240)
    await file.uploadRange('x'.repeat(2048), 512, 2048)
    await file.uploadRange('y'.repeat(1024), 8192, 1024)
    await file.clearRange(1024, 512)
    assert.deepEqual((await file.getRangeList()).rangeList, [
      { start: 512, end: 1023 },
      { start: 1536, end: 2559 },
      { start: 8192, end: 9215 },
    ])
    await file.resize(2048)
    assert.deepEqual((await file.getRangeList()).rangeList, [
      { start: 512, end: 1023 },
      { start: 1536, end: 2047 },
    ])
    const content = await file.downloadToBuffer()
    assert.equal(
      content.toString('latin1').replaceAll('\0', '-').slice(500, 530),
      '-'.repeat(12) + 'x'.repeat(18),
    )
  })

  test('sends content with the creation, with MD5 and with CRC-64 in a structured body', async () => {
    const directory = openShare().getDirectoryClient('')
    const content = Buffer.from('content that came along')
    for (const contentChecksumAlgorithm of ['Customized', 'StorageCrc64'] as const) {
      const file = directory.getFileClient(`with-${contentChecksumAlgorithm}`)
      await file.create(content.length)
      await file.uploadRange(content, 0, content.length, { contentChecksumAlgorithm })
      assert.ok((await file.downloadToBuffer()).equals(content))
    }
    assert.equal(
      kit.files.snapshot(account, 'files').get('with-StorageCrc64')?.content.toString(),
      content.toString(),
    )
  })

  test('keeps properties, metadata and times', async () => {
    const file = openShare().getDirectoryClient('').getFileClient('kept')
    const lastWriteTime = new Date('2020-01-02T03:04:05.678Z')
    await file.create(3, {
      fileHttpHeaders: { fileContentType: 'text/x', fileCacheControl: 'no-store' },
      metadata: { a: '1' },
      lastWriteTime,
    })
    const first = await file.getProperties()
    assert.equal(first.contentType, 'text/x')
    assert.deepEqual(first.metadata, { a: '1' })
    assert.deepEqual(first.fileLastWriteOn, lastWriteTime)
    await file.setMetadata({ b: '2' })
    await file.setHttpHeaders({ fileContentLanguage: 'de' })
    const second = await file.getProperties()
    assert.deepEqual(second.metadata, { b: '2' })
    assert.equal(second.contentLanguage, 'de')
    assert.equal(second.cacheControl, undefined, 'headers that are not named are cleared')
    assert.notEqual(second.etag, first.etag)
  })

  test('renames files and directories, and copies', async () => {
    const share = openShare()
    const directory = share.getDirectoryClient('moving')
    await directory.create()
    const { fileClient } = await directory.createFile('one', 3)
    await fileClient.uploadRange('abc', 0, 3)
    await directory.createFile('two', 0)
    assert.deepEqual(await describeFailure(() => fileClient.rename('moving/two')), [
      409,
      'ResourceAlreadyExists',
    ])
    await fileClient.rename('moving/two', { replaceIfExists: true })
    await directory.rename('moved')
    const two = share.getDirectoryClient('moved').getFileClient('two')
    const copy = share.getDirectoryClient('').getFileClient('copy')
    assert.equal((await copy.startCopyFromURL(two.url)).copyStatus, 'success')
    assert.equal((await copy.downloadToBuffer()).toString(), 'abc')
    assert.equal(await fileClient.exists(), false)
  })

  test('holds a lease against writers without it', async () => {
    const file = openShare().getDirectoryClient('').getFileClient('leased')
    await file.create(1)
    const lease = file.getShareLeaseClient()
    await lease.acquireLease()
    assert.deepEqual(await describeFailure(() => file.uploadRange('a', 0, 1)), [
      412,
      'LeaseIdMissing',
    ])
    const leaseAccessConditions = { leaseId: lease.leaseId }
    await file.uploadRange('b', 0, 1, { leaseAccessConditions })
    await lease.releaseLease()
    await file.delete()
  })

  test('keeps dots at the end only when the client wants it', async () => {
    const keeping = openShare('host', { allowTrailingDot: true }).getDirectoryClient('dots.')
    await keeping.create()
    await keeping.getFileClient('kept...').create(0)
    await openShare().getDirectoryClient('').getFileClient('cut...').create(0)
    const names = kit.files.snapshot(account, 'files')
    assert.ok(names.has('dots.') && names.has('dots./kept...') && names.has('cut'))
  })

  test('manages shares with a role for the account, and not with one for data', async () => {
    const share = kit.openSdk('host').getShareClient('made-by-sdk')
    assert.deepEqual(await describeFailure(() => share.create()), [
      403,
      'AuthorizationPermissionMismatch',
    ])
    kit.assign('Storage Account Contributor')
    await share.create({ metadata: { a: 'b' } })
    const names: string[] = []
    for await (const { name } of kit.openSdk('host').listShares()) names.push(name)
    assert.deepEqual(names, ['files', 'made-by-sdk', 'others'])
    await share.delete()
  })

  test('makes and reads links in a share that speaks NFS', async () => {
    kit.files.createShare(account, 'nfs', 'NFS')
    kit.assign('Storage File Data Privileged Contributor', 'nfs')
    const directory = kit.openSdk('host').getShareClient('nfs').getDirectoryClient('')
    const file = directory.getFileClient('File')
    await file.create(0, {
      posixProperties: {
        fileMode: {
          owner: { read: true, write: true, execute: false },
          group: { read: false, write: false, execute: false },
          other: { read: false, write: false, execute: false },
          effectiveUserIdentity: false,
          effectiveGroupIdentity: false,
          stickyBit: false,
        },
      },
    })
    await directory.getFileClient('file').create(0)
    const link = directory.getFileClient('link')
    const made = await link.createSymbolicLink('./File')
    assert.equal(made.posixProperties?.fileType, 'SymLink')
    assert.equal((await link.getSymbolicLink()).linkText, './File')
    assert.equal((await file.getProperties()).posixProperties?.fileMode?.group.read, false)
    assert.deepEqual([...kit.files.snapshot(account, 'nfs').keys()], ['File', 'file', 'link'])
  })
})

async function describeFailure(call: () => Promise<unknown>): Promise<unknown> {
  try {
    await call()
    return 'no failure'
  } catch (error) {
    if (!(error instanceof RestError)) throw error
    return [error.statusCode, error.code]
  }
}
