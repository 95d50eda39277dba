import assert from 'node:assert/strict'
import { mkdir, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, it } from 'node:test'

import { md5Of } from './blob-store.fixture.ts'
import { type Bench, openBench, spoilFirst } from './engine.fixture.ts'
import { planUpload } from './plan.ts'
import { upload, type UploadOptions } from './upload.ts'

const mib = 1024 * 1024
const always: UploadOptions = { overwrite: 'always' }
const error: UploadOptions = { overwrite: 'error' }

async function send(bench: Bench, options = always, target = '') {
  const plan = await planUpload({ sources: [bench.folder], target, dotfiles: true })
  return upload(bench.deps, plan.items, options)
}

async function withBench(work: (bench: Bench) => Promise<void>) {
  const bench = await openBench()
  try {
    await work(bench)
  } finally {
    await bench.close()
  }
}

describe('upload', () => {
  it('sends small files in one request each, with type and MD5', () =>
    withBench(async (bench) => {
      await mkdir(join(bench.folder, 'sub'))
      await writeFile(join(bench.folder, 'page.html'), '<p>')
      await writeFile(join(bench.folder, 'sub/empty'), '')
      const outcome = await send(bench, always, 'x')
      assert.deepEqual(outcome, { files: 2, bytes: 3, failures: [], notDone: 0 })
      assert.equal(bench.store.log.length, 2)
      assert.equal(bench.store.blobs.get('x/page.html')?.type, 'text/html')
      assert.equal(bench.store.blobs.get('x/page.html')?.md5, md5Of(Buffer.from('<p>')))
      assert.equal(bench.store.blobs.get('x/sub/empty')?.body.length, 0)
    }))

  it('sends a big file as blocks and commits them with the MD5 of the whole', () =>
    withBench(async (bench) => {
      const body = Buffer.alloc(20 * mib + 5)
      for (let at = 0; at < body.length; at += 4096)
        body.writeUInt32LE(at, Math.min(at, body.length - 4))
      await writeFile(join(bench.folder, 'big'), body)
      const outcome = await send(bench)
      assert.equal(outcome.files, 1)
      const blob = bench.store.blobs.get('big')
      assert.ok(blob)
      assert.ok(blob.body.equals(body))
      assert.equal(blob.md5, md5Of(body))
      assert.equal(bench.store.log.filter((line) => line.includes('comp=block&')).length, 3)
      assert.equal(bench.moved.bytes, body.length)
    }))

  it('keeps names with percent signs, hashes, spaces and Unicode forms', () =>
    withBench(async (bench) => {
      const names = [
        '100%',
        '%41',
        '%2e%2e',
        'a#b',
        'a?b',
        ' lead',
        'trail ',
        'dot.',
        'é',
        'e\u0301',
        '🎉',
        'a+b;c,d',
      ]
      for (const name of names) await writeFile(join(bench.folder, name), name)
      await send(bench)
      assert.deepEqual([...bench.store.blobs.keys()].toSorted(), names.toSorted())
    }))

  it('refuses a backslash, which Azure would store as a slash', () =>
    withBench(async (bench) => {
      await writeFile(join(bench.folder, 'a\\b'), '')
      await assert.rejects(send(bench), { code: 'transfer_name_invalid' })
    }))

  it('waits as long as Retry-After says and sends again', () =>
    withBench(async (bench) => {
      await writeFile(join(bench.folder, 'a'), 'a')
      spoilFirst(bench.store, 'PUT', {
        status: 503,
        code: 'ServerBusy',
        headers: { 'retry-after': '7' },
      })
      const outcome = await send(bench)
      assert.equal(outcome.files, 1)
      assert.deepEqual(bench.sleeps, [7000])
    }))

  it('gives up after six tries with a fault worth another run', () =>
    withBench(async (bench) => {
      await writeFile(join(bench.folder, 'a'), 'a')
      spoilFirst(bench.store, 'PUT', { status: 500, code: 'InternalError' }, 99)
      const { failures } = await send(bench)
      assert.equal(failures[0]?.fault.code, 'azure_storage_unavailable')
      assert.equal(failures[0].fault.exitCode, 5)
      assert.equal(bench.store.log.length, 6)
      assert.deepEqual(bench.sleeps.slice(0, 5), [200, 800, 2000, 5000, 10_000])
    }))

  it('renews the token once when storage refuses it', () =>
    withBench(async (bench) => {
      await writeFile(join(bench.folder, 'a'), 'a')
      bench.store.spoil = (_, headers) =>
        headers.authorization === 'Bearer t0'
          ? { status: 401, code: 'InvalidAuthenticationInfo' }
          : undefined
      assert.equal((await send(bench)).files, 1)
      assert.equal(bench.tokens.renewals, 1)
    }))

  it('does not ask a second time for a token that is refused again', () =>
    withBench(async (bench) => {
      await writeFile(join(bench.folder, 'a'), 'a')
      bench.store.spoil = () => ({ status: 401, code: 'InvalidAuthenticationInfo' })
      const { failures } = await send(bench)
      assert.equal(failures[0]?.fault.code, 'azure_storage_token_refused')
      assert.equal(bench.tokens.renewals, 1)
      assert.equal(bench.store.log.length, 2)
    }))

  it('refuses to replace a blob with overwrite: error', () =>
    withBench(async (bench) => {
      await writeFile(join(bench.folder, 'a'), 'new')
      await send(bench)
      const { failures } = await send(bench, error)
      assert.equal(failures[0]?.fault.code, 'transfer_target_exists')
    }))

  it('does not take its own write for a clash when the answer was lost', () =>
    withBench(async (bench) => {
      await writeFile(join(bench.folder, 'a'), 'mine')
      spoilFirst(bench.store, 'PUT', 'lose-answer')
      const outcome = await send(bench, error)
      assert.deepEqual(outcome.failures, [])
      assert.deepEqual(
        bench.store.log.map((line) => line.split(' ')[0]),
        ['PUT', 'PUT', 'HEAD'],
      )
    }))

  it('still reports a clash when a stranger wrote between two tries', () =>
    withBench(async (bench) => {
      await writeFile(join(bench.folder, 'a'), 'mine')
      let isFirst = true
      bench.store.spoil = () => {
        if (!isFirst) return undefined
        isFirst = false
        bench.store.blobs.set('a', {
          body: Buffer.from('x'),
          md5: '',
          type: '',
          etag: '"0"',
          meta: '',
        })
        return { status: 500, code: 'OperationTimedOut' }
      }
      const { failures } = await send(bench, error)
      assert.equal(failures[0]?.fault.code, 'transfer_target_exists')
    }))

  it('survives a block whose answer was lost', () =>
    withBench(async (bench) => {
      await writeFile(join(bench.folder, 'big'), Buffer.alloc(17 * mib, 1))
      spoilFirst(bench.store, 'comp=block&', 'lose-answer', 2)
      assert.equal((await send(bench)).files, 1)
      assert.equal(bench.store.blobs.get('big')?.body.length, 17 * mib)
    }))

  it('commits nothing when one block is refused, and names the file', () =>
    withBench(async (bench) => {
      await writeFile(join(bench.folder, 'big'), Buffer.alloc(17 * mib, 1))
      spoilFirst(bench.store, 'comp=block&', {
        status: 403,
        code: 'AuthorizationPermissionMismatch',
      })
      const { failures } = await send(bench)
      assert.equal(failures[0]?.name, join(bench.folder, 'big'))
      assert.equal(failures[0].fault.code, 'azure_storage_role_missing')
      assert.equal(bench.store.blobs.size, 0)
      assert.ok(!bench.store.log.some((line) => line.includes('comp=blocklist')))
    }))

  it('notices that a big file was written to while it was sent', () =>
    withBench(async (bench) => {
      const path = join(bench.folder, 'big')
      await writeFile(path, Buffer.alloc(9 * mib, 1))
      bench.store.spoil = (line) => {
        if (line.includes('comp=block&')) void utimes(path, 1, 2)
        return undefined
      }
      const { failures } = await send(bench)
      assert.equal(failures[0]?.fault.code, 'transfer_file_changed')
      assert.equal(bench.store.blobs.size, 0)
    }))

  it('starts nothing more after a failure and counts what was left', () =>
    withBench(async (bench) => {
      for (let i = 0; i < 60; i++) await writeFile(join(bench.folder, `f${i}`), 'x')
      bench.store.spoil = () => ({ status: 403, code: 'AuthorizationFailure' })
      const outcome = await send(bench)
      assert.equal(outcome.files, 0)
      assert.ok(outcome.failures.length >= 1 && outcome.failures.length <= 8)
      assert.equal(outcome.notDone, 60 - outcome.failures.length)
      assert.equal(outcome.failures[0]?.fault.code, 'azure_storage_network_blocked')
    }))

  it('says that the container is missing', async () => {
    const bench = await openBench({ container: 'nope' })
    await writeFile(join(bench.folder, 'a'), 'a')
    const { failures } = await send(bench)
    assert.equal(failures[0]?.fault.code, 'azure_storage_container_absent')
    await bench.close()
  })
})
