// `trust review` month after month: what is new, known and solved, and that the trust service knows of it.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'

import { sha256Hex } from '../../src/core/digest.ts'
import type { RecordedReview } from '../../src/trust/admin-api.ts'
import type { ReviewCode } from '../../src/trust/review-rules.ts'
import { hello, put, startBench, type Bench } from './trust-review-bench.fixture.ts'
import { addSecret } from './trust-review.fixture.ts'

type Told = { code: ReviewCode; knownSince?: string }
type Report = {
  at: string
  findings: Told[]
  solved: Told[]
  unseen: Told[]
  lastReview?: RecordedReview | null
}

let bench: Bench

const shorten = (list: Told[]) => list.map(({ code, knownSince }) => [code, knownSince])

async function review(more = ''): Promise<Report> {
  return JSON.parse((await bench.review(` --format json${more}`)).text) as Report
}

function keep(report: Report): string {
  const file = join(bench.lab.folder, `${report.at}.json`)
  writeFileSync(file, JSON.stringify(report))
  return file
}

function listen(t: TestContext): () => string {
  const { mock } = t.mock.method(process.stderr, 'write', () => true)
  return () => mock.calls.map(({ arguments: [text] }) => String(text)).join('')
}

describe('trust review --since', () => {
  before(async () => {
    bench = await startBench()
  })
  after(() => bench.close())

  test('tells what is new, what is known since when, and what is solved', async () => {
    const undoSecret = addSecret(bench, 'password')
    bench.drone.know(hello, { isActive: false })
    const first = await review()
    bench.drone.know(hello)
    const undoLogs = put(bench.lab.azure.arm.state, 'diagnostics', [])
    const second = await review(` --since ${keep(first)}`)
    const third = await review(` --since ${keep(second)}`)
    const markdown = (await bench.review(` --since ${keep(first)}`)).text
    const sarif = (await bench.review(` --since ${keep(first)} --format sarif`)).text
    undoSecret()
    undoLogs()
    assert.deepEqual(shorten(second.findings), [
      ['review_application_secret', first.at],
      ['review_logs_off', undefined],
    ])
    assert.deepEqual(shorten(second.solved), [['review_repository_inactive', first.at]])
    assert.deepEqual(shorten(third.findings), [
      ['review_application_secret', first.at],
      ['review_logs_off', second.at],
    ])
    assert.deepEqual(third.solved, [])
    assert.match(markdown, /: 1 new, 1 known, 1 solved\./)
    assert.match(markdown, /`review_application_secret`, line \d+, known since 20/)
    assert.match(markdown, /`review_logs_off`, line \d+, new\n/)
    assert.match(markdown, /## Solved\n\n- \*\*A repository that is not active/)
    const states = (JSON.parse(sarif) as { runs: { results: { baselineState: string }[] }[] }).runs
    assert.deepEqual(
      states[0]?.results.map(({ baselineState }) => baselineState),
      ['unchanged', 'new'],
    )
  })

  test('calls nothing solved that it could not look at, and remembers it', async () => {
    bench.drone.know(hello, { isActive: false })
    const first = await review()
    const undo = put(bench.drone.settings, 'isAdmin', false)
    const second = await review(` --since ${keep(first)}`)
    undo()
    const third = await review(` --since ${keep(second)}`)
    bench.drone.know(hello)
    assert.deepEqual(second.solved, [])
    assert.deepEqual(shorten(second.unseen), [['review_repository_inactive', first.at]])
    assert.deepEqual(shorten(third.findings), [['review_repository_inactive', first.at]])
  })

  test('records each review at the service: the hash is that of what was printed', async () => {
    const undo = addSecret(bench, 'password')
    for (const format of ['markdown', 'json', 'sarif']) {
      const { code, text } = await bench.review(` --format ${format}`)
      assert.equal(code, 6)
      const { at: _, ...recorded } = bench.door.reviews.at(-1) ?? assert.fail()
      assert.deepEqual(recorded, {
        tenantId: bench.lab.azure.tenantId,
        policySha256: sha256Hex(bench.applied),
        reportSha256: sha256Hex(text),
        errors: 1,
        warnings: 0,
        notes: 0,
        by: 'alice',
      })
    }
    undo()
  })

  test('last tells of the review on record, and that there was none', async () => {
    const kept = bench.door.reviews.splice(0)
    assert.equal((await review(' --since last')).lastReview, null)
    const recorded = bench.door.reviews.at(-1)
    assert.deepEqual((await review(' --since last')).lastReview, recorded)
    const { text } = await bench.review(' --since last')
    assert.match(text, /The last review on record was that of 20.* by alice: 0 error\(s\)/)
    bench.door.reviews.unshift(...kept)
  })

  test('a review that cannot be recorded is told beside the report, and ends with 5', async (t) => {
    const told = listen(t)
    const undo = put(bench.door.settings, 'hasFullDisk', true)
    const { code, text } = await bench.review(' --format json')
    const undoSecret = addSecret(bench, 'password')
    const worse = await bench.review(' --format json')
    undoSecret()
    undo()
    assert.deepEqual([code, worse.code], [5, 6])
    assert.match(told(), /not on record at the trust service: The ledger cannot be written\./)
    assert.doesNotMatch(text, /ledger/)
  })
})
