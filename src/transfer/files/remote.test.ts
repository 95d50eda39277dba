import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'

import { account, type FilesKit, startFilesKit } from '../../lab/files/files.fixture.ts'
import type { Remote } from '../remote.ts'
import { openShare, type Service, writeOf } from './remote.fixture.ts'

let kit: FilesKit
let service: Service
let remote: Remote
let sleeps: number[]
let close: () => void
let share = ''
let count = 0

const bytes = (text: string) => Buffer.from(text)
const put = (name: string, text: string) => remote.putWhole(name, bytes(text), writeOf(bytes(text)))
const contents = () => kit.files.snapshot(account, share)
const operations = () => kit.files.calls.map(({ operation }) => operation)

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

describe('a file share over the wire', () => {
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
    ;({ remote, sleeps, close } = openShare(service, share))
    kit.files.forgetCalls()
  })
  after(async () => {
    close()
    await kit.close()
  })

  it('takes a small file in one request, with everything that is kept beside it', async () => {
    const content = bytes('hello')
    const properties = {
      contentType: 'text/x-greeting',
      contentEncoding: 'identity',
      contentLanguage: 'en',
      contentDisposition: 'inline',
      cacheControl: 'no-cache',
      metadata: { build: '7' },
      tags: {},
    }
    const modifiedAtMs = Date.parse('2020-02-03T04:05:06.789Z')
    const write = writeOf(content, { properties, attributes: { mode: 0o755, modifiedAtMs } })
    const written = await remote.putWhole('hello.txt', content, write)
    // Whoever has a mode to keep asks the share, once, whether it keeps modes itself.
    assert.deepEqual(operations(), ['GetDirectoryProperties', 'CreateFile'])
    await remote.putWhole('again.txt', content, write)
    assert.deepEqual(operations().slice(2), ['CreateFile'])
    const found = await remote.stat('hello.txt')
    assert.deepEqual(found, {
      name: 'hello.txt',
      kind: 'file',
      sizeBytes: 5,
      etag: written.etag,
      modifiedAtMs: Math.floor(kit.entraKit.time.getTime() / 1000) * 1000,
      digests: write.digests,
      properties,
      attributes: { mode: 0o755, modifiedAtMs },
    })
    assert.equal(await readAll('hello.txt', written.etag), 'hello')
  })

  it('makes every folder once, however many files wait for it', async () => {
    const names = Array.from({ length: 40 }, (_, index) => `a/b/${index % 4}/f${index}`)
    await Promise.all(names.map((name) => put(name, name)))
    const made = kit.files.calls.filter(({ operation }) => operation === 'CreateDirectory')
    const there = made.filter(({ status }) => status === 201)
    assert.equal(there.length, 6)
    assert.ok(made.length <= 12, `${made.length} requests for 6 folders`)
    assert.deepEqual(
      [...contents()]
        .filter(([, { kind }]) => kind === 'file')
        .map(([name]) => name)
        .toSorted(),
      names.toSorted(),
    )
  })

  it('makes a folder again that somebody has removed meanwhile', async () => {
    await put('gone/a', '1')
    await remote.remove({ name: 'gone/a', kind: 'file' }, { kind: 'none' })
    const { remote: other, close: closeOther } = openShare(service, share)
    await other.remove({ name: 'gone', kind: 'folder' }, { kind: 'none' })
    closeOther()
    await put('gone/b', '2')
    assert.deepEqual([...contents().keys()], ['gone', 'gone/b'])
  })

  it('creates only where there is nothing, without a gap in which another could write', async () => {
    const condition = { kind: 'absent' as const }
    const texts = ['one', 'two', 'three']
    const results = await Promise.allSettled(
      texts.map((text) => remote.putWhole('x', bytes(text), writeOf(bytes(text), { condition }))),
    )
    assert.equal(results.filter(({ status }) => status === 'fulfilled').length, 1)
    for (const result of results) {
      if (result.status === 'rejected') assert.equal(result.reason.code, 'transfer_target_exists')
    }
    assert.deepEqual([...contents().keys()], ['x'], 'no temporary file is left')
  })

  it('knows its own write again when the answer to it was lost', async () => {
    kit.files.failNext({ count: 1, status: 0, code: '', operation: 'RenameFile', cuts: 'answer' })
    const write = writeOf(bytes('mine'), { condition: { kind: 'absent' } })
    const written = await remote.putWhole('mine', bytes('mine'), write)
    assert.equal((await remote.stat('mine'))?.etag, written.etag)
  })

  it('replaces only the version it was told', async () => {
    const { etag } = await put('x', 'one')
    await put('x', 'two')
    const condition = { kind: 'match' as const, etag }
    const write = writeOf(bytes('three'), { condition })
    const changed = { code: 'transfer_blob_changed' }
    await assert.rejects(remote.putWhole('x', bytes('three'), write), changed)
    await assert.rejects(remote.setProperties('x', write), changed)
    await assert.rejects(remote.remove({ name: 'x', kind: 'file' }, condition), changed)
    assert.equal(await readAll('x'), 'two')
  })

  it('is refused when the content is not what was summed', async () => {
    const wrong = writeOf(bytes('other'))
    const refusal = { code: 'transfer_checksum_mismatch' }
    await assert.rejects(remote.putWhole('x', bytes('hello'), wrong), refusal)
    const md5 = { digests: { md5: 'XUFAKrxLKna5cZ2REBfFkg==' } }
    await remote.putWhole('y', bytes('hello'), writeOf(bytes('hello'), md5))
    await assert.rejects(
      remote.putWhole('y', bytes('hullo'), writeOf(bytes('hello'), md5)),
      refusal,
    )
    assert.equal(await readAll('y'), 'hello')
  })

  it('falls back to what an older service takes, and remembers', async () => {
    kit.files.limit({ withoutStructured: true })
    await put('a', 'hello')
    await put('b', 'hello')
    assert.deepEqual(operations(), ['CreateFile', 'CreateFile', 'CreateFile'])
    kit.files.limit({ withoutContent: true })
    await put('c', 'hello')
    kit.files.forgetCalls()
    await put('d', 'hello')
    assert.deepEqual(operations(), ['CreateFile', 'PutRange'])
    const modifiedAtMs = Date.parse('2019-01-01T00:00:00.000Z')
    const dated = writeOf(bytes('hello'), { attributes: { modifiedAtMs } })
    await remote.putWhole('dated', bytes('hello'), dated)
    assert.equal((await remote.stat('dated'))?.attributes.modifiedAtMs, modifiedAtMs)
    const wrong = writeOf(bytes('other'))
    await assert.rejects(
      remote.putWhole('e', bytes('hello'), wrong).then(() => readAll('e')),
      {
        code: 'transfer_checksum_mismatch',
      },
    )
    for (const name of ['a', 'b', 'c', 'd']) assert.equal(await readAll(name), 'hello')
  })

  it('waits and tries again when the account is busy', async () => {
    kit.files.failNext({ count: 2, status: 503, code: 'ServerBusy', retryAfterSeconds: 3 })
    await put('x', 'hello')
    assert.deepEqual(sleeps, [3000, 3000])
  })

  it('replaces properties and leaves the content', async () => {
    await put('x', 'hello')
    const modifiedAtMs = Date.parse('2021-01-01T00:00:00.000Z')
    const write = writeOf(bytes('hello'), {
      properties: {
        contentType: 'text/css',
        cacheControl: 'max-age=1',
        metadata: { a: 'b' },
        tags: {},
      },
      attributes: { modifiedAtMs, mode: 0o600 },
    })
    const { etag } = await remote.setProperties('x', write)
    const found = await remote.stat('x')
    assert.equal(found?.etag, etag)
    assert.deepEqual(found?.properties, write.properties)
    assert.deepEqual(found?.attributes, write.attributes)
    assert.deepEqual(found?.digests, write.digests)
    assert.equal(await readAll('x'), 'hello')
  })
})
