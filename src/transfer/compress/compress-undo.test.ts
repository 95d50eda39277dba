import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'

import * as fc from 'fast-check'

import type { Compression } from '../job.ts'
import { type Bounds, createDecompressor } from './compress-undo.ts'
import { toCompression } from './content-encoding.ts'

const pack = { gzip: gzipSync, br: brotliCompressSync, zstd: zstdCompressSync }
const compressions: readonly Compression[] = ['gzip', 'br', 'zstd']

async function undo(
  compression: Compression,
  content: Buffer,
  { pieceBytes = 1000, bounds }: { pieceBytes?: number; bounds?: Bounds } = {},
): Promise<Buffer> {
  const pieces: Buffer[] = []
  const keep = async (piece: Buffer) => {
    await new Promise((resolve) => setImmediate(resolve))
    pieces.push(Buffer.from(piece))
  }
  const options = { name: 'a/b', ...(bounds && { bounds }) }
  const decompressor = createDecompressor(compression, keep, options)
  // A transport uses its memory again as soon as a piece is taken.
  const memory = Buffer.alloc(pieceBytes)
  for (let at = 0; at < content.length; at += pieceBytes) {
    const length = content.copy(memory, 0, at)
    await decompressor.write(memory.subarray(0, length))
    memory.fill(0xee)
  }
  await decompressor.end()
  return Buffer.concat(pieces)
}

describe('unpacking', () => {
  it('gives back what was compressed, in pieces of any length', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...compressions),
        fc.uint8Array({ maxLength: 5000 }),
        fc.integer({ min: 1, max: 3000 }),
        async (compression, bytes, pieceBytes) => {
          const plain = Buffer.concat([bytes, Buffer.alloc(pieceBytes * 3, 'ab'), bytes])
          const packed = pack[compression](plain)
          assert.ok((await undo(compression, packed, { pieceBytes })).equals(plain))
        },
      ),
      { numRuns: 60 },
    )
  })

  for (const compression of compressions) {
    const plain = Buffer.from('some text, '.repeat(20_000))
    const packed = pack[compression](plain)

    it(`refuses ${compression} that is cut, empty, something else, or followed by something`, async () => {
      const broken = [
        packed.subarray(0, -1),
        packed.subarray(0, packed.length / 2),
        Buffer.alloc(0),
        Buffer.from('<html>this was never compressed at all</html>'),
        Buffer.concat([packed, Buffer.from('<html>')]),
      ]
      for (const [index, content] of broken.entries()) {
        for (const pieceBytes of [7, 100_000]) {
          const undone = undo(compression, content, { pieceBytes })
          await assert.rejects(undone, { code: 'transfer_encoding_invalid' }, `${index}`)
        }
      }
    })

    it(`ends ${compression} that grows beyond its bounds`, async () => {
      const bomb = pack[compression](Buffer.alloc(4_000_000))
      const bounds = { freeBytes: 100_000, ratio: 10 }
      await assert.rejects(undo(compression, bomb, { bounds }), {
        code: 'transfer_expands_too_far',
      })
      const free = { freeBytes: 4_000_000, ratio: 1 }
      assert.equal((await undo(compression, bomb, { bounds: free })).length, 4_000_000)
      assert.ok((await undo(compression, pack[compression](plain), { bounds: free })).equals(plain))
    })
  }

  it('reads several frames behind each other where that is allowed', async () => {
    const [a, b] = [Buffer.from('first '.repeat(999)), Buffer.from('second '.repeat(999))]
    for (const compression of ['gzip', 'zstd'] as const) {
      const packed = Buffer.concat([a, b].map((plain) => pack[compression](plain)))
      for (const pieceBytes of [1, 13, 100_000]) {
        assert.ok((await undo(compression, packed, { pieceBytes })).equals(Buffer.concat([a, b])))
      }
    }
  })

  it('passes on what the taker throws, and lets go', async () => {
    const wrong = async () => {
      throw new RangeError('full')
    }
    const decompressor = createDecompressor('gzip', wrong, { name: 'x' })
    const writing = async () => {
      await decompressor.write(gzipSync(Buffer.alloc(100_000)))
      await decompressor.end()
    }
    await assert.rejects(writing(), RangeError)
    decompressor.destroy()
    createDecompressor('zstd', wrong, { name: 'x' }).destroy()
  })

  it('knows the encodings it can undo', () => {
    assert.deepEqual(
      ['gzip', 'GZIP ', 'x-gzip', 'br', 'zstd', 'deflate', 'gzip, br', '', undefined].map((name) =>
        toCompression(name),
      ),
      ['gzip', 'gzip', 'gzip', 'br', 'zstd', undefined, undefined, undefined, undefined],
    )
  })
})
