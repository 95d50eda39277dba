import assert from 'node:assert/strict'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'

import { md5Of } from './blob-store.fixture.ts'
import { download } from './download.ts'
import { type Bench, openBench, spoilFirst } from './engine.fixture.ts'
import { openFolder } from './local/write.ts'
import { planDownload } from './plan.ts'

const mib = 1024 * 1024

function store(bench: Bench, name: string, body: Buffer | string, md5?: string) {
  const bytes = Buffer.from(body)
  const etag = `"${name.length}-${bytes.length}"`
  bench.store.blobs.set(name, { body: bytes, md5: md5 ?? md5Of(bytes), type: '', etag, meta: '' })
}

async function fetchAll(bench: Bench, overwrite: 'always' | 'error' = 'always', sources = ['.']) {
  const plan = await planDownload(bench.deps, { sources, target: bench.folder, dotfiles: true })
  const folder = openFolder({ pid: 1 }, bench.folder, { replaces: overwrite === 'always' })
  return download(bench.deps, plan.items, { folder, overwrite })
}

async function withBench(work: (bench: Bench) => Promise<void>) {
  const bench = await openBench()
  try {
    await work(bench)
  } finally {
    await bench.close()
  }
}

describe('download', () => {
  it('writes small, empty and nested blobs as they are', () =>
    withBench(async (bench) => {
      store(bench, 'a', 'hello')
      store(bench, 'empty', '')
      store(bench, 'd/e/100% #?é', 'x')
      bench.store.pageLength = 2
      const outcome = await fetchAll(bench)
      assert.deepEqual(outcome, { files: 3, bytes: 6, failures: [], notDone: 0 })
      assert.equal(await readFile(join(bench.folder, 'a'), 'utf8'), 'hello')
      assert.equal(await readFile(join(bench.folder, 'empty'), 'utf8'), '')
      assert.equal(await readFile(join(bench.folder, 'd/e/100% #?é'), 'utf8'), 'x')
    }))

  it('fetches a big blob in ranges and checks the whole', () =>
    withBench(async (bench) => {
      const body = Buffer.alloc(33 * mib + 7)
      for (let at = 0; at + 4 <= body.length; at += 997) body.writeUInt32LE(at, at)
      store(bench, 'big', body)
      assert.equal((await fetchAll(bench)).bytes, body.length)
      assert.ok((await readFile(join(bench.folder, 'big'))).equals(body))
      assert.equal(bench.store.log.filter((line) => line === 'GET /ccc/big').length, 5)
    }))

  it('goes on where a connection was cut', () =>
    withBench(async (bench) => {
      const body = Buffer.alloc(20 * mib, 'abcdefg')
      store(bench, 'big', body)
      spoilFirst(bench.store, 'GET /ccc/big', 'cut-answer', 3)
      assert.equal((await fetchAll(bench)).files, 1)
      assert.ok((await readFile(join(bench.folder, 'big'))).equals(body))
      assert.ok(bench.sleeps.length >= 3)
    }))

  it('keeps nothing when the checksum differs', () =>
    withBench(async (bench) => {
      store(bench, 'small', 'x', md5Of(Buffer.from('y')))
      store(bench, 'zbig', Buffer.alloc(9 * mib), md5Of(Buffer.from('y')))
      for (const name of ['small', 'zbig']) {
        const { failures } = await fetchAll(await again(bench), 'always', [name])
        assert.equal(failures[0]?.fault.code, 'transfer_checksum_mismatch')
        assert.equal(failures[0].fault.exitCode, 6)
      }
      assert.deepEqual(await readdir(bench.folder), [])
    }))

  it('starts over once when the blob changed between two ranges', () =>
    withBench(async (bench) => {
      store(bench, 'big', Buffer.alloc(20 * mib, 1))
      let count = 0
      bench.store.spoil = (line) => {
        if (line === 'GET /ccc/big' && ++count === 2) store(bench, 'big', Buffer.alloc(21 * mib, 2))
        return undefined
      }
      assert.equal((await fetchAll(bench)).bytes, 21 * mib)
      assert.ok((await readFile(join(bench.folder, 'big'))).equals(Buffer.alloc(21 * mib, 2)))
    }))

  it('writes nothing at all with overwrite: error when one file exists', () =>
    withBench(async (bench) => {
      store(bench, 'a', 'new')
      store(bench, 'b', 'new')
      await writeFile(join(bench.folder, 'b'), 'old')
      await assert.rejects(fetchAll(bench, 'error'), { code: 'transfer_target_exists' })
      assert.deepEqual(await readdir(bench.folder), ['b'])
    }))

  it('downloads with overwrite: error into an empty folder', () =>
    withBench(async (bench) => {
      store(bench, 'd/a', 'new')
      assert.equal((await fetchAll(bench, 'error')).files, 1)
      assert.deepEqual(await readdir(join(bench.folder, 'd')), ['a'])
    }))

  it('does not write through a symbolic link inside the target', () =>
    withBench(async (bench) => {
      await mkdir(join(bench.folder, 'outside'))
      await symlink('outside', join(bench.folder, 'd'))
      store(bench, 'd/a', 'x')
      const { failures } = await fetchAll(bench)
      assert.equal(failures[0]?.fault.code, 'transfer_path_unsafe')
      assert.deepEqual(await readdir(join(bench.folder, 'outside')), [])
    }))

  it('replaces a symbolic link instead of writing through it', () =>
    withBench(async (bench) => {
      await writeFile(join(bench.folder, 'kept'), 'kept')
      await symlink('kept', join(bench.folder, 'a'))
      store(bench, 'a', 'new')
      await fetchAll(bench)
      assert.equal(await readFile(join(bench.folder, 'kept'), 'utf8'), 'kept')
      assert.equal(await readFile(join(bench.folder, 'a'), 'utf8'), 'new')
    }))

  for (const name of ['../a', 'd/../../a', '/etc/a', 'a\0b']) {
    it(`refuses the blob name ${JSON.stringify(name)}`, () =>
      withBench(async (bench) => {
        store(bench, name, 'x')
        await assert.rejects(fetchAll(bench), { code: 'transfer_path_unsafe', exitCode: 6 })
      }))
  }

  it('reports a blob and a folder of the same name', () =>
    withBench(async (bench) => {
      store(bench, 'a', 'x')
      store(bench, 'a/b', 'x')
      await assert.rejects(fetchAll(bench), { code: 'transfer_name_clash' })
    }))

  it('reports a folder in the place of a file, and the other way round', () =>
    withBench(async (bench) => {
      await mkdir(join(bench.folder, 'a/full'), { recursive: true })
      await writeFile(join(bench.folder, 'd'), '')
      store(bench, 'a', 'x')
      store(bench, 'd/e', 'x')
      for (const source of ['a', 'd*/*']) {
        const { failures } = await fetchAll(await again(bench), 'always', [source])
        assert.equal(failures[0]?.fault.code, 'transfer_target_exists')
      }
    }))

  it('takes one blob, a folder or a pattern', () =>
    withBench(async (bench) => {
      for (const name of ['logs/a.txt', 'logs/b.log', 'logs/c/d.txt', 'logs-old/x', 'lit[e]ral'])
        store(bench, name, name)
      const below = async (source: string) => {
        const plan = await planDownload(bench.deps, {
          sources: [source],
          target: '',
          dotfiles: false,
        })
        return plan.items.map(({ segments }) => segments.join('/'))
      }
      assert.deepEqual(await below('logs/a.txt'), ['a.txt'])
      assert.deepEqual(await below('logs'), ['a.txt', 'b.log', 'c/d.txt'])
      assert.deepEqual(await below('logs/**/*.txt'), ['a.txt', 'c/d.txt'])
      assert.deepEqual(await below('lo*/x'), ['logs-old/x'])
      assert.deepEqual(await below('lit[e]ral'), ['lit[e]ral'])
      await assert.rejects(below('nothing'), { code: 'transfer_no_files', exitCode: 4 })
    }))
})

// A failed transfer has stopped its bench for good; this one shares store and folder with it.
async function again(bench: Bench): Promise<Bench> {
  const { createHalt } = await import('./halt.ts')
  const halt = createHalt({ sleep: async () => undefined }, new AbortController().signal)
  return { ...bench, deps: { ...bench.deps, halt } }
}
