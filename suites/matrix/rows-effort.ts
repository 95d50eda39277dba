// Rows of facts/peers.md §1b on how a transfer works: checksums, concurrency, retries, and going on
// after a crash.
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Case, Scene } from './case.ts'
import { readTree } from './look.ts'
import type { Seen } from './place.ts'
import { startProxy } from './proxy.ts'

const mebibyte = 1024 * 1024

/** Cases on effort. */
export const effortRows: readonly Case[] = [
  {
    row: 'End-to-end checksum verify',
    on: 'both',
    run: async (scene) => {
      const { place, root, workspace, fine, refused } = scene
      const big = randomBytes(9 * mebibyte)
      const folder = workspace({ 'small.txt': 'small', 'big.bin': big })
      await fine({ action: 'upload', source: '.', target: root }, folder)
      const verify = { action: 'verify', source: `${root}/` }
      assert.match(await fine(verify, folder), /^verified 2 files, /m)
      for (const name of ['small.txt', 'big.bin']) {
        await damage(scene, `${root}/${name}`)
        const expected = { exit: 6, code: 'transfer_checksum_mismatch' }
        assert.match(await refused(verify, folder, expected), new RegExp(name.replace('.', '\\.')))
        const down = { action: 'download', source: `${root}/${name}`, target: `out-${name}` }
        await refused(down, folder, expected)
        const out = join(folder, `out-${name}`)
        assert.deepEqual(existsSync(out) ? readTree(out) : {}, {}, 'nothing half-written is left')
        await fine({ action: 'upload', source: name, target: root }, folder)
      }
      assert.match(await fine(verify, folder), /^verified 2 files, /m)
      assert.ok((await place.get(`${root}/big.bin`))?.content.equals(big))
    },
  },
  {
    row: 'End-to-end checksum verify',
    aspect: 'MD5 on request, and compared with files',
    on: 'both',
    run: async ({ place, lab, root, workspace, fine, refused }) => {
      const folder = workspace({ 'a.txt': 'a', 'b.bin': randomBytes(9 * mebibyte) })
      await fine({ action: 'upload', source: '.', target: root, integrity: 'md5' }, folder)
      if (place.service === 'blob') {
        for (const name of ['a.txt', 'b.bin']) {
          const state = await lab.container.getBlobClient(`${root}/${name}`).getProperties()
          const md5 = createHash('md5')
            .update(readFileSync(join(folder, name)))
            .digest('base64')
          assert.equal(Buffer.from(state.contentMD5 ?? '').toString('base64'), md5)
        }
      }
      const verify = { action: 'verify', source: `${root}/`, target: '.' }
      assert.match(await fine(verify, folder), /^verified 2 files, /m)
      const other = workspace({ 'a.txt': 'b', 'b.bin': readFileSync(join(folder, 'b.bin')) })
      await refused(verify, other, { exit: 6, code: 'transfer_checksum_mismatch' })
    },
  },
  {
    row: 'File / chunk concurrency',
    on: 'both',
    run: async ({ place, root, workspace, fine }) => {
      const big = randomBytes(24 * mebibyte)
      const files: Record<string, Buffer> = { 'big.bin': big }
      for (let index = 0; index < 100; index += 1) files[`small/${index}.txt`] = randomBytes(100)
      const folder = workspace(files)
      const host = new URL(place.settings['endpoint'] ?? '').host
      for (const concurrency of ['1', '64']) {
        const proxy = await startProxy()
        try {
          const target = `${root}/${concurrency}`
          const env = { HTTPS_PROXY: proxy.url }
          await fine({ action: 'upload', source: '.', target, concurrency }, folder, env)
          const up = proxy.most.get(host) ?? 0
          proxy.most.clear()
          const back = workspace()
          const down = { action: 'download', source: `${target}/`, target: 'out', concurrency }
          await fine(down, back, env)
          for (const most of [up, proxy.most.get(host) ?? 0]) {
            if (concurrency === '1') assert.equal(most, 1, 'one connection was to be used')
            else assert.ok(most >= 4 && most <= 64, `${most} connections were used of 64`)
          }
          assert.equal((await place.list(target)).length, 101)
          assert.ok(readFileSync(join(back, 'out/big.bin')).equals(big))
        } finally {
          await proxy.close()
        }
      }
    },
  },
  {
    row: 'Resume after crash',
    aspect: 'up',
    on: 'both',
    run: async (scene) => {
      const { place, root, workspace, fine } = scene
      const folder = workspace({ 'big.bin': randomBytes(48 * mebibyte) })
      const up = { action: 'upload', source: 'big.bin', target: root }
      // Few at a time, so that some parts are whole when it ends.
      await killAfter(scene, { ...up, concurrency: '2' }, folder, 30 * mebibyte)
      assert.equal(await place.get(`${root}/big.bin`).then((seen) => isWhole(seen, folder)), false)
      const mark = place.mark()
      await fine(up, folder)
      const sent = place.callsSince(mark).reduce((sum, each) => sum + each.requestBytes, 0)
      assert.ok(sent < 40 * mebibyte, `${sent} bytes were sent by the second run`)
      assert.ok(isWhole(await place.get(`${root}/big.bin`), folder))
      // Another file under the name shares nothing with what was sent before.
      const other = workspace({ 'big.bin': randomBytes(48 * mebibyte) })
      const second = { ...up, target: `${root}/second` }
      await killAfter(scene, second, folder, 20 * mebibyte)
      await fine(second, other)
      assert.ok(isWhole(await place.get(`${root}/second/big.bin`), other))
    },
  },
  {
    row: 'Resume after crash',
    aspect: 'down',
    on: 'both',
    run: async (scene) => {
      const { place, root, workspace, fine } = scene
      const big = randomBytes(48 * mebibyte)
      await fine(
        { action: 'upload', source: 'big.bin', target: root },
        workspace({ 'big.bin': big }),
      )
      const folder = workspace()
      const down = { action: 'download', source: `${root}/big.bin`, target: '.' }
      await killAfter(scene, { ...down, concurrency: '2' }, folder, 30 * mebibyte)
      assert.ok(!existsSync(join(folder, 'big.bin')), 'nothing half-written has its name')
      const mark = place.mark()
      await fine(down, folder)
      const got = place.callsSince(mark).reduce((sum, each) => sum + each.responseBytes, 0)
      assert.ok(got < 40 * mebibyte, `${got} bytes were fetched by the second run`)
      assert.deepEqual(Object.keys(readTree(folder)), ['big.bin'], 'and nothing is left over')
      assert.ok(readFileSync(join(folder, 'big.bin')).equals(big))
    },
  },
  {
    row: 'Retries configurable',
    on: 'both',
    run: async ({ place, root, workspace, fine, refused }) => {
      const up = { action: 'upload', source: '.', target: root, concurrency: '1' }
      const busy = { status: 503, code: 'ServerBusy' }
      const folder = workspace({ 'a.txt': 'a' })
      place.failNext({ ...busy, count: 1 })
      await fine({ ...up, retries: '1' }, folder)
      assert.equal((await place.get(`${root}/a.txt`))?.content.toString(), 'a')
      place.failNext({ ...busy, count: 2 })
      const expected = { exit: 5, code: 'azure_storage_(throttled|unavailable)' }
      await refused({ ...up, retries: '0' }, folder, expected)
      place.failNext({ ...busy, count: 1, retryAfterSeconds: 1 })
      const startedAt = performance.now()
      // One of the two is left over from before.
      await fine({ ...up, retries: '4' }, folder)
      assert.ok(performance.now() - startedAt > 1000, 'Retry-After is waited for')
      await refused({ ...up, retries: '99' }, folder, { exit: 2, code: 'plugin_setting_invalid' })
    },
  },
]

// Changes the content and keeps everything beside it, as bad storage would.
async function damage({ lab, place }: Scene, name: string): Promise<void> {
  const seen = await place.get(name)
  assert.ok(seen)
  const content = Buffer.from(seen.content)
  content.writeUInt8(content.readUInt8(content.length - 1) ^ 1, content.length - 1)
  if (place.service === 'blob') {
    await lab.container.getBlockBlobClient(name).uploadData(content, {
      metadata: { ...seen.metadata },
      blobHTTPHeaders: { blobContentType: seen.contentType },
    })
    return
  }
  const at = name.lastIndexOf('/')
  const file = lab.share.getDirectoryClient(name.slice(0, at)).getFileClient(name.slice(at + 1))
  await file.uploadRange(content.subarray(-1), content.length - 1, 1)
}

// kill -9 when so many bytes have passed.
async function killAfter(
  { lab, place }: Scene,
  settings: Readonly<Record<string, string>>,
  cwd: string,
  bytes: number,
): Promise<void> {
  const proxy = await startProxy()
  try {
    const stalled = proxy.stallAfter(bytes)
    const env = { HTTPS_PROXY: proxy.url }
    const { child, ended, output } = lab.spawnStep({ ...place.settings, ...settings }, cwd, env)
    await Promise.race([stalled, ended])
    assert.equal(child.exitCode, null, `the step ended by itself: ${output()}`)
    child.kill('SIGKILL')
    await ended
  } finally {
    await proxy.close()
  }
}

function isWhole(seen: Seen | undefined, folder: string): boolean {
  return seen?.content.equals(readFileSync(join(folder, 'big.bin'))) ?? false
}
