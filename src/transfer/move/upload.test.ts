import assert from 'node:assert/strict'
import { symlinkSync, truncateSync, utimesSync } from 'node:fs'
import { describe, it } from 'node:test'

import { Fault } from '../../core/fault.ts'
import { crc64Of } from '../crc64/crc64.ts'
import { runJob, toContent, toUpload, withBench } from '../engine.fixture.ts'
import { md5Of } from '../remote.fixture.ts'

const kib = 1024
const small = { wholeBytes: 4 * kib, partBytes: 4 * kib }

describe('upload', () => {
  it('sends a small file in one request and asks nothing before', () =>
    withBench(async (bench) => {
      bench.write('page.html', '<p>')
      bench.write('sub/empty', '')
      const outcome = await runJob(bench.deps, toUpload(bench.folder, { target: 'x' }))
      assert.deepEqual(bench.remote.log.toSorted(), [
        'putWhole x/page.html',
        'putWhole x/sub/empty',
      ])
      assert.equal(outcome.counts.send, 2)
      assert.equal(outcome.bytes, 3)
      const page = bench.remote.files.get('x/page.html')
      assert.match(page?.properties.contentType ?? '', /^text\/html/)
      assert.equal(page?.digests.crc64, crc64Of(Buffer.from('<p>')))
      assert.equal(bench.moved.bytes, 3)
    }))

  it('tells of every file sent: name, length, version and sum', () =>
    withBench(async (bench) => {
      bench.write('a', 'hello')
      const { done } = await runJob(bench.deps, toUpload(bench.folder))
      const file = bench.remote.files.get('a')
      assert.deepEqual(done, [
        {
          name: 'a',
          sizeBytes: 5,
          etag: file?.etag,
          digests: { crc64: crc64Of(Buffer.from('hello')) },
        },
      ])
    }))

  for (const integrity of ['crc64', 'md5', 'none'] as const) {
    it(`sends a big file in parts and its sum of the whole, with integrity ${integrity}`, () =>
      withBench(async (bench) => {
        bench.remote.requires = integrity === 'none' ? undefined : integrity
        const content = toContent(33 * kib + 7)
        bench.write('big', content)
        const outcome = await runJob(bench.deps, toUpload(bench.folder, { integrity }))
        assert.deepEqual(outcome.failures, [])
        const file = bench.remote.files.get('big')
        assert.ok(file)
        assert.ok(file.content.equals(content))
        const sums = { crc64: { crc64: crc64Of(content) }, md5: { md5: md5Of(content) }, none: {} }
        assert.deepEqual(file.digests, sums[integrity])
        assert.equal(bench.remote.log.filter((line) => line.startsWith('putPart')).length, 9)
        assert.equal(bench.moved.bytes, content.length)
      }, small))
  }

  it('sends only the parts an interrupted run has not sent', () =>
    withBench(async (bench) => {
      const content = toContent(40 * kib)
      bench.write('big', content)
      bench.remote.spoil = ({ op, index }) => {
        if (op === 'putPart' && index === 6) throw new Fault('azure_storage_unavailable', 'down')
        return undefined
      }
      const first = await runJob(bench.deps, toUpload(bench.folder))
      assert.equal(first.failures[0]?.fault.code, 'azure_storage_unavailable')
      assert.equal(bench.remote.files.size, 0)
      const held = bench.remote.staged.get('big')?.size ?? 0
      assert.ok(held >= 1)
      bench.remote.spoil = () => undefined
      bench.remote.log.length = 0
      bench.moved.bytes = 0
      await runJob(bench.again(), toUpload(bench.folder))
      const sent = bench.remote.log.filter((line) => line.startsWith('putPart')).length
      assert.equal(sent, 10 - held)
      assert.ok(bench.remote.files.get('big')?.content.equals(content))
      assert.equal(bench.moved.bytes, content.length)
    }, small))

  it('notices that a big file was written to while it was sent, and commits nothing', () =>
    withBench(async (bench) => {
      bench.write('big', toContent(40 * kib))
      bench.remote.spoil = ({ op, index }) => {
        if (op === 'putPart' && index === 3) utimesSync(bench.path('big'), 1, 2)
        return undefined
      }
      const { failures } = await runJob(bench.deps, toUpload(bench.folder))
      assert.equal(failures[0]?.fault.code, 'transfer_file_changed')
      assert.equal(bench.remote.files.size, 0)
      assert.ok(!bench.remote.log.includes('commit big'))
    }, small))

  it('gives the change of the file as the reason when a part does not have its sum any more', () =>
    withBench(async (bench) => {
      bench.write('big', toContent(40 * kib))
      bench.remote.spoil = ({ op, index }) => {
        if (op === 'openParts') setImmediate(() => bench.write('big', toContent(40 * kib, 2)))
        return op === 'putPart' && index === 0
          ? new Promise((resolve) => setTimeout(resolve, 20))
          : undefined
      }
      const { failures } = await runJob(bench.deps, toUpload(bench.folder))
      assert.equal(failures[0]?.fault.code, 'transfer_file_changed')
    }, small))

  it('notices that a file became shorter after it was found', () =>
    withBench(async (bench) => {
      bench.write('a', 'one')
      bench.write('b', toContent(9 * kib))
      const { planJob, runPlan } = await import('../engine.ts')
      const plan = await planJob(bench.deps, toUpload(bench.folder))
      truncateSync(bench.path('a'), 1)
      truncateSync(bench.path('b'), 8 * kib)
      const { failures } = await runPlan(bench.deps, plan)
      assert.deepEqual(
        failures.map(({ fault }) => fault.code),
        ['transfer_file_changed', 'transfer_file_changed'],
      )
      assert.equal(bench.remote.files.size, 0)
    }, small))

  it('keeps mode and time of change when that is asked for', () =>
    withBench(async (bench) => {
      bench.write('a', 'x')
      utimesSync(bench.path('a'), 1000, 2000.5)
      await runJob(bench.deps, toUpload(bench.folder, { preserve: true }))
      const { attributes } = bench.remote.files.get('a') ?? {}
      assert.equal(attributes?.modifiedAtMs, 2_000_500)
      assert.equal((attributes.mode ?? 0) & 0o600, 0o600)
    }))

  it('keeps a link as its text, and an empty folder as a folder', () =>
    withBench(async (bench) => {
      bench.write('d/a', 'x')
      symlinkSync('d/a', bench.path('l'))
      const { mkdirSync } = await import('node:fs')
      mkdirSync(bench.path('e'))
      const select = { symlinks: 'keep', emptyFolders: true } as const
      const outcome = await runJob(bench.deps, toUpload(bench.folder, { select }))
      assert.equal(outcome.counts.link, 1)
      assert.equal(outcome.counts.folder, 1)
      const link = bench.remote.files.get('l')
      assert.equal(link?.kind, 'link')
      assert.equal(link.content.toString(), 'd/a')
      assert.equal(link.attributes.linkTarget, 'd/a')
      assert.equal(bench.remote.files.get('e')?.kind, 'folder')
    }))

  it('starts nothing more after a failure and counts what was left', () =>
    withBench(
      async (bench) => {
        for (let i = 0; i < 60; i++) bench.write(`f${i}`, 'x')
        bench.remote.spoil = () => {
          throw new Fault('azure_storage_network_blocked', 'no')
        }
        const outcome = await runJob(bench.deps, toUpload(bench.folder))
        const failed = outcome.failures.length
        assert.ok(failed >= 1 && failed <= 8)
        assert.equal(outcome.notDone, 60 - failed)
        assert.equal(outcome.counts.send, 0)
      },
      { connections: 8 },
    ))

  it('commits nothing when one part is refused, and names the file', () =>
    withBench(async (bench) => {
      bench.write('big', toContent(40 * kib))
      bench.remote.spoil = ({ op, index }) => {
        if (op === 'putPart' && index === 2) throw new Fault('azure_storage_role_missing', 'no')
        return undefined
      }
      const { failures } = await runJob(bench.deps, toUpload(bench.folder))
      assert.deepEqual(
        failures.map(({ name, fault }) => [name, fault.code]),
        [['big', 'azure_storage_role_missing']],
      )
      assert.equal(bench.remote.files.size, 0)
    }, small))

  it('throws a defect as it is', () =>
    withBench(async (bench) => {
      bench.write('a', 'x')
      bench.remote.spoil = () => {
        throw new TypeError('oops')
      }
      await assert.rejects(runJob(bench.deps, toUpload(bench.folder)), TypeError)
    }))

  it('publishes what pages need before the pages', () =>
    withBench(async (bench) => {
      for (const name of ['index.html', 'z.js', 'a.css', 'feed.xml', 'sw.js'])
        bench.write(name, name)
      await runJob(bench.deps, toUpload(bench.folder, { site: true }))
      const order = bench.remote.log.map((line) => line.split(' ')[1] ?? '')
      assert.deepEqual(order.slice(0, 2).toSorted(), ['a.css', 'z.js'])
      assert.deepEqual(order.slice(2).toSorted(), ['feed.xml', 'index.html', 'sw.js'])
    }))
})
