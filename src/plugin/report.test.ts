import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import { Fault } from '../core/fault.ts'
import { Secret } from '../core/secret.ts'
import { toCard } from './card.ts'
import { toJson, toVariables } from './output.ts'
import { barText, measure, progressLine, startProgress } from './progress.ts'
import {
  createLog,
  failureLines,
  faultLines,
  showBytes,
  showSeconds,
  skippedLine,
  summaryLine,
} from './report.ts'
import type { Result } from './result.ts'

const result: Result = {
  title: '',
  action: 'upload',
  url: 'https://a/c/p',
  place: 'to https://a/c/p',
  dryRun: false,
  files: 1204,
  bytes: 52_300_000,
  durationMs: 1800,
  counts: { send: 1204 },
  failures: [],
  notDone: 0,
  done: [],
  links: [],
  planned: [],
  unproven: [],
}
const fault = new Fault('transfer_no_files', 'No file matches.')

describe('the report', () => {
  it('sums up in one line', () => {
    assert.equal(
      summaryLine(result),
      'uploaded 1,204 files, 52.3 MB in 1.8 s (29.1 MB/s) to https://a/c/p',
    )
    assert.match(
      summaryLine({ ...result, action: 'download', files: 1, place: 'from x into y' }),
      /^downloaded 1 file,.* from x into y$/,
    )
    assert.equal(
      summaryLine({
        ...result,
        action: 'sync',
        counts: { send: 1204, keep: 20_000, remove: 2, set: 1 },
      }),
      'synced 1,204 files, 52.3 MB in 1.8 s (29.1 MB/s) to https://a/c/p; 20,000 left as they are, 1 with new properties only, 2 removed',
    )
    assert.equal(
      summaryLine({
        ...result,
        action: 'remove',
        place: 'in x',
        counts: { remove: 1204 },
        dryRun: true,
      }),
      'dry run: would have removed 1,204 files in x',
    )
  })

  it('writes bytes and times as people do', () => {
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
    assert.deepEqual([59_949, 59_960, 119_900, 125_000].map(showSeconds), [
      '59.9 s',
      '1 min 0 s',
      '2 min 0 s',
      '2 min 5 s',
    ])
  })

  it('says what was left out only when something was', () => {
    assert.equal(skippedLine({ dotted: 0, links: 0, special: 0 }), undefined)
    assert.match(
      skippedLine({ dotted: 2, links: 1, special: 0 }) ?? '',
      /2 with a leading dot.*1 symbolic link/,
    )
  })

  it('names failed files up to a length that can be read', () => {
    const failures = Array.from({ length: 205 }, (_, index) => ({ name: `f${index}`, fault }))
    const lines = failureLines({ failures, notDone: 7 })
    assert.equal(lines.length, 202)
    assert.equal(lines[0], 'failed: f0: No file matches. (transfer_no_files)')
    assert.equal(lines[1], 'failed: f1: likewise (transfer_no_files)')
    assert.deepEqual(lines.slice(-2), [
      'and 5 more that failed',
      'not transferred because of that: 7 files',
    ])
  })

  it('ends a failure with what to do, the code and the exit', () => {
    const lines = faultLines(fault)
    assert.match(lines[0] ?? '', /^error: No file/)
    assert.match(lines[1] ?? '', /^what to do: /)
    assert.equal(lines[2], 'code transfer_no_files, exit 4')
  })

  it('ends an explained failure with the verdict, its fix, and the command', () => {
    const verdict = { code: 'azure_entra_propagating', sentence: 'Not yet.', fix: 'Wait.' }
    const command = 'azure-storage-drone doctor'
    assert.deepEqual(faultLines(fault, { verdict, command }).slice(1), [
      'verdict: azure_entra_propagating Not yet.',
      'what to do: Wait.',
      'to look again: azure-storage-drone doctor',
      'code transfer_no_files, exit 4',
    ])
    const fine = { code: 'ok', sentence: 'Everything works.', fix: 'Nothing.' }
    const [, , hint] = faultLines(fault, { verdict: fine, command })
    assert.equal(hint, `what to do: ${fault.hint}`)
  })

  it('lets no name start a line or an escape sequence of its own', () => {
    const written: string[] = []
    createLog((text) => written.push(text))('failed: a\nb\u001b]1338;card\u0007')
    assert.deepEqual(written, ['failed: a b ]1338;card\n'])
  })
})

describe('progress', () => {
  const whole = { bytes: 20_000_000, files: 10 }

  it('never shows more than everything', () => {
    const state = measure({ bytes: 30_000_000, files: 11 }, whole, [{ atMs: 0, bytes: 0 }], 1000)
    assert.equal(progressLine(state), '20 MB of 20 MB (100 %), 10 of 10 files, 30 MB/s, 0.0 s left')
  })

  it('tells rate and rest by what went lately', () => {
    const samples = [{ atMs: 0, bytes: 0 }]
    for (let at = 1; at < 40; at++) measure({ bytes: 0, files: 0 }, whole, samples, at * 1000)
    const state = measure({ bytes: 2_400_000, files: 1 }, whole, samples, 40_000)
    assert.match(
      progressLine(state),
      /^2\.4 MB of 20 MB \(12 %\), 1 of 10 files, 100 kB\/s, 2 min 56 s left$/,
    )
  })

  it('goes by files where no byte moves, and says what it does not know', () => {
    const none = measure({ bytes: 0, files: 5 }, { bytes: 0, files: 10 }, [], 0)
    assert.match(progressLine(none), /\(50 %\), 5 of 10 files, 0 B\/s$/)
    assert.equal(
      progressLine(measure({ bytes: 5000, files: 0 }, undefined, [], 0)),
      '5 kB so far, 0 B/s',
    )
  })

  it('draws a bar that fits the terminal', () => {
    const state = measure({ bytes: 10_000_000, files: 5 }, whole, [], 0)
    assert.match(barText(state, 120), /^\[#{15}\.{15}\] 10 MB of/)
    for (let columns = 0; columns < 120; columns++) {
      assert.ok(barText(state, columns).length <= Math.max(0, columns - 1), String(columns))
    }
  })

  it('is a line now and then in a log, and one redrawn line on a terminal', async () => {
    const lines: string[] = []
    const drawn: string[] = []
    const turns: (() => void)[] = []
    const deps = {
      now: () => new Date(0),
      sleep: () => new Promise<void>((resolve) => turns.push(resolve)),
      log: (line: string) => lines.push(line),
    }
    const turn = async () => {
      turns.shift()?.()
      await new Promise((resolve) => setImmediate(resolve))
    }
    const plain = startProgress(deps, whole, 'auto')
    plain.addBytes(5_000_000)
    plain.addFile()
    await turn()
    plain.close()
    await turn()
    assert.deepEqual(lines, ['5 MB of 20 MB (25 %), 1 of 10 files, 0 B/s'])
    const screen = { columns: () => 80, write: (text: string) => drawn.push(text) }
    const bar = startProgress({ ...deps, screen }, whole, 'auto')
    await turn()
    bar.close()
    assert.equal(drawn.length, 2)
    assert.match(drawn[0] ?? '', /^\r\[\.+\] 0 B of 20 MB/)
    assert.ok(drawn[0]?.endsWith('\u001b[K'))
    assert.equal(drawn[1], '\r\u001b[K')
  })
})

describe('the outputs', () => {
  const link = {
    name: 'a',
    url: new Secret('https://h/a?sig=geheim'),
    expiresAt: new Date('2026-11-23T00:15:00Z'),
  }
  const report = { results: [{ ...result, links: [link] }], durationMs: 2000 }

  it('are variables that a shell reads back, whatever is in them', () => {
    const text = toVariables({ ...report, results: [{ ...result, url: `https://a/it's $(x)` }] })
    assert.match(text, /^AZURE_STORAGE_DRONE_STATUS='done'$/m)
    assert.match(text, /^AZURE_STORAGE_DRONE_FILES='1204'$/m)
    assert.match(text, /^AZURE_STORAGE_DRONE_URL='https:\/\/a\/it'\\''s \$\(x\)'$/m)
  })

  it('number the transfers when there are several', () => {
    const text = toVariables({ results: [result, { ...result, files: 1 }], fault, durationMs: 1 })
    assert.match(text, /STATUS='failed'[^]*_FILES='1205'[^]*_1_FILES='1204'[^]*_2_FILES='1'/)
  })

  it('hold a link in a file, and not where a log would have it', () => {
    assert.match(toVariables(report), /_LINK='https:\/\/h\/a\?sig=geheim'/)
    assert.match(toJson(report, { showsLinks: true }), /geheim/)
    assert.doesNotMatch(toJson(report, { showsLinks: false }), /geheim/)
    assert.doesNotMatch(toCard('https://t/card.json', report), /geheim/)
  })

  it('name every failed file in the document', () => {
    const failures = Array.from({ length: 500 }, (_, index) => ({ name: `f${index}`, fault }))
    const text = toJson(
      { results: [{ ...result, failures }], fault, durationMs: 1 },
      { showsLinks: false },
    )
    const document = JSON.parse(text)
    assert.equal(document.status, 'failed')
    assert.equal(document.error.code, 'transfer_no_files')
    assert.equal(document.transfers[0].failures.length, 500)
  })

  it('are a card in one line that begins with what the runner looks for', () => {
    const text = toCard('https://t', report)
    assert.ok(text.startsWith('\u001b]1338;') && text.endsWith('\u001b]0m\n'))
    const encoded = text.slice('\u001b]1338;'.length, -'\u001b]0m\n'.length)
    assert.match(encoded, /^[\w+/=]+$/)
    const card = JSON.parse(Buffer.from(encoded, 'base64').toString())
    assert.equal(card.schema, 'https://t')
    assert.deepEqual(card.data.transfers, [
      {
        action: 'upload',
        url: 'https://a/c/p',
        files: '1,204 files',
        size: '52.3 MB',
        duration: '1.8 s',
        failed: 0,
        names: [],
        more: '',
      },
    ])
  })

  it('can be quoted for any text without a NUL', () => {
    fc.assert(
      fc.property(fc.string(), (url) => {
        const text = toVariables({ ...report, results: [{ ...result, url }] })
        const [, quoted = ''] = /_URL=('[^]*?')\nAZURE|_URL=('[^]*')\n$/.exec(`${text}AZURE`) ?? []
        assert.equal(quoted.slice(1, -1).replaceAll(String.raw`'\''`, "'"), url)
      }),
    )
  })
})
