import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { Fault } from '../core/fault.ts'
import {
  createLog,
  faultLines,
  progressLine,
  showBytes,
  skippedLine,
  summaryLine,
} from './report.ts'

describe('the report', () => {
  it('sums up in one line', () => {
    const summary = {
      action: 'upload' as const,
      files: 1204,
      bytes: 52_300_000,
      durationMs: 1800,
      place: 'https://a/c/p',
    }
    assert.equal(
      summaryLine(summary),
      'uploaded 1,204 files, 52.3 MB in 1.8 s (29.1 MB/s) to https://a/c/p',
    )
    assert.match(
      summaryLine({ ...summary, action: 'download', files: 1 }),
      /^downloaded 1 file,.* from /,
    )
  })

  it('writes bytes as people do', () => {
    const cases: [number, string][] = [
      [0, '0 B'],
      [999, '999 B'],
      [1000, '1 kB'],
      [1_049_999, '1 MB'],
      [52_300_000, '52.3 MB'],
      [999_960_000, '1 GB'],
      [123_456_789, '123 MB'],
    ]
    for (const [bytes, text] of cases) assert.equal(showBytes(bytes), text)
  })

  it('never shows more than everything', () => {
    assert.equal(
      progressLine({ bytes: 30_000_000, totalBytes: 20_000_000 }, 65_000),
      '30 MB of 20 MB (100 %) after 1 min 5 s',
    )
  })

  it('says what was left out only when something was', () => {
    assert.equal(skippedLine({ dotted: 0, links: 0, special: 0 }), undefined)
    assert.match(
      skippedLine({ dotted: 2, links: 1, special: 0 }) ?? '',
      /2 with a leading dot.*1 symbolic link/,
    )
  })

  it('ends a failure with what to do, the code and the exit', () => {
    const lines = faultLines(new Fault('transfer_no_files', 'No file matches.'))
    assert.match(lines[0] ?? '', /^error: No file/)
    assert.match(lines[1] ?? '', /^what to do: /)
    assert.equal(lines[2], 'code transfer_no_files, exit 4')
  })

  it('lets no name start a line or an escape sequence of its own', () => {
    const written: string[] = []
    createLog((text) => written.push(text))('failed: a\nb\u001b]1338;card\u0007')
    assert.deepEqual(written, ['failed: a b ]1338;card\n'])
  })
})
