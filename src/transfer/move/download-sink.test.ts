import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'node:test'

import * as fc from 'fast-check'

import { crc64Of } from '../crc64/crc64.ts'
import { openFolder } from '../local/write.ts'
import { createBufferPool } from './buffers.ts'
import { createRangeSink } from './download-sink.ts'

it('brings pieces of any length to disk in order, on quick disks and slow ones', async () => {
  const root = mkdtempSync(join(tmpdir(), 'asd-sink-'))
  const pool = createBufferPool(1024 * 1024)
  const lengths = fc.array(fc.integer({ min: 1, max: 300_000 }), { maxLength: 12 })
  let count = 0
  try {
    await fc.assert(
      fc.asyncProperty(lengths, fc.boolean(), fc.nat(1000), async (sizes, isSlow, start) => {
        let nowMs = 0
        // On the slow disk every write seems to take a minute.
        const now = () => new Date((nowMs += isSlow ? 60_000 : 0))
        const name = `f${count++}`
        const part = openFolder({ pid: 1, now }, root, { replaces: true }).create([name])
        const sink = createRangeSink(part, pool, { start, isSummed: true })
        const memory = Buffer.alloc(300_000)
        const all: Buffer[] = []
        for (const [index, size] of sizes.entries()) {
          const piece = memory.subarray(0, size).fill(index + 1)
          all.push(Buffer.from(piece))
          await sink.accept(piece)
          memory.fill(0xee)
        }
        const content = Buffer.concat(all)
        const sum = await sink.end()
        await sink.close()
        part.commit({})
        assert.deepEqual(sum, { crc64: crc64Of(content), sizeBytes: content.length })
        if (content.length > 0) {
          assert.ok(readFileSync(join(root, name)).subarray(start).equals(content))
        }
      }),
      { numRuns: 40 },
    )
  } finally {
    rmSync(root, { recursive: true })
  }
})
