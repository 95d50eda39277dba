import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'

import * as fc from 'fast-check'

import { crc64Of } from '../crc64/crc64.ts'
import type { Part } from '../remote.ts'
import { chooseBlockBytes, readBlockList, toBlockId } from './blocks.ts'
import { openRemoteBench, writing } from './remote.fixture.ts'
import { XmlError } from './xml.ts'

let bench: Awaited<ReturnType<typeof openRemoteBench>>

const source = { sizeBytes: 9, sourceId: 'source-1' }
const contents = ['one', 'two', 'end'].map((text) => Buffer.from(text))
const parts: Part[] = contents.map((content, index) => ({
  index,
  offset: 3 * index,
  sizeBytes: 3,
  digests: { crc64: crc64Of(content) },
}))
const bare: Part[] = parts.map((part) => ({ ...part, digests: {} }))
const putLines = () => bench.store.log.filter((line) => line.includes('comp=block&'))

async function upload(list: readonly Part[], write = writing()) {
  const writer = await bench.remote.openParts('big', source, write)
  for (const part of list) {
    const content = contents[part.index] ?? assert.fail()
    if (!writer.holds(part)) await writer.put(part, content)
  }
  return writer.commit(list, write)
}

describe('a blob in blocks', () => {
  beforeEach(async () => {
    bench = await openRemoteBench()
  })
  afterEach(() => bench.close())

  it('appears at once, with everything beside it', async () => {
    const write = writing({
      digests: { crc64: crc64Of(Buffer.concat(contents)) },
      properties: { cacheControl: 'no-cache' },
    })
    const writer = await bench.remote.openParts('big', source, write)
    const body = { sizeBytes: 3, readInto: async (buffer: Buffer) => void buffer.write('one') }
    await writer.put(parts[0] ?? assert.fail(), body)
    assert.equal(await bench.remote.stat('big'), undefined)
    const { etag } = await upload(parts, write)
    assert.equal(putLines().length, 3)
    const file = (await bench.remote.stat('big')) ?? assert.fail()
    assert.deepEqual([file.etag, file.sizeBytes], [etag, 9])
    assert.deepEqual(file.digests, write.digests)
  })

  it('does not send again what an earlier run has sent or the blob has', async () => {
    const writer = await bench.remote.openParts('big', source, writing())
    await writer.put(parts[1] ?? assert.fail(), contents[1] ?? assert.fail())
    await upload(parts)
    assert.equal(putLines().length, 3)
    await upload(parts)
    assert.equal(putLines().length, 3)
    const changed = Buffer.from('eNd')
    contents[2] = changed
    await upload(
      parts.with(2, { ...(parts[2] ?? assert.fail()), digests: { crc64: crc64Of(changed) } }),
    )
    assert.equal(putLines().length, 4)
    assert.equal(bench.store.blobs.get('big')?.body.toString(), 'onetwoeNd')
    contents[2] = Buffer.from('end')
  })

  it('is bound to the version of its source when there are no checksums', async () => {
    const writer = await bench.remote.openParts('big', source, writing())
    await writer.put(bare[0] ?? assert.fail(), contents[0] ?? assert.fail())
    const same = await bench.remote.openParts('big', source, writing())
    const other = await bench.remote.openParts('big', { ...source, sourceId: 's2' }, writing())
    assert.deepEqual(
      [same, other].map((each) => each.holds(bare[0] ?? assert.fail())),
      [true, false],
    )
  })

  for (const [tool, idBytes] of [
    ['a tool with long names', 64],
    ['a tool with short names', 5],
  ] as const) {
    it(`can be written over the leftovers of ${tool}`, async () => {
      const id = Buffer.alloc(idBytes, 'x').toString('base64')
      bench.store.staged.set('big', new Map([[id, Buffer.from('left over')]]))
      await upload(parts)
      assert.equal(bench.store.blobs.get('big')?.body.toString(), 'onetwoend')
      assert.ok(!bench.store.staged.has('big'))
    })
  }

  it('obeys conditions, and knows its own commit again when the answer was lost', async () => {
    const condition = { kind: 'absent' } as const
    bench.store.spoil = loseFirst('PUT /ccc/big?comp=blocklist')
    const { etag } = await upload(parts, writing({ condition }))
    assert.equal(etag, bench.store.blobs.get('big')?.etag)
    await assert.rejects(upload(parts, writing({ condition })), { code: 'transfer_target_exists' })
  })

  it('says that somebody else wrote when its blocks are gone', async () => {
    const writer = await bench.remote.openParts('big', source, writing())
    await writer.put(parts[0] ?? assert.fail(), contents[0] ?? assert.fail())
    await bench.remote.putWhole('big', Buffer.from('theirs'), writing())
    await assert.rejects(writer.commit(parts.slice(0, 1), writing()), {
      code: 'transfer_blob_changed',
    })
  })

  it('has blocks that are long enough for the fast path and few enough for the service', () => {
    const mebibyte = 1024 * 1024
    assert.equal(chooseBlockBytes(1), 8 * mebibyte)
    assert.equal(chooseBlockBytes(4 * 1024 * mebibyte), 8 * mebibyte)
    assert.equal(chooseBlockBytes(4 * 1024 * mebibyte + 1), 16 * mebibyte)
    fc.assert(
      fc.property(fc.nat({ max: 190 * 2 ** 40 }), (sizeBytes) => {
        const blockBytes = chooseBlockBytes(sizeBytes)
        assert.ok(Math.ceil(sizeBytes / blockBytes) <= 50_000)
        assert.equal(blockBytes % (8 * mebibyte), 0)
        assert.ok(blockBytes <= 4_000 * mebibyte)
      }),
    )
  })

  it('has names of one length, another one for every part', () => {
    const part = fc.record({
      index: fc.nat(49_999),
      offset: fc.constant(0),
      sizeBytes: fc.integer({ min: 1, max: 2 ** 32 }),
      digests: fc.oneof(
        fc.constant({}),
        fc.uint8Array({ minLength: 8, maxLength: 8 }).map((sum) => ({
          crc64: Buffer.from(sum).toString('base64'),
        })),
      ),
    })
    fc.assert(
      fc.property(part, part, fc.integer({ min: 4, max: 64 }), (a, b, idBytes) => {
        const [first, second] = [toBlockId(a, 's', idBytes), toBlockId(b, 's', idBytes)]
        assert.equal(Buffer.from(first, 'base64').length, idBytes)
        if (a.index !== b.index) assert.notEqual(first, second)
        const isSame = first === second
        if (idBytes === 48) {
          const { index, sizeBytes, digests } = a
          const same = { index, sizeBytes, digests }
          assert.equal(
            isSame,
            JSON.stringify(same) ===
              JSON.stringify({ index: b.index, sizeBytes: b.sizeBytes, digests: b.digests }),
          )
        }
      }),
    )
  })

  it('refuses a block list that is none', () => {
    for (const xml of [
      '',
      '<EnumerationResults/>',
      '<BlockList><CommittedBlocks><Block><Name>a</Name></Block></CommittedBlocks></BlockList>',
    ]) {
      assert.throws(() => readBlockList(Buffer.from(xml)), XmlError)
    }
  })
})

function loseFirst(line: string) {
  let isLost = false
  return (seen: string) => {
    if (seen !== line || isLost) return undefined
    isLost = true
    return 'lose-answer' as const
  }
}
