import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, describe, it } from 'node:test'

import { crc64Of } from '../crc64/crc64.ts'
import { spoilFirst } from './blob-store.fixture.ts'
import { openRemoteBench, writing } from './remote.fixture.ts'

type Bench = Awaited<ReturnType<typeof openRemoteBench>>
let bench: Bench

const hello = Buffer.from('hello')
const absent = { kind: 'absent' } as const

async function readAll({ remote }: Bench, name: string, to = 1_000_000): Promise<string> {
  const pieces: Buffer[] = []
  const onPiece = (piece: Buffer, offset: number): undefined => {
    assert.equal(offset, Buffer.concat(pieces).length)
    pieces.push(Buffer.from(piece))
  }
  await remote.read(name, { from: 0, to, onPiece })
  return Buffer.concat(pieces).toString()
}

describe('a blob container', () => {
  beforeEach(async () => {
    bench = await openRemoteBench({ stallMs: 200 })
  })
  afterEach(() => bench.close())

  it('keeps everything that is written beside a content', async () => {
    const write = writing({
      digests: { crc64: crc64Of(hello), sourceCrc64: crc64Of(Buffer.from('x')) },
      attributes: { mode: 0o755, modifiedAtMs: Date.UTC(2024, 1, 2, 3, 4, 5, 678) },
      properties: {
        contentType: 'text/css',
        contentEncoding: 'gzip',
        contentLanguage: 'de',
        contentDisposition: 'inline',
        metadata: { owner: 'me' },
        tier: 'Cool',
      },
    })
    const { etag } = await bench.remote.putWhole('a', hello, write)
    const { modifiedAtMs, ...file } = (await bench.remote.stat('a')) ?? assert.fail()
    assert.equal(modifiedAtMs, 0)
    assert.deepEqual(file, {
      name: 'a',
      kind: 'file',
      sizeBytes: 5,
      etag,
      digests: write.digests,
      attributes: write.attributes,
      properties: write.properties,
    })
    assert.equal(bench.store.blobs.get('a')?.headers['x-ms-meta-asdmode'], '0755')
    assert.equal(bench.store.blobs.get('a')?.headers['x-ms-meta-mtime'], '2024-02-02T03:04:05.678Z')
  })

  it('sends a checksum with the content, and takes a damaged one for what it is', async () => {
    const md5 = createHash('md5').update(hello).digest('base64')
    await bench.remote.putWhole('a', hello, writing({ digests: { md5 } }))
    assert.equal(bench.store.blobs.get('a')?.headers['x-ms-blob-content-md5'], md5)
    for (const digests of [{ md5 }, { crc64: crc64Of(hello) }]) {
      const put = bench.remote.putWhole('b', Buffer.from('hallo'), writing({ digests }))
      await assert.rejects(put, { code: 'transfer_checksum_mismatch' })
    }
    assert.ok(!bench.store.blobs.has('b'))
  })

  it('refuses to replace, or to replace another version than was seen', async () => {
    const { etag } = await bench.remote.putWhole('a', hello, writing({ condition: absent }))
    const again = bench.remote.putWhole('a', hello, writing({ condition: absent }))
    await assert.rejects(again, { code: 'transfer_target_exists' })
    const match = { kind: 'match', etag } as const
    await bench.remote.putWhole('a', hello, writing({ condition: match }))
    const stale = bench.remote.putWhole('a', hello, writing({ condition: match }))
    await assert.rejects(stale, { code: 'transfer_blob_changed' })
  })

  for (const kind of ['absent', 'match'] as const) {
    it(`knows its own write again when the answer was lost (${kind})`, async () => {
      const { etag } = await bench.remote.putWhole('b', hello, writing())
      const [name, condition] = kind === 'absent' ? ['a', absent] : ['b', { kind, etag } as const]
      spoilFirst(bench.store, 'PUT', 'lose-answer')
      const written = await bench.remote.putWhole(name, hello, writing({ condition }))
      assert.equal(written.etag, bench.store.blobs.get(name)?.etag)
      const puts = bench.store.log.filter((line) => line === `PUT /ccc/${name}`)
      assert.equal(puts.length, kind === 'absent' ? 2 : 3)
    })
  }

  it('does not take a stranger’s write for its own when the answer was lost', async () => {
    const { store, remote } = bench
    spoilFirst(store, 'PUT', { status: 500, code: 'OperationTimedOut' })
    store.blobs.set('a', { body: hello, etag: '"s"', headers: {}, blocks: new Map() })
    const put = remote.putWhole('a', hello, writing({ condition: absent }))
    await assert.rejects(put, { code: 'transfer_target_exists' })
  })

  it('waits as long as the account asks, tells of it, and gives up at last', async () => {
    const busy = { status: 503, code: 'ServerBusy', headers: { 'retry-after': '3' } }
    spoilFirst(bench.store, 'PUT', busy, 2)
    await bench.remote.putWhole('a', hello, writing())
    assert.deepEqual(bench.sleeps, [3_000, 3_000])
    assert.deepEqual(bench.throttles, [3_000, 3_000])
    spoilFirst(bench.store, 'PUT', { status: 500, code: 'OperationTimedOut' }, 99)
    await assert.rejects(bench.remote.putWhole('a', hello, writing()), {
      code: 'azure_storage_unavailable',
    })
    assert.deepEqual(bench.throttles.slice(2), Array(6).fill(undefined))
  })

  it('tries as often as it is told', async () => {
    const other = await openRemoteBench({ tries: 2 })
    spoilFirst(other.store, 'GET', { status: 502, code: '' }, 99)
    await assert.rejects(readAll(other, 'a'), { code: 'azure_storage_unavailable' })
    assert.equal(other.store.log.length, 2)
    await other.close()
  })

  it('finds nothing where there is nothing, and tells an absent container apart', async () => {
    assert.equal(await bench.remote.stat('a'), undefined)
    assert.equal(await bench.remote.remove({ name: 'a', kind: 'file' }, { kind: 'none' }), false)
    const elsewhere = bench.inContainer('nnn')
    const absentContainer = { code: 'azure_storage_container_absent' }
    await assert.rejects(elsewhere.stat('a'), absentContainer)
    await assert.rejects(elsewhere.remove({ name: 'a', kind: 'file' }, absent), absentContainer)
    await assert.rejects(
      elsewhere.openParts('a', { sizeBytes: 9, sourceId: 's' }, writing()),
      absentContainer,
    )
    await assert.rejects(elsewhere.list('').next(), absentContainer)
  })

  it('removes only the version that was seen', async () => {
    const { etag } = await bench.remote.putWhole('a', hello, writing())
    const file = { name: 'a', kind: 'file' } as const
    const stale = bench.remote.remove(file, { kind: 'match', etag: '"old"' })
    await assert.rejects(stale, { code: 'transfer_blob_changed' })
    assert.equal(await bench.remote.remove(file, { kind: 'match', etag }), true)
    assert.equal(bench.store.blobs.size, 0)
  })

  it('takes a blob for removed by itself when the answer was lost', async () => {
    await bench.remote.putWhole('a', hello, writing())
    const { store } = bench
    spoilFirst(store, 'DELETE', { status: 500, code: 'InternalError' })
    store.blobs.delete('a')
    assert.equal(await bench.remote.remove({ name: 'a', kind: 'file' }, { kind: 'none' }), true)
  })

  it('replaces properties and leaves the content', async () => {
    const { etag } = await bench.remote.putWhole(
      'a',
      hello,
      writing({ digests: { md5: 'XUFAKrxLKna5cZ2REBfFkg==' } }),
    )
    const properties = { contentType: 'text/html', metadata: { b: '2' }, cacheControl: 'no-cache' }
    const write = writing({ properties, condition: { kind: 'match', etag } })
    const written = await bench.remote.setProperties('a', write)
    const file = (await bench.remote.stat('a')) ?? assert.fail()
    assert.equal(file.etag, written.etag)
    assert.deepEqual(file.properties, { contentType: 'text/html', metadata: { b: '2' }, tags: {} })
    assert.equal(bench.store.blobs.get('a')?.headers['x-ms-blob-cache-control'], 'no-cache')
    assert.equal(await readAll(bench, 'a'), 'hello')
    await assert.rejects(bench.remote.setProperties('a', write), { code: 'transfer_blob_changed' })
  })

  for (const comp of ['metadata', 'properties']) {
    it(`knows its own change of ${comp} again when the answer was lost`, async () => {
      const { etag } = await bench.remote.putWhole('a', hello, writing())
      spoilFirst(bench.store, `comp=${comp}`, 'lose-answer')
      const properties = { contentType: 'text/html', metadata: { b: '2' } }
      const write = writing({ properties, condition: { kind: 'match', etag } })
      const written = await bench.remote.setProperties('a', write)
      assert.equal(written.etag, bench.store.blobs.get('a')?.etag)
      assert.deepEqual((await bench.remote.stat('a'))?.properties, { ...properties, tags: {} })
    })
  }

  it('sets tier and tags only when they are asked for', async () => {
    await bench.remote.putWhole('a', hello, writing())
    await bench.remote.setProperties('a', writing())
    assert.ok(!bench.store.log.some((line) => /comp=(tier|tags)/.test(line)))
    await bench.remote.setProperties(
      'a',
      writing({ properties: { tier: 'Hot', tags: { a: '1' } } }),
    )
    const comps = bench.store.log.slice(-2).map((line) => line.slice(line.indexOf('?')))
    assert.deepEqual(comps, ['?comp=tier', '?comp=tags'])
  })

  it('keeps folders and links as other tools do', async () => {
    await bench.remote.putFolder('f', writing())
    await bench.remote.putWhole(
      'l',
      Buffer.from('../x'),
      writing({ attributes: { linkTarget: '../x' } }),
    )
    assert.equal((await bench.remote.stat('f'))?.kind, 'folder')
    const link = (await bench.remote.stat('l')) ?? assert.fail()
    assert.deepEqual([link.kind, link.properties.metadata], ['link', {}])
  })

  describe('read', () => {
    it('goes on after a cut, with the same version', async () => {
      await bench.remote.putWhole('a', hello, writing())
      spoilFirst(bench.store, 'GET', 'cut-answer')
      assert.equal(await readAll(bench, 'a'), 'hello')
      assert.equal(bench.store.log.filter((line) => line.startsWith('GET')).length, 2)
    })

    it('goes on over another connection when nothing comes any more', async () => {
      await bench.remote.putWhole('a', hello, writing())
      spoilFirst(bench.store, 'GET', 'stall-answer', 3)
      assert.equal(await readAll(bench, 'a'), 'hello')
      assert.deepEqual(bench.sleeps, [])
    })

    it('gives up on a blob that stalls for ever', async () => {
      await bench.remote.putWhole('a', Buffer.alloc(1000), writing())
      spoilFirst(bench.store, 'GET', 'stall-answer', 99)
      await assert.rejects(readAll(bench, 'a'), { code: 'azure_storage_unreachable' })
      assert.equal(bench.store.log.filter((line) => line.startsWith('GET')).length, 6)
    })

    it('does not take a slow reader for a stall', async () => {
      await bench.remote.putWhole('a', hello, writing())
      const onPiece = () => new Promise<void>((resolve) => setTimeout(resolve, 450))
      await bench.remote.read('a', { from: 0, to: 9, onPiece })
      assert.equal(bench.store.log.filter((line) => line.startsWith('GET')).length, 1)
    })

    it('refuses the rest of another version', async () => {
      await bench.remote.putWhole('a', hello, writing())
      const { store } = bench
      spoilFirst(store, 'GET', 'cut-answer')
      const onPiece = (): undefined => {
        const blob = store.blobs.get('a')
        if (blob) store.blobs.set('a', { ...blob, etag: '"other"' })
      }
      const read = bench.remote.read('a', { from: 0, to: 9, onPiece })
      await assert.rejects(read, { code: 'transfer_blob_changed' })
    })

    it('gives an empty blob, and refuses a range behind the end', async () => {
      await bench.remote.putWhole('a', Buffer.alloc(0), writing())
      assert.equal(await readAll(bench, 'a'), '')
      const behind = bench.remote.read('a', { from: 7, to: 9, onPiece: () => undefined })
      await assert.rejects(behind, { code: 'transfer_blob_changed' })
    })

    it('passes on what its reader throws', async () => {
      await bench.remote.putWhole('a', hello, writing())
      const onPiece = () => Promise.reject(new RangeError('full'))
      await assert.rejects(bench.remote.read('a', { from: 0, to: 9, onPiece }), RangeError)
    })
  })

  describe('list', () => {
    it('gives all pages, and asks for the next one while the caller has one', async () => {
      bench.store.pageLength = 2
      for (const name of ['a/1', 'a/2', 'a/3', 'b', 'a/&']) {
        await bench.remote.putWhole(name, hello, writing({ digests: { crc64: crc64Of(hello) } }))
      }
      const names: string[] = []
      for await (const page of bench.remote.list('a/')) {
        assert.ok(page.every(({ digests }) => digests.crc64 === crc64Of(hello)))
        names.push(...page.map(({ name }) => name))
      }
      assert.deepEqual(names, ['a/&', 'a/1', 'a/2', 'a/3'])
      const pages = bench.remote.list('')
      const before = bench.store.log.length
      await pages.next()
      await bench.remote.stat('b')
      const lists = bench.store.log.slice(before).filter((line) => line.includes('comp=list'))
      assert.equal(lists.length, 2)
      await pages.return(undefined)
    })

    it('asks for smaller pages when metadata makes them too long', async () => {
      const metadata = { big: 'x'.repeat(7_000) }
      const headers = { 'x-ms-meta-big': metadata.big }
      for (let count = 0; count < 2_600; count++) {
        bench.store.blobs.set(`n${count}`, { body: hello, etag: '"1"', headers, blocks: new Map() })
      }
      let count = 0
      for await (const page of bench.remote.list('')) count += page.length
      assert.equal(count, 2_600)
      const wanted = bench.store.log.map((line) => /maxresults=(\d+)/.exec(line)?.[1])
      assert.deepEqual(wanted, ['2500', '1200', '1200', '1200'])
    })
  })
})
