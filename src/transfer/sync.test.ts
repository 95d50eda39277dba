import assert from 'node:assert/strict'
import { mkdirSync, statSync, symlinkSync, utimesSync } from 'node:fs'
import { describe, it } from 'node:test'

import { Fault } from '../core/fault.ts'
import { crc64Of } from './crc64/crc64.ts'
import { linesOf, runJob, toContent, toDownload, toUpload, withBench } from './engine.fixture.ts'
import { describeStep, planJob, runPlan } from './engine.ts'
import type { UploadJob } from './job.ts'
import { md5Of } from './remote.fixture.ts'

const sync = { overwrite: 'changed', deletes: true } as const

describe('sync to a remote place', () => {
  it('sends what is new or differs, keeps what is the same, removes what is extra: with one listing', () =>
    withBench(async (bench) => {
      for (const name of ['same', 'differs', 'new']) bench.write(name, name)
      const job = toUpload(bench.folder, { ...sync, target: 'x' })
      for (const name of ['x/same', 'x/differs', 'x/extra', 'y/other']) {
        const content = Buffer.from(name === 'x/same' ? 'same' : 'DIFFERS')
        bench.remote.place(name, content, {
          digests: { crc64: crc64Of(content) },
          properties: { contentType: 'application/octet-stream', metadata: {}, tags: {} },
        })
      }
      assert.deepEqual(await linesOf(bench, job), [
        'keep x/same, 4 bytes: same',
        'remove x/extra, 7 bytes: extra',
        'send x/differs, 7 bytes: changed',
        'send x/new, 3 bytes: new',
      ])
      bench.remote.log.length = 0
      const { counts } = await runJob(bench.deps, job)
      assert.deepEqual(
        { send: counts.send, keep: counts.keep, remove: counts.remove },
        { send: 2, keep: 1, remove: 1 },
      )
      assert.deepEqual([...bench.remote.files.keys()].toSorted(), [
        'x/differs',
        'x/new',
        'x/same',
        'y/other',
      ])
      assert.equal(bench.remote.log.filter((line) => line.startsWith('stat')).length, 0)
      // All removals come after all writes.
      assert.equal(bench.remote.log.at(-1), 'remove x/extra')
    }, {}))

  it('does nothing the second time', () =>
    withBench(
      async (bench) => {
        for (let i = 0; i < 30; i++) bench.write(`d/${i}.txt`, `content ${i}`)
        bench.write('big', toContent(20_000))
        const job = toUpload(bench.folder, { ...sync, preserve: true })
        assert.equal((await runJob(bench.deps, job)).counts.send, 31)
        bench.remote.log.length = 0
        const { counts } = await runJob(bench.again(), job)
        assert.equal(counts.keep, 31)
        assert.ok(bench.remote.log.every((line) => line.startsWith('list')))
      },
      { wholeBytes: 8192, partBytes: 8192 },
    ))

  it('sets nothing for a new time of change alone, as every checkout has one', () =>
    withBench(async (bench) => {
      bench.write('a', 'x')
      const job = toUpload(bench.folder, { ...sync, preserve: true })
      await runJob(bench.deps, job)
      utimesSync(bench.path('a'), 1, 1)
      assert.deepEqual(await linesOf(bench, job), ['keep a, 1 byte: same'])
    }))

  it('takes names that the service takes for one as one, and removes neither', () =>
    withBench(async (bench) => {
      const remote = { ...bench.deps.remote, foldName: (name: string) => name.toUpperCase() }
      bench.write('readme', 'new')
      bench.remote.place('Readme', 'old')
      const plan = await planJob({ ...bench.deps, remote }, toUpload(bench.folder, sync))
      assert.deepEqual(plan.steps.map(describeStep), ['send readme, 3 bytes: changed'])
    }))

  it('compares by a stored MD5 when that is all there is, and sends when nothing is stored', () =>
    withBench(async (bench) => {
      bench.write('md5', 'x')
      bench.write('none', 'x')
      bench.remote.place('md5', 'x', { digests: { md5: md5Of(Buffer.from('x')) } })
      bench.remote.place('none', 'x')
      assert.deepEqual(await linesOf(bench, toUpload(bench.folder, { overwrite: 'changed' })), [
        'keep md5, 1 byte: same',
        'send none, 1 byte: changed',
      ])
    }))

  it('writes only the properties when only they differ', () =>
    withBench(async (bench) => {
      bench.write('a', 'x')
      const job = toUpload(bench.folder, { overwrite: 'changed' })
      await runJob(bench.deps, job)
      const rules = [{ match: ['*'], set: { cacheControl: 'no-cache' } }]
      bench.remote.log.length = 0
      const { counts } = await runJob(bench.again(), { ...job, rules })
      assert.equal(counts.set, 1)
      assert.deepEqual(bench.remote.log, ['stat a', 'setProperties a'])
      const file = bench.remote.files.get('a')
      assert.equal(file?.properties.cacheControl, 'no-cache')
      assert.equal(file.digests.crc64, crc64Of(Buffer.from('x')))
    }))

  it('notices a concurrent writer between its listing and its write', () =>
    withBench(async (bench) => {
      bench.write('a', 'mine')
      bench.remote.place('a', 'old')
      const plan = await planJob(bench.deps, toUpload(bench.folder, { overwrite: 'changed' }))
      bench.remote.place('a', 'theirs')
      const { failures } = await runPlan(bench.deps, plan)
      assert.equal(failures[0]?.fault.code, 'transfer_blob_changed')
      assert.equal(bench.remote.files.get('a')?.content.toString(), 'theirs')
    }))

  it('removes nothing when a write failed', () =>
    withBench(async (bench) => {
      bench.write('a', 'x')
      bench.remote.place('extra', 'x')
      bench.remote.spoil = ({ op }) => {
        if (op === 'putWhole') throw new Fault('azure_storage_role_missing', 'no')
        return undefined
      }
      const outcome = await runJob(bench.deps, toUpload(bench.folder, sync))
      assert.equal(outcome.counts.remove, 0)
      assert.equal(outcome.notDone, 1)
      assert.ok(bench.remote.files.has('extra'))
    }))

  it('removes no version it has not listed', () =>
    withBench(async (bench) => {
      bench.write('a', 'x')
      bench.remote.place('extra', 'x')
      const plan = await planJob(bench.deps, toUpload(bench.folder, sync))
      bench.remote.place('extra', 'written meanwhile')
      const { failures } = await runPlan(bench.deps, plan)
      assert.deepEqual(
        failures.map(({ name, fault }) => [name, fault.code]),
        [['extra', 'transfer_blob_changed']],
      )
    }))

  it('never removes what is protected or what the selection leaves out', () =>
    withBench(async (bench) => {
      bench.write('a.js', 'x')
      for (const name of ['old.js', 'keep/a.js', 'data.json', '.hidden.js', 'logs/x.js']) {
        bench.remote.place(name, 'x')
      }
      const job = toUpload(bench.folder, {
        ...sync,
        protect: ['keep/**'],
        select: { include: ['**/*.js'], exclude: ['logs'] },
      })
      assert.deepEqual(await linesOf(bench, job), [
        'remove old.js, 1 byte: extra',
        'send a.js, 1 byte: new',
      ])
    }))

  it('takes a single file for no reason to remove everything else', () =>
    withBench(async (bench) => {
      bench.write('a', 'x')
      bench.remote.place('b', 'x')
      const job = toUpload(bench.folder, { ...sync, select: { sources: [bench.path('a')] } })
      assert.deepEqual(await linesOf(bench, job), ['send a, 1 byte: new'])
    }))

  it('refuses an empty source and too many removals before the first byte', () =>
    withBench(async (bench) => {
      bench.remote.place('a', 'x')
      bench.remote.place('b', 'x')
      const job = toUpload(bench.folder, { ...sync, select: { ifNoFiles: 'ignore' } })
      await assert.rejects(runJob(bench.deps, job), { code: 'transfer_source_empty' })
      bench.write('c', 'x')
      await assert.rejects(runJob(bench.deps, { ...job, maxDelete: 1 }), {
        code: 'transfer_too_many_removals',
      })
      assert.equal(bench.remote.files.size, 2)
      assert.equal((await runJob(bench.deps, { ...job, maxDelete: 2 })).counts.remove, 2)
    }))

  it('compares a compressed file by the sum it had before, and unpacks it again', () =>
    withBench(
      async (bench) => {
        bench.write('a.txt', 'hello '.repeat(2000))
        bench.write('big.txt', toContent(100_000))
        const rules: UploadJob['rules'] = [{ match: ['*.txt'], set: {}, compress: 'gzip' }]
        const job = toUpload(bench.folder, { overwrite: 'changed', rules })
        assert.equal((await runJob(bench.deps, job)).counts.send, 2)
        const stored = bench.remote.files.get('a.txt')
        assert.equal(stored?.properties.contentEncoding, 'gzip')
        assert.ok(stored.sizeBytes < 1000)
        assert.equal((await runJob(bench.again(), job)).counts.keep, 2)
        const target = bench.path('copy')
        assert.deepEqual((await runJob(bench.again(), toDownload(target))).failures, [])
        assert.ok(bench.read('copy/a.txt').equals(bench.read('a.txt')))
        assert.ok(bench.read('copy/big.txt').equals(bench.read('big.txt')))
        const again = await runJob(bench.again(), toDownload(target, { overwrite: 'changed' }))
        assert.equal(again.counts.keep, 2)
        const raw = await runJob(
          bench.again(),
          toDownload(bench.path('raw'), { decompress: 'never' }),
        )
        assert.deepEqual(raw.failures, [])
        assert.ok(bench.read('raw/a.txt').equals(stored.content))
      },
      { wholeBytes: 20_000, partBytes: 20_000 },
    ))
})

describe('sync to disk', () => {
  it('fetches what differs, deletes what is extra, and the folders that become empty', () =>
    withBench(async (bench) => {
      for (const name of ['same', 'd/differs', 'new']) {
        bench.remote.place(name, name, { digests: { crc64: crc64Of(Buffer.from(name)) } })
      }
      bench.write('t/same', 'same')
      bench.write('t/d/differs', 'DIFFERS!!')
      bench.write('t/d/extra', 'x')
      bench.write('t/old/deep/extra', 'x')
      bench.write('t/.hidden', 'x')
      const job = toDownload(bench.path('t'), sync)
      assert.deepEqual(await linesOf(bench, job), [
        'delete d/extra, 1 byte: extra',
        'delete old, 0 bytes: extra',
        'delete old/deep, 0 bytes: extra',
        'delete old/deep/extra, 1 byte: extra',
        'fetch d/differs, 9 bytes: changed',
        'fetch new, 3 bytes: new',
        'keep same, 4 bytes: same',
      ])
      const { failures } = await runJob(bench.deps, job)
      assert.deepEqual(failures, [])
      assert.deepEqual(
        bench.tree().filter((name) => statSync(bench.path(name)).isFile()),
        ['t/.hidden', 't/d/differs', 't/new', 't/same'],
      )
      assert.equal((await runJob(bench.again(), job)).counts.keep, 3)
    }))

  it('restores only mode and time when the content is the same', () =>
    withBench(async (bench) => {
      const attributes = { mode: 0o640, modifiedAtMs: Date.UTC(2020, 0, 1) }
      bench.remote.place('a', 'x', { digests: { crc64: crc64Of(Buffer.from('x')) }, attributes })
      bench.write('a', 'x')
      const job = toDownload(bench.folder, { overwrite: 'changed', preserve: true })
      const { counts } = await runJob(bench.deps, job)
      assert.equal(counts.set, 1)
      assert.equal(statSync(bench.path('a')).mode & 0o777, 0o640)
      assert.equal((await runJob(bench.again(), job)).counts.keep, 1)
    }))

  it('keeps links and folders that are there already', () =>
    withBench(async (bench) => {
      bench.remote.place('l', 'a', { kind: 'link', digests: { crc64: crc64Of(Buffer.from('a')) } })
      bench.remote.place('d', '', { kind: 'folder' })
      symlinkSync('a', bench.path('l'))
      mkdirSync(bench.path('d'))
      const job = toDownload(bench.folder, { overwrite: 'changed' })
      assert.equal((await runJob(bench.deps, job)).counts.keep, 2)
    }))

  it('refuses to delete everything when nothing was found', () =>
    withBench(async (bench) => {
      bench.write('a', 'x')
      await assert.rejects(runJob(bench.deps, toDownload(bench.folder, sync)), {
        code: 'transfer_source_empty',
      })
      assert.deepEqual(bench.tree(), ['a'])
    }))
})
