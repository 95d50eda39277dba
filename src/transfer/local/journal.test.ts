import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import { openJournal, parseJournal, readJournal } from './journal.ts'

const plain = { noNullPrototype: true }
const anyRange = fc.record(
  {
    from: fc.nat(1e6),
    sizeBytes: fc.integer({ min: 1, max: 1e6 }),
    crc64: fc
      .uint8Array({ minLength: 8, maxLength: 8 })
      .map((bytes) => Buffer.from(bytes).toString('base64')),
  },
  plain,
)
const anyVersion = fc.record({
  source: fc.string({ unit: 'grapheme' }),
  etag: fc.string(),
  sizeBytes: fc.constant(2e6),
})

function withFile(work: (path: string) => void) {
  const folder = mkdtempSync(join(tmpdir(), 'asd-journal-'))
  try {
    work(join(folder, 'journal'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}

describe('the journal of a download', () => {
  it('gives back what was noted, and after any cut a beginning of it', () => {
    fc.assert(
      fc.property(
        anyVersion,
        fc.uniqueArray(anyRange, { selector: ({ from }) => from, maxLength: 8 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (version, ranges, cut) =>
          withFile((path) => {
            const journal = openJournal(path, version, { isNew: true })
            for (const range of ranges) journal.note(range)
            journal.close()
            assert.deepEqual(readJournal(path, version), ranges)
            const text = readFileSync(path, 'latin1')
            const torn = parseJournal(text.slice(0, Math.floor(text.length * cut)), version)
            if (torn) assert.deepEqual(torn, ranges.slice(0, torn.length))
          }),
      ),
      { numRuns: 50 },
    )
  })

  it('belongs to one version of one source', () => {
    withFile((path) => {
      const version = { source: 's', etag: 'e', sizeBytes: 10 }
      openJournal(path, version, { isNew: true }).close()
      assert.deepEqual(readJournal(path, version), [])
      for (const other of [{ source: 't' }, { etag: 'f' }, { sizeBytes: 11 }]) {
        assert.equal(readJournal(path, { ...version, ...other }), undefined)
      }
      assert.equal(readJournal(`${path}-none`, version), undefined)
    })
  })

  it('takes nothing for a range that is none, or that lies beyond the end', () => {
    withFile((path) => {
      const version = { source: 's', etag: 'e', sizeBytes: 10 }
      const journal = openJournal(path, version, { isNew: true })
      journal.note({ from: 8, sizeBytes: 3, crc64: 'AAAAAAAAAAA=' })
      appendFileSync(path, '0 5 short\n-1 5 AAAAAAAAAAA=\n0 0 AAAAAAAAAAA=\nnonsense\n\n')
      journal.note({ from: 5, sizeBytes: 5, crc64: 'AAAAAAAAAAA=' })
      journal.close()
      assert.deepEqual(readJournal(path, version), [
        { from: 5, sizeBytes: 5, crc64: 'AAAAAAAAAAA=' },
      ])
    })
  })
})
