import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'

import type { Compression } from '../job.ts'
import { openSource, type SourceFile } from '../local/read.ts'
import { compressInMemoryBytes, compressSource } from './compress.ts'

const unpack = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync }
const compressions: readonly Compression[] = ['gzip', 'br', 'zstd']

// Text-like content that compresses, but not to nothing.
function textOf(sizeBytes: number): Buffer {
  const block = Buffer.alloc(Math.min(sizeBytes, 300_007))
  let state = 1
  for (let at = 0; at < block.length; at++) {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648
    block[at] = 97 + (Math.floor(state / 65_536) % 7)
  }
  return sizeBytes === 0 ? block : Buffer.alloc(sizeBytes, block)
}

async function readAll(source: SourceFile, pieceBytes: number): Promise<Buffer> {
  const whole = Buffer.alloc(source.sizeBytes)
  for (let at = 0; at < whole.length; at += pieceBytes) {
    await source.readInto(whole.subarray(at, at + pieceBytes), at)
  }
  return whole
}

describe('a compressed source', () => {
  let folder = ''
  const open = async (content: Buffer) => {
    const path = join(folder, 'file')
    await writeFile(path, content)
    return openSource({ path, sizeBytes: content.length })
  }
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'asd-'))
  })
  after(() => rm(folder, { recursive: true }))

  for (const compression of compressions) {
    for (const sizeBytes of [0, 1, 100_000, compressInMemoryBytes + 1]) {
      it(`by ${compression} unpacks to the ${sizeBytes} bytes of the file, the same on every run`, async () => {
        const plain = textOf(sizeBytes)
        const seen: Buffer[] = []
        const first = await compressSource(await open(plain), compression, (piece) => {
          seen.push(Buffer.from(piece))
        })
        const second = await compressSource(await open(plain), compression)
        const bytes = await readAll(first, 70_001)
        assert.ok(unpack[compression](bytes).equals(plain))
        assert.ok(Buffer.concat(seen).equals(plain))
        assert.ok(bytes.equals(await readAll(second, 1_000_000)))
        assert.ok(sizeBytes < 100_000 || bytes.length < sizeBytes / 2)
        assert.match(first.sourceId, new RegExp(`\\n${compression}$`))
        await first.close()
        await second.close()
      })
    }
  }

  it('notices when the file is written to meanwhile, or gets shorter', async () => {
    const source = await compressSource(await open(textOf(1000)), 'gzip')
    await source.assertUnchanged()
    await writeFile(join(folder, 'file'), 'other')
    await assert.rejects(source.assertUnchanged(), { code: 'transfer_file_changed' })
    await source.close()
    const torn = await open(textOf(compressInMemoryBytes + 1))
    await writeFile(join(folder, 'file'), 'short')
    await assert.rejects(compressSource(torn, 'zstd'), { code: 'transfer_file_changed' })
    await torn.close()
  })

  it('does not give bytes that are not there', async () => {
    for (const sizeBytes of [10, compressInMemoryBytes + 1]) {
      const source = await compressSource(await open(textOf(sizeBytes)), 'gzip')
      const tooMuch = source.readInto(Buffer.alloc(10), source.sizeBytes - 5)
      await assert.rejects(tooMuch, { code: 'transfer_file_changed' })
      await source.close()
    }
  })

  it('leaves nothing in the temporary folder, not even while it is open', async () => {
    const ours = async () => {
      const folders = (await readdir(tmpdir())).filter((name) => name.startsWith('asd-'))
      const inside = folders.map((name) => readdir(join(tmpdir(), name)).catch(() => []))
      return (await Promise.all(inside)).flat().filter((name) => name === 'compressed')
    }
    const source = await compressSource(await open(textOf(compressInMemoryBytes + 1)), 'gzip')
    assert.deepEqual(await ours(), [])
    await source.close()
  })
})
