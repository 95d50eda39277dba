import assert from 'node:assert/strict'
import { utimesSync } from 'node:fs'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import { linesOf, toDownload, toUpload, withBench } from '../engine.fixture.ts'
import { planJob, runPlan } from '../engine.ts'
import { isLeading } from './order.ts'
import { commonPrefix } from './plan-target.ts'

describe('overwrite', () => {
  it('never: keeps what exists, also when it appears only after the listing', () =>
    withBench(async (bench) => {
      for (const name of ['there', 'appears', 'new']) bench.write(name, 'mine')
      bench.remote.place('there', 'theirs')
      const plan = await planJob(bench.deps, toUpload(bench.folder, { overwrite: 'never' }))
      bench.remote.place('appears', 'theirs')
      const { counts, failures } = await runPlan(bench.deps, plan)
      assert.deepEqual(failures, [])
      assert.deepEqual([counts.keep, counts.send], [2, 1])
      assert.equal(bench.remote.files.get('appears')?.content.toString(), 'theirs')
    }))

  it('error: refuses before the first byte, and by condition what appears later', () =>
    withBench(async (bench) => {
      for (const name of ['a', 'b']) bench.write(name, 'mine')
      const job = toUpload(bench.folder, { overwrite: 'error' })
      const plan = await planJob(bench.deps, job)
      bench.remote.place('b', 'theirs')
      await assert.rejects(planJob(bench.deps, job), { code: 'transfer_target_exists' })
      assert.ok(!bench.remote.files.has('a'))
      const { failures } = await runPlan(bench.deps, plan)
      assert.equal(failures[0]?.fault.code, 'transfer_target_exists')
    }))

  it('newer: goes by the kept time, else by that of the service', () =>
    withBench(async (bench) => {
      const kept = { modifiedAtMs: Date.UTC(2027, 0, 1) }
      bench.remote.place('kept', 'x', { attributes: kept })
      bench.remote.place('plain', 'x')
      for (const name of ['kept', 'plain', 'new']) {
        bench.write(name, 'x')
        utimesSync(bench.path(name), new Date(), new Date(Date.UTC(2026, 6, 1)))
      }
      assert.deepEqual(await linesOf(bench, toUpload(bench.folder, { overwrite: 'newer' })), [
        'keep kept, 1 byte: newer',
        'send new, 1 byte: new',
        'send plain, 1 byte: newer',
      ])
    }))
})

describe('overwrite on disk', () => {
  it('error: refuses before anything is written when a file exists', () =>
    withBench(async (bench) => {
      for (const name of ['a', 'd/b']) bench.remote.place(name, 'new')
      bench.write('d/b', 'old')
      const job = toDownload(bench.folder, { overwrite: 'error' })
      await assert.rejects(planJob(bench.deps, job), { code: 'transfer_target_exists' })
      assert.deepEqual(bench.tree(), ['d', 'd/b'])
    }))

  it('never: keeps what exists, also when it appears only after the plan', () =>
    withBench(async (bench) => {
      for (const name of ['there', 'appears', 'new']) bench.remote.place(name, 'theirs')
      bench.write('there', 'mine')
      const plan = await planJob(bench.deps, toDownload(bench.folder, { overwrite: 'never' }))
      bench.write('appears', 'mine')
      const { counts, failures } = await runPlan(bench.deps, plan)
      assert.deepEqual(failures, [])
      assert.deepEqual([counts.keep, counts.fetch], [2, 1])
      assert.equal(bench.read('appears').toString(), 'mine')
      assert.deepEqual(bench.tree(), ['appears', 'new', 'there'])
    }))

  it('newer: fetches only what is newer than the file', () =>
    withBench(async (bench) => {
      for (const name of ['old', 'new']) bench.remote.place(name, 'x')
      for (const [name, year] of [
        ['old', 2020],
        ['new', 2030],
      ] as const) {
        bench.write(name, 'y')
        utimesSync(bench.path(name), new Date(), new Date(Date.UTC(year, 0, 1)))
      }
      assert.deepEqual(await linesOf(bench, toDownload(bench.folder, { overwrite: 'newer' })), [
        'fetch old, 1 byte: newer',
        'keep new, 1 byte: newer',
      ])
    }))
})

describe('a plan', () => {
  it('is one line for each step, whatever a name holds', async () => {
    const { describeStep } = await import('../engine.ts')
    const line = describeStep({ kind: 'keep', name: 'a\n\u001b[31mb', sizeBytes: 1, why: 'same' })
    assert.equal(line, 'keep a [31mb, 1 byte: same')
  })

  it('asks for the names themselves when they are few, and lists their common beginning otherwise', () =>
    withBench(async (bench) => {
      for (const name of ['a1', 'a2']) bench.write(name, 'x')
      const job = toUpload(bench.folder, { overwrite: 'changed', target: 'x/y' })
      await planJob(bench.deps, job)
      assert.deepEqual(bench.remote.log.toSorted(), ['stat x/y/a1', 'stat x/y/a2'])
      for (let i = 0; i < 20; i++) bench.write(`a${i}`, 'x')
      bench.remote.log.length = 0
      await planJob(bench.deps, job)
      assert.deepEqual(bench.remote.log, ['list x/y/a'])
    }))

  it('warns of nothing found when that is no error', () =>
    withBench(async (bench) => {
      const select = { sources: ['nothing-here'], ifNoFiles: 'warn' } as const
      const plan = await planJob(bench.deps, toDownload(bench.folder, { select }))
      assert.match(plan.warning ?? '', /nothing-here/)
      assert.deepEqual((await runPlan(bench.deps, plan)).failures, [])
    }))

  it('lists by a beginning that all names really have', () => {
    const name = fc.string({ unit: fc.constantFrom('a', 'b', '/', '🎉', '🎈') })
    fc.assert(
      fc.property(fc.array(name, { minLength: 1 }), (names) => {
        const prefix = commonPrefix(names)
        assert.ok(prefix.isWellFormed())
        assert.ok(names.every((each) => each.startsWith(prefix)))
      }),
    )
  })

  it('takes pages, feeds, manifests and service workers for what leads to all else', () => {
    for (const name of [
      'index.html',
      'a/b.HTM',
      'sitemap.xml',
      'feed.json',
      'sw.js',
      'a/service-worker.js',
      'app.webmanifest',
    ]) {
      assert.ok(isLeading(name), name)
    }
    for (const name of ['app.js', 'html', 'data.json', 'swift.js', 'a.html/logo.png']) {
      assert.ok(!isLeading(name), name)
    }
  })
})
