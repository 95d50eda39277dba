import assert from 'node:assert/strict'
import {
  lstatSync,
  mkdirSync,
  readdirSync,
  readlinkSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { describe, it } from 'node:test'

import { Fault } from '../../core/fault.ts'
import { crc64Of } from '../crc64/crc64.ts'
import { type Bench, runJob, toContent, toDownload, withBench } from '../engine.fixture.ts'
import { md5Of } from '../remote.fixture.ts'

const mib = 1024 * 1024

function place(bench: Bench, name: string, text: string | Buffer, attributes = {}) {
  const content = Buffer.from(text)
  return bench.remote.place(name, content, { digests: { crc64: crc64Of(content) }, attributes })
}

describe('download', () => {
  it('writes small, empty and nested files as they are, one request each', () =>
    withBench(async (bench) => {
      place(bench, 'a', 'hello')
      place(bench, 'empty', '')
      place(bench, 'd/e/100% #?é', 'x')
      const outcome = await runJob(bench.deps, toDownload(bench.folder))
      assert.equal(outcome.counts.fetch, 3)
      assert.equal(outcome.bytes, 6)
      assert.equal(bench.read('a').toString(), 'hello')
      assert.equal(bench.read('d/e/100% #?é').toString(), 'x')
      assert.deepEqual(bench.tree(), ['a', 'd', 'd/e', 'd/e/100% #?é', 'empty'])
      const reads = bench.remote.log.filter((line) => line.startsWith('read'))
      assert.equal(reads.length, 3)
      assert.ok(!bench.remote.log.some((line) => line.startsWith('stat')))
    }))

  for (const [what, sizeBytes] of [
    ['in one range', 3 * mib + 1],
    ['in ranges side by side', 33 * mib + 7],
  ] as const) {
    for (const sum of ['crc64', 'md5', 'none'] as const) {
      it(`fetches a long file ${what} and checks it with ${sum}`, () =>
        withBench(async (bench) => {
          const content = toContent(sizeBytes)
          const sums = {
            crc64: { crc64: crc64Of(content) },
            md5: { md5: md5Of(content) },
            none: {},
          }
          bench.remote.place('big', content, { digests: sums[sum] })
          const outcome = await runJob(bench.deps, toDownload(bench.folder))
          assert.deepEqual(outcome.failures, [])
          assert.ok(bench.read('big').equals(content))
          assert.deepEqual(bench.tree(), ['big'])
          assert.equal(bench.moved.bytes, sizeBytes)
        }))
    }
  }

  for (const sizeBytes of [5, 3 * mib, 17 * mib]) {
    for (const sum of ['crc64', 'md5']) {
      it(`leaves nothing of ${sizeBytes} bytes whose ${sum} differs, and ends with exit 6`, () =>
        withBench(async (bench) => {
          const digests = {
            [sum]: sum === 'crc64' ? crc64Of(Buffer.from('x')) : 'bm90IHRoZSBzdW0uLi4uLg==',
          }
          bench.remote.place('a', toContent(sizeBytes), { digests })
          bench.write('a', 'old')
          const { failures } = await runJob(bench.deps, toDownload(bench.folder))
          assert.equal(failures[0]?.fault.code, 'transfer_checksum_mismatch')
          assert.equal(failures[0].fault.exitCode, 6)
          assert.deepEqual(bench.tree(), ['a'])
          assert.equal(bench.read('a').toString(), 'old')
        }))
    }
  }

  it('goes on with the ranges of an interrupted run, and checks them before they count', () =>
    withBench(async (bench) => {
      const content = toContent(40 * mib)
      place(bench, 'd/big', content)
      bench.remote.spoil = ({ op, index }) => {
        if (op === 'read' && index >= 32 * mib) throw new Fault('azure_storage_unreachable', 'down')
        return undefined
      }
      const first = await runJob(bench.deps, toDownload(bench.folder))
      assert.equal(first.failures[0]?.fault.code, 'azure_storage_unreachable')
      const left = readdirSync(bench.path('d')).toSorted()
      assert.equal(left.length, 2)
      // A damaged range does not count.
      const { openSync, writeSync, closeSync } = await import('node:fs')
      const fd = openSync(bench.path(`d/${left[0]}`), 'r+')
      writeSync(fd, 'damage', 9 * mib)
      closeSync(fd)
      bench.remote.spoil = () => undefined
      bench.remote.log.length = 0
      await runJob(bench.again(), toDownload(bench.folder))
      const reads = bench.remote.log.filter((line) => line.startsWith('read')).toSorted()
      assert.deepEqual(reads, [`read d/big ${32 * mib}`, `read d/big ${8 * mib}`])
      assert.ok(bench.read('d/big').equals(content))
      assert.deepEqual(bench.tree(), ['d', 'd/big'])
    }))

  it('begins anew when the remote file is another version, and removes what was left', () =>
    withBench(async (bench) => {
      place(bench, 'big', toContent(20 * mib))
      bench.remote.spoil = ({ op, index }) => {
        if (op === 'read' && index >= 16 * mib) throw new Fault('azure_storage_unreachable', 'down')
        return undefined
      }
      await runJob(bench.deps, toDownload(bench.folder))
      assert.equal(bench.tree().length, 2)
      bench.remote.spoil = () => undefined
      const content = toContent(20 * mib, 2)
      place(bench, 'big', content)
      await runJob(bench.again(), toDownload(bench.folder))
      assert.ok(bench.read('big').equals(content))
      assert.deepEqual(bench.tree(), ['big'])
    }))

  it('starts over once when the file changes between two ranges', () =>
    withBench(async (bench) => {
      place(bench, 'big', toContent(20 * mib))
      const content = toContent(20 * mib, 2)
      let isFirst = true
      bench.remote.spoil = ({ op, index }) => {
        if (op !== 'read' || index === 0 || !isFirst) return undefined
        isFirst = false
        place(bench, 'big', content)
        return undefined
      }
      const outcome = await runJob(bench.deps, toDownload(bench.folder))
      assert.deepEqual(outcome.failures, [])
      assert.ok(bench.read('big').equals(content))
      assert.deepEqual(bench.tree(), ['big'])
    }))

  it('takes the new version of a small file that changed after it was listed', () =>
    withBench(async (bench) => {
      place(bench, 'a', 'old')
      const { planJob, runPlan } = await import('../engine.ts')
      const plan = await planJob(bench.deps, toDownload(bench.folder))
      place(bench, 'a', 'quite new')
      const { done } = await runPlan(bench.deps, plan)
      assert.equal(bench.read('a').toString(), 'quite new')
      assert.equal(done[0]?.sizeBytes, 9)
    }))

  it('restores mode and time of change, but no set-user-id', () =>
    withBench(async (bench) => {
      place(bench, 'a', 'x', { mode: 0o4750, modifiedAtMs: 1_500_000_000_250 })
      place(bench, 'b', toContent(mib), { mode: 0o600, modifiedAtMs: 1_500_000_000_000 })
      await runJob(bench.deps, toDownload(bench.folder, { preserve: true }))
      assert.equal(statSync(bench.path('a')).mode & 0o7777, 0o750)
      assert.equal(Math.round(statSync(bench.path('a')).mtimeMs), 1_500_000_000_250)
      assert.equal(statSync(bench.path('b')).mode & 0o7777, 0o600)
    }))

  it('makes kept links and folder markers', () =>
    withBench(async (bench) => {
      place(bench, 'd/a', 'x')
      bench.remote.place('d/l', 'a', { kind: 'link' })
      bench.remote.place('e/f', '', { kind: 'folder' })
      const outcome = await runJob(bench.deps, toDownload(bench.folder))
      assert.deepEqual(outcome.failures, [])
      assert.equal(readlinkSync(bench.path('d/l')), 'a')
      assert.ok(statSync(bench.path('e/f')).isDirectory())
    }))

  for (const target of ['/etc/passwd', '../../x', 'a/../../..', 'a/..']) {
    it(`refuses a link to ${target}`, () =>
      withBench(async (bench) => {
        bench.remote.place('d/l', target, { kind: 'link' })
        const { failures } = await runJob(bench.deps, toDownload(bench.folder))
        assert.equal(failures[0]?.fault.code, 'transfer_path_unsafe')
        assert.deepEqual(bench.tree(), [])
      }))
  }

  it('does not write through a link that the same download made', () =>
    withBench(async (bench) => {
      mkdirSync(bench.path('real'))
      bench.remote.place('l', 'real', { kind: 'link' })
      place(bench, 'l/a', 'x')
      await assert.rejects(runJob(bench.deps, toDownload(bench.folder)), {
        code: 'transfer_name_clash',
      })
    }))

  it('does not write through a symbolic link inside the target', () =>
    withBench(async (bench) => {
      mkdirSync(bench.path('outside'))
      symlinkSync('outside', bench.path('d'))
      place(bench, 'd/a', 'x')
      const { failures } = await runJob(bench.deps, toDownload(bench.folder))
      assert.equal(failures[0]?.fault.code, 'transfer_path_unsafe')
      assert.deepEqual(readdirSync(bench.path('outside')), [])
    }))

  it('replaces a symbolic link instead of writing through it', () =>
    withBench(async (bench) => {
      bench.write('kept', 'kept')
      symlinkSync('kept', bench.path('a'))
      place(bench, 'a', 'new')
      await runJob(bench.deps, toDownload(bench.folder))
      assert.equal(bench.read('kept').toString(), 'kept')
      assert.ok(lstatSync(bench.path('a')).isFile())
    }))

  for (const name of ['../a', 'd/../../a', '/etc/a', 'a\0b']) {
    it(`refuses the name ${JSON.stringify(name)} before anything is written`, () =>
      withBench(async (bench) => {
        place(bench, name, 'x')
        place(bench, 'fine', 'x')
        await assert.rejects(
          runJob(bench.deps, toDownload(bench.folder, { select: { dotfiles: true } })),
          {
            code: 'transfer_path_unsafe',
            exitCode: 6,
          },
        )
        assert.deepEqual(bench.tree(), [])
      }))
  }

  it('reports a folder in the place of a file', () =>
    withBench(async (bench) => {
      mkdirSync(bench.path('a/full'), { recursive: true })
      place(bench, 'a', 'x')
      const { failures } = await runJob(bench.deps, toDownload(bench.folder))
      assert.equal(failures[0]?.fault.code, 'transfer_target_exists')
      assert.deepEqual(bench.tree(), ['a', 'a/full'])
    }))

  it('keeps nothing of a download that was cut for good before its second range', () =>
    withBench(async (bench) => {
      place(bench, 'a', toContent(2 * mib))
      bench.remote.spoil = ({ op }) => {
        if (op === 'read') throw new Fault('azure_storage_unreachable', 'down')
        return undefined
      }
      await runJob(bench.deps, toDownload(bench.folder))
      assert.deepEqual(bench.tree(), [])
    }))

  it('lets another process that took the part file over finish, and fetches again itself', () =>
    withBench(async (bench) => {
      const content = toContent(20 * mib)
      place(bench, 'big', content)
      let isFirst = true
      bench.remote.spoil = async ({ op, index }) => {
        if (op !== 'read' || index !== 16 * mib || !isFirst) return
        isFirst = false
        // Its first process is not to be found here: as in another container.
        await runJob(bench.again(2), toDownload(bench.folder))
      }
      const outcome = await runJob({ ...bench.deps, pid: 999_999_999 }, toDownload(bench.folder))
      assert.deepEqual(outcome.failures, [])
      assert.ok(bench.read('big').equals(content))
      assert.deepEqual(bench.tree(), ['big'])
    }))

  it('does not touch the part file of a process that is alive', () =>
    withBench(async (bench) => {
      const name = `.big.part-${process.ppid}-0`
      writeFileSync(bench.path(name), 'theirs')
      place(bench, 'big', toContent(20 * mib))
      await runJob(bench.deps, toDownload(bench.folder))
      assert.deepEqual(bench.tree(), [name, 'big'])
    }))
})
