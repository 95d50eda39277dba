import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { Fault } from '../../core/fault.ts'
import { crc64Of } from '../crc64/crc64.ts'
import { type Bench, toContent, toDownload, withBench } from '../engine.fixture.ts'
import { listJob, planJob, runPlan, verifyJob } from '../engine.ts'
import type { Selecting } from '../job.ts'
import { md5Of } from '../remote.fixture.ts'
import { findRemote } from '../select/remote-find.ts'

const mib = 1024 * 1024

function toVerify(target = '', select: Partial<Selecting> = {}) {
  const job = toDownload('', { select })
  return {
    action: 'verify' as const,
    select: job.select,
    naming: { target, stripPrefix: '', flatten: false },
  }
}

function place(bench: Bench, name: string, content: Buffer, kept = content) {
  bench.remote.place(name, content, { digests: { crc64: crc64Of(kept) } })
}

describe('verify', () => {
  it('reads everything and names every content that is not its sum', () =>
    withBench(async (bench) => {
      const damaged = toContent(20 * mib)
      damaged[12 * mib] = 1
      place(bench, 'fine', Buffer.from('x'))
      place(bench, 'big', toContent(20 * mib))
      place(bench, 'bad', Buffer.from('x'), Buffer.from('y'))
      place(bench, 'bad-big', damaged, toContent(20 * mib))
      bench.remote.place('md5', 'x', { digests: { md5: md5Of(Buffer.from('x')) } })
      bench.remote.place('md5-big', toContent(9 * mib), {
        digests: { md5: md5Of(toContent(9 * mib)) },
      })
      bench.remote.place('none', 'x')
      const outcome = await verifyJob(bench.deps, toVerify())
      assert.equal(outcome.checked, 4)
      assert.deepEqual(outcome.unproven, ['none'])
      assert.deepEqual(outcome.failures.map(({ name }) => name).toSorted(), ['bad', 'bad-big'])
      assert.ok(outcome.failures.every(({ fault }) => fault.exitCode === 6))
      assert.equal(outcome.notDone, 0)
    }))

  it('compares with a folder and reads only what has no sum', () =>
    withBench(async (bench) => {
      for (const name of ['same', 'differs', 'missing', 'longer']) {
        place(bench, name, Buffer.from(name))
      }
      bench.remote.place('none', 'none')
      bench.write('same', 'same')
      bench.write('differs', 'DIFFERS')
      bench.write('longer', 'longer!')
      bench.write('none', 'none')
      const outcome = await verifyJob(bench.deps, toVerify(bench.folder))
      assert.equal(outcome.checked, 2)
      assert.deepEqual(outcome.failures.map(({ name }) => name).toSorted(), [
        'differs',
        'longer',
        'missing',
      ])
      const reads = bench.remote.log.filter((line) => line.startsWith('read'))
      assert.deepEqual(reads, ['read none 0'])
    }))

  it('ends when the place cannot be read any more', () =>
    withBench(async (bench) => {
      for (let i = 0; i < 40; i++) place(bench, `f${i}`, Buffer.from('x'))
      bench.remote.spoil = ({ op }) => {
        if (op === 'read') throw new Fault('azure_storage_role_missing', 'no')
        return undefined
      }
      const { checked, failures, notDone } = await verifyJob(bench.deps, toVerify())
      assert.equal(checked + failures.length + notDone, 40)
      assert.ok(notDone > 0)
    }))
})

describe('list', () => {
  const listOf = async (bench: Bench, select: Partial<Selecting>) => {
    const job = { action: 'list' as const, select: { ...toVerify().select, ...select } }
    const names: string[] = []
    for await (const page of listJob(bench.deps, job)) names.push(...page.map(({ name }) => name))
    return names.toSorted()
  }

  it('shows what the sources mean, once, as a download would take it', () =>
    withBench(async (bench) => {
      for (const name of ['a.txt', 'd/a.txt', 'd/b.log', 'd/.hidden', 'd-old/x', 'e/a.txt']) {
        bench.remote.place(name, 'x')
      }
      for (const select of [
        { sources: ['.'] },
        { sources: ['d'] },
        { sources: ['d/'] },
        { sources: ['a.txt'] },
        { sources: ['**/*.txt'] },
        { sources: ['d/*'], dotfiles: true },
        { sources: ['d', '**/a.txt'] },
        { sources: ['.', '!d/**'] },
        { sources: ['.'], exclude: ['*.log'] },
      ]) {
        const chosen = { ...toVerify().select, ...select }
        const { found } = await findRemote(bench.remote, chosen)
        const names = [...new Set(found.map(({ name }) => name))].toSorted()
        assert.ok(names.length > 0)
        assert.deepEqual(await listOf(bench, select), names, JSON.stringify(select))
      }
    }))

  it('says when there is nothing', () =>
    withBench(async (bench) => {
      await assert.rejects(listOf(bench, { sources: ['x'] }), { code: 'transfer_no_files' })
    }))
})

describe('remove', () => {
  it('removes what is meant, files before their folders, up to a number', () =>
    withBench(async (bench) => {
      for (const name of ['d/e/a', 'd/b', 'x']) bench.remote.place(name, 'x')
      for (const name of ['d', 'd/e']) bench.remote.place(name, '', { kind: 'folder' })
      const { select } = toVerify('', { sources: ['d/**'] })
      const job = { action: 'remove' as const, select, maxDelete: 2 }
      await assert.rejects(planJob(bench.deps, { ...job, maxDelete: 1 }), {
        code: 'transfer_too_many_removals',
      })
      bench.remote.log.length = 0
      const plan = await planJob(bench.deps, job)
      const { counts } = await runPlan(bench.deps, plan)
      assert.equal(counts.remove, plan.steps.length)
      assert.ok(!bench.remote.files.has('d/b'))
      assert.ok(bench.remote.files.has('x'))
      const order = bench.remote.log.filter((line) => line.startsWith('remove'))
      assert.ok(order.indexOf('remove d/e') > order.indexOf('remove d/e/a'))
    }))
})
