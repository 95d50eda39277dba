// What goes wrong with files: each case ends in its own sentence and exit code, and leaves nothing
// half-written behind.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { fetchToken } from '../../src/demo/step.ts'
import { assertRefused, listAll, plugin, uploadAll, useInstallation } from './lab.ts'

const e2e = useInstallation()
const big = randomBytes(20 * 1024 * 1024)

async function uploaded(target: string, files: Record<string, string | Buffer>): Promise<void> {
  const finished = await e2e.step(await e2e.newBuild(), uploadAll(target), e2e.workspace(files))
  assert.equal(finished.exitCode, 0, finished.output)
}

const downloadOf = (source: string) => ({ action: 'download', source, target: 'out' })

test('no file matched is an error that names the pattern', async () => {
  const settings = { action: 'upload', source: 'dist/**,*.md', target: 'octo/hello/none' }
  const finished = await e2e.step(await e2e.newBuild(), settings, e2e.workspace({ 'a.txt': 'a' }))
  assertRefused(finished, 'transfer_no_files', /dist\/\*\*/)
})

test('no blob matched is an error that names the prefix', async () => {
  const folder = e2e.workspace()
  const settings = downloadOf('octo/hello/nothing-here/**')
  const finished = await e2e.step(await e2e.newBuild(), settings, folder)
  assertRefused(finished, 'transfer_no_files', /octo\/hello\/nothing-here/)
  assert.deepEqual(listAll(folder), [])
})

test('an upload target that exists is kept with `overwrite: error`', async () => {
  await uploaded('octo/hello/taken', { 'a.txt': 'first' })
  const settings = { ...uploadAll('octo/hello/taken'), overwrite: 'error' }
  const finished = await e2e.step(
    await e2e.newBuild(),
    settings,
    e2e.workspace({ 'a.txt': 'second' }),
  )
  assertRefused(finished, 'transfer_target_exists', /octo\/hello\/taken\/a\.txt/)
  const folder = e2e.workspace()
  await e2e.step(await e2e.newBuild(), downloadOf('octo/hello/taken/'), folder)
  assert.equal(readFileSync(join(folder, 'out/a.txt'), 'utf8'), 'first')
})

test('a download target that exists is kept with `overwrite: error`', async () => {
  await uploaded('octo/hello/twice', { 'a.txt': 'remote', 'b.txt': 'remote' })
  const folder = e2e.workspace({ 'out/b.txt': 'local' })
  const settings = { ...downloadOf('octo/hello/twice/'), overwrite: 'error' }
  const finished = await e2e.step(await e2e.newBuild(), settings, folder)
  assertRefused(finished, 'transfer_target_exists', /b\.txt/)
  assert.deepEqual(listAll(folder), ['out/b.txt'])
  assert.equal(readFileSync(join(folder, 'out/b.txt'), 'utf8'), 'local')
})

test('a full disk on download is said so, and no part of a file stays', async () => {
  await uploaded('octo/hello/disk', { 'big.bin': big })
  const folder = e2e.workspace()
  const build = await e2e.newBuild()
  const { token } = await fetchToken(e2e.lab(), build)
  // A file-size limit fails writes as a quota does; a full device is the same row of the same table.
  const command = ['/bin/sh', '-c', 'ulimit -f 8192; exec "$@"', 'sh', ...plugin]
  const finished = await e2e.stepWith(build, token, downloadOf('octo/hello/disk/'), folder, command)
  assertRefused(finished, 'transfer_disk_full', /big\.bin/)
  assert.deepEqual(listAll(folder), [])
})

test('an interrupted download leaves no part of a file', async () => {
  await uploaded('octo/hello/interrupted', { 'big.bin': big })
  const folder = e2e.workspace()
  const build = await e2e.newBuild()
  const { token } = await fetchToken(e2e.lab(), build)
  // One part of the blob is answered with a long wait, so the signal always finds the step at work.
  e2e.lab().storage.failNext({
    count: 1,
    status: 503,
    code: 'ServerBusy',
    retryAfterSeconds: 20,
    operation: 'GetBlob',
  })
  const command = [
    '/bin/sh',
    '-c',
    '"$@" & child=$!; sleep 2; kill -TERM $child; wait $child',
    'sh',
  ]
  const finished = await e2e.stepWith(build, token, downloadOf('octo/hello/interrupted/'), folder, [
    ...command,
    ...plugin,
  ])
  assertRefused(finished, 'transfer_interrupted', /told to stop/)
  assert.deepEqual(listAll(folder), [])
})

test('a refused token in mid-transfer is renewed, and the transfer goes on', async () => {
  const lab = e2e.lab()
  const before = lab.entra.exchanges.length
  lab.storage.failNext({ count: 1, status: 401, code: 'InvalidAuthenticationInfo' })
  await uploaded('octo/hello/renewed', { 'a.txt': 'a', 'b.txt': 'b' })
  assert.equal(lab.entra.exchanges.length - before, 2)
})

test('what was uploaded comes back byte for byte, with its odd name', async () => {
  const files = {
    'empty.dat': '',
    'sp ace.txt': 'a',
    '50%.txt': 'b',
    '#hash?.txt': 'c',
    'a%2Fb.txt': 'd',
    'über/naïve.txt': 'f',
    'u\u0308ber.txt': 'g',
    '日本語/🚀.txt': 'h',
    'quote\'"&<>.txt': 'i',
    'comma,semi;.txt': 'j',
    'dot./end..txt': 'k',
    'big.bin': big,
  }
  await uploaded('octo/hello/odd names', files)
  const folder = e2e.workspace()
  const finished = await e2e.step(await e2e.newBuild(), downloadOf('octo/hello/odd names/'), folder)
  assert.equal(finished.exitCode, 0, finished.output)
  assert.deepEqual(listAll(join(folder, 'out')), Object.keys(files).toSorted())
  for (const [name, content] of Object.entries(files)) {
    assert.ok(readFileSync(join(folder, 'out', name)).equals(Buffer.from(content)), name)
  }
})

test('a workspace that is not clean text in every name is refused before anything is sent', async () => {
  const folder = e2e.workspace({ 'a.txt': 'a' })
  writeFileSync(Buffer.concat([Buffer.from(`${folder}/`), Buffer.from([0x66, 0xff])]), 'x')
  const before = e2e.lab().storage.calls.length
  const finished = await e2e.step(await e2e.newBuild(), uploadAll('octo/hello/bytes'), folder)
  assertRefused(finished, 'transfer_name_invalid', /UTF-8/)
  assert.equal(e2e.lab().storage.calls.length, before)
})

test('a name that Azure would change is refused before anything is sent', async () => {
  const before = e2e.lab().storage.calls.length
  const folder = e2e.workspace({ 'back\\slash.txt': 'a', 'b.txt': 'b' })
  const finished = await e2e.step(await e2e.newBuild(), uploadAll('octo/hello/backslash'), folder)
  assertRefused(finished, 'transfer_name_invalid', /back\\slash\.txt/)
  assert.equal(e2e.lab().storage.calls.length, before)
})
