import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'

import * as fc from 'fast-check'

import { Fault } from '../../core/fault.ts'
import { account, type FilesKit, startFilesKit } from '../../lab/files/files.fixture.ts'
import type { Remote, RemoteFile } from '../remote.ts'
import { openShare, type Service, writeOf } from './remote.fixture.ts'

let kit: FilesKit
let service: Service
let remote: Remote
let close: () => void
let share = ''
let count = 0

const bytes = (text: string) => Buffer.from(text)
const put = (name: string, text: string) => remote.putWhole(name, bytes(text), writeOf(bytes(text)))
const operations = () => kit.files.calls.map(({ operation }) => operation)

async function listAll(prefix: string): Promise<RemoteFile[]> {
  const found: RemoteFile[] = []
  for await (const page of remote.list(prefix)) found.push(...page)
  return found.toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

async function readAll(name: string, etag?: string): Promise<string> {
  const pieces: Buffer[] = []
  await remote.read(name, {
    from: 0,
    to: 1_000_000,
    ...(etag !== undefined && { etag }),
    onPiece: (piece) => void pieces.push(Buffer.from(piece)),
  })
  return Buffer.concat(pieces).toString()
}

// Whether a failure is a Fault with this code of the service.
function saying(storageCode: string): (error: unknown) => boolean {
  return (error) => error instanceof Fault && error.details['storageCode'] === storageCode
}

describe('what is in a file share', () => {
  before(async () => {
    kit = await startFilesKit()
    kit.assign('Storage File Data Privileged Contributor')
    const { authority } = kit.entraKit
    service = {
      origin: new URL(kit.files.url),
      pathPrefix: `/${account}`,
      caPem: authority.caPem,
      token: await kit.exchange(),
      now: () => kit.entraKit.time,
    }
  })
  beforeEach(() => {
    close?.()
    share = `share-${count++}`
    kit.files.createShare(account, share)
    kit.files.limit({ withoutContent: false, withoutStructured: false, pageLength: 5000 })
    ;({ remote, close } = openShare(service, share))
    kit.files.forgetCalls()
  })
  after(async () => {
    close()
    await kit.close()
  })

  it('keeps empty files and links', async () => {
    await put('empty', '')
    await remote.putWhole(
      'link',
      bytes('../a'),
      writeOf(bytes('../a'), { attributes: { linkTarget: '../a' } }),
    )
    assert.equal(await readAll('empty'), '')
    assert.equal((await remote.stat('empty'))?.sizeBytes, 0)
    assert.equal((await remote.stat('link'))?.kind, 'link')
    assert.equal(await readAll('link'), '../a')
  })

  it('lists all levels, page by page, without uploads under way', async () => {
    kit.files.limit({ pageLength: 2 })
    const names = ['a', 'b/c', 'b/d/e', 'b/d/f', 'b/g', 'bb', 'h/i/j/k']
    await Promise.all(names.map((name) => put(name, name)))
    await remote.openParts('b/big', { sizeBytes: 10, sourceId: 's' }, writeOf(bytes('')))
    const files = (await listAll('')).filter(({ kind }) => kind === 'file')
    assert.deepEqual(
      files.map(({ name }) => name),
      names,
    )
    assert.deepEqual(
      files.map(({ sizeBytes }) => sizeBytes),
      names.map(({ length }) => length),
    )
    const folders = (await listAll('')).filter(({ kind }) => kind === 'folder')
    assert.deepEqual(
      folders.map(({ name }) => name),
      ['b', 'b/d', 'h', 'h/i', 'h/i/j'],
    )
    assert.deepEqual(
      (await listAll('b/d/')).map(({ name }) => name),
      ['b/d/e', 'b/d/f'],
    )
    assert.deepEqual((await listAll('b')).length, 7)
    assert.deepEqual(await listAll('none/of/this'), [])
    assert.deepEqual(await listAll('a/below-a-file'), [])
    const [first] = await listAll('a')
    assert.equal(first?.etag, (await remote.stat('a'))?.etag)
  })

  it('says that a share is missing, and not that it is empty', async () => {
    const { remote: other, close: closeOther } = openShare(service, 'nothere')
    const absent = saying('ShareNotFound')
    await assert.rejects(other.list('').next(), absent)
    await assert.rejects(other.stat('x'), absent)
    await assert.rejects(other.putWhole('a/b', bytes('x'), writeOf(bytes('x'))), absent)
    closeOther()
  })

  it('goes on reading where a connection was cut, and never with another version', async () => {
    const { etag } = await put('x', 'a long text that is cut in its middle')
    kit.files.failNext({ count: 2, status: 0, code: '', operation: 'GetFile', cuts: 'middle' })
    assert.equal(await readAll('x', etag), 'a long text that is cut in its middle')
    assert.equal(operations().filter((name) => name === 'GetFile').length, 3)
    await put('x', 'changed')
    await assert.rejects(readAll('x', etag), { code: 'transfer_blob_changed' })
    const options = { from: 3, to: 5, onPiece: () => undefined }
    assert.equal((await remote.read('x', options)).sizeBytes, 7)
    await assert.rejects(remote.read('x', { ...options, from: 9, to: 10 }), {
      code: 'transfer_blob_changed',
    })
    await assert.rejects(readAll('none'), saying('ResourceNotFound'))
  })

  it('makes, finds and removes folders', async () => {
    const none = { kind: 'none' as const }
    await remote.putFolder(
      'a/empty/',
      writeOf(bytes(''), { digests: {}, attributes: { mode: 0o700 } }),
    )
    await remote.putFolder('a/empty', writeOf(bytes('')))
    assert.equal((await remote.stat('a/empty'))?.kind, 'folder')
    assert.equal((await remote.stat('a/empty'))?.attributes.mode, 0o700)
    await put('a/empty/x', '1')
    await assert.rejects(
      remote.remove({ name: 'a/empty', kind: 'folder' }, none),
      saying('DirectoryNotEmpty'),
    )
    assert.equal(await remote.remove({ name: 'a/empty/x', kind: 'file' }, none), true)
    assert.equal(await remote.remove({ name: 'a/empty/x', kind: 'file' }, none), false)
    assert.equal(await remote.remove({ name: 'a/empty', kind: 'folder' }, none), true)
    assert.equal(await remote.remove({ name: 'a/empty', kind: 'folder' }, none), false)
    assert.equal(await remote.stat('a/empty'), undefined)
  })

  it('opens another connection when nothing comes any more', async () => {
    const stalled = openShare(service, share, { stallMs: 100 })
    await put('x', 'a long text that hangs in its middle')
    kit.files.failNext({ count: 1, status: 0, code: '', operation: 'GetFile', cuts: 'hang' })
    const pieces: Buffer[] = []
    const onPiece = (piece: Buffer) => void pieces.push(Buffer.from(piece))
    await stalled.remote.read('x', { from: 0, to: 100, onPiece })
    assert.equal(Buffer.concat(pieces).toString(), 'a long text that hangs in its middle')
    stalled.close()
  })

  it('reads the links and modes of a share that speaks NFS', async () => {
    kit.files.createShare(account, `nfs-${share}`, 'NFS')
    const token = service.token
    const headers = { 'x-ms-link-text': '../the target', 'x-ms-mode': '0777' }
    const path = `/nfs-${share}/link?restype=symboliclink`
    const made = await kit.call(token, { method: 'PUT', path, headers })
    assert.equal(made.status, 201, made.text)
    const nfs = openShare(service, `nfs-${share}`)
    const link = await nfs.remote.stat('link')
    assert.equal(link?.kind, 'link')
    assert.equal(link?.attributes.linkTarget, '../the target')
    const pieces: Buffer[] = []
    const onPiece = (piece: Buffer) => void pieces.push(piece)
    await nfs.remote.read('link', { from: 0, to: 100, onPiece })
    assert.equal(Buffer.concat(pieces).toString(), '../the target')
    nfs.close()
  })

  it('keeps modes and links as a share that speaks NFS does', async () => {
    kit.files.createShare(account, `nfs-${share}`, 'NFS')
    const nfs = openShare(service, `nfs-${share}`)
    const shown = () => kit.files.snapshot(account, `nfs-${share}`)
    const write = writeOf(bytes('x'), { attributes: { mode: 0o754 } })
    await nfs.remote.putFolder('d', write)
    await nfs.remote.putWhole('d/x', bytes('x'), write)
    assert.equal((await nfs.remote.stat('d'))?.attributes.mode, 0o754)
    assert.equal((await nfs.remote.stat('d/x'))?.attributes.mode, 0o754)
    assert.equal(shown().get('d/x')?.metadata['asdmode'], undefined)
    await nfs.remote.setProperties('d/x', writeOf(bytes('x'), { attributes: { mode: 0o600 } }))
    assert.equal((await nfs.remote.stat('d/x'))?.attributes.mode, 0o600)
    for (const linkTarget of ['../a%20b', 'Übung/ä b']) {
      const link = writeOf(bytes(linkTarget), { attributes: { linkTarget } })
      await nfs.remote.putWhole('e/link', bytes(linkTarget), link)
      assert.equal(shown().get('e/link')?.kind, 'link')
      assert.equal((await nfs.remote.stat('e/link'))?.attributes.linkTarget, linkTarget)
      const create = { ...link, condition: { kind: 'absent' as const } }
      await assert.rejects(nfs.remote.putWhole('e/link', bytes(linkTarget), create), {
        code: 'transfer_target_exists',
      })
    }
    assert.equal(await nfs.remote.remove({ name: 'e/link', kind: 'link' }, { kind: 'none' }), true)
    nfs.close()
  })

  it('gives odd names back as they were', async () => {
    const letter = fc.oneof(
      fc.string({ unit: 'grapheme', minLength: 1, maxLength: 3 }),
      fc.constantFrom(
        '%',
        '#',
        ' ',
        '.',
        '&',
        "'",
        'é',
        'e\u0301',
        '+',
        ';',
        '~',
        '😀',
        '\uffff',
        '..a',
      ),
    )
    const name = fc
      .array(
        fc.array(letter, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('')),
        {
          minLength: 1,
          maxLength: 3,
        },
      )
      .map((segments) => segments.join('/'))
      .filter((text) => {
        try {
          remote.assertName(text)
          return true
        } catch {
          return false
        }
      })
    await fc.assert(
      fc.asyncProperty(name, fc.integer({ min: 0, max: 1e9 }), async (text, number) => {
        const own = `t${number}/${text}`
        await put(own, text)
        assert.equal(await readAll(own), text)
        assert.equal((await listAll(own)).find((file) => file.name === own)?.name, own)
      }),
      { numRuns: 60 },
    )
  })
})
