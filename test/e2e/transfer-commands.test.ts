// The commands for people: `azure-storage-drone upload|download|sync|list|remove|link|verify`, as a shell
// runs them, on a real installation.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { join, resolve } from 'node:path'
import { test } from 'node:test'

import { fetchToken } from '../../src/demo/step.ts'
import { names } from '../../src/demo/trust-service.ts'
import { listAll, useInstallation } from './lab.ts'

const e2e = useInstallation()
const cli = [process.execPath, resolve('dist/cli.mjs')]
let token = ''

// The place on the lab, and the flags that lead there.
async function open() {
  const lab = e2e.lab()
  token ||= (await fetchToken(lab, await e2e.newBuild())).token
  const endpoint = lab.storage.endpointOf(names.account)
  return {
    place: `${endpoint}/${names.container}/octo/hello`,
    common: ['--endpoint', endpoint, '--authority-host', lab.entra.url, '--ca-file', lab.caFile],
  }
}

async function cliRun(cwd: string, words: readonly string[], env: Record<string, string> = {}) {
  const { promise, resolve: end } = Promise.withResolvers<{
    exitCode: number | null
    out: string
    err: string
  }>()
  const child = spawn(cli[0] ?? '', [...cli.slice(1), ...words], {
    cwd,
    env: { AZURE_STORAGE_DRONE_TOKEN: token, ...env },
  })
  let [out, err] = ['', '']
  child.stdout.setEncoding('utf8').on('data', (text: string) => (out += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (err += text))
  child.once('close', (exitCode) => end({ exitCode, out, err }))
  return promise
}

async function fine(cwd: string, ...words: string[]): Promise<{ out: string; err: string }> {
  const { common } = await open()
  const { exitCode, out, err } = await cliRun(cwd, [...words, ...common])
  assert.equal(exitCode, 0, err)
  return { out, err }
}

test('files go up, are listed, verified, fetched and removed', async () => {
  const { place } = await open()
  const folder = e2e.workspace({ 'dist/a.txt': 'aa', 'dist/b/c 50%.js': 'c', 'dist/x.map': 'x' })
  const up = await fine(folder, 'upload', 'dist', `${place}/cli`, '--exclude', '*.map')
  assert.equal(up.out, '')
  assert.match(up.err, /^uploaded 2 files, 3 B in .* to https:.*\/octo\/hello\/cli$/m)

  const listed = await fine(folder, 'list', `${place}/cli`)
  assert.deepEqual(
    listed.out
      .trimEnd()
      .split('\n')
      .map((line) => line.replace(/^.{41}/, '')),
    ['octo/hello/cli/a.txt', 'octo/hello/cli/b/c 50%.js'],
  )
  assert.match((await fine(folder, 'verify', `${place}/cli`, 'dist')).err, /^verified 2 files/m)

  await fine(folder, 'download', `${place}/cli/b/c%2050%25.js`, `${place}/cli/*.txt`, 'out')
  assert.deepEqual(listAll(join(folder, 'out')), ['a.txt', 'c 50%.js'])

  await fine(folder, 'remove', `${place}/cli/b`)
  assert.equal((await fine(folder, 'list', `${place}/cli`)).out.trimEnd().split('\n').length, 1)
})

test('a sync goes toward its last word, and --json is one document', async () => {
  const { place } = await open()
  const folder = e2e.workspace({ 'dist/a.txt': 'aa', 'dist/b.txt': 'b' })
  const words = ['sync', 'dist', `${place}/sync`, '--delete', '--json']
  const { out } = await fine(folder, ...words)
  const document = JSON.parse(out) as { status: string; transfers: { files: number }[] }
  assert.equal(document.status, 'done')
  assert.equal(document.transfers[0]?.files, 2)
  await fine(folder, 'sync', `${place}/sync/`, 'mirror')
  assert.deepEqual(listAll(join(folder, 'mirror')), ['a.txt', 'b.txt'])
})

test('a listing as JSON is one document, also when it is empty', async () => {
  const { place } = await open()
  const folder = e2e.workspace({ 'dist/a.txt': 'aa', 'dist/b.txt': 'b' })
  await fine(folder, 'upload', 'dist', `${place}/json`)
  const read = async (...words: string[]) =>
    JSON.parse((await fine(folder, 'list', ...words, '--json')).out) as {
      files: { name: string; sizeBytes: number; modifiedAt: string }[]
      transfers: { files: number }[]
    }
  const { files, transfers } = await read(`${place}/json`)
  assert.deepEqual(
    files.map(({ name, sizeBytes }) => [name, sizeBytes]),
    [
      ['octo/hello/json/a.txt', 2],
      ['octo/hello/json/b.txt', 1],
    ],
  )
  assert.equal(transfers[0]?.files, 2)
  assert.deepEqual((await read(`${place}/none/**`, '--if-no-files', 'ignore')).files, [])
})

test('a link is not written to a pipe, which may be a log', async () => {
  const { place, common } = await open()
  const folder = e2e.workspace({ 'a.txt': 'a' })
  await fine(folder, 'upload', 'a.txt', `${place}/link`)
  const words = ['link', `${place}/link/a.txt`, ...common]
  const { exitCode, out, err } = await cliRun(folder, words)
  assert.equal(exitCode, 2)
  assert.match(err, /--output-file is missing/)
  assert.equal(out, '')
})

test('what is wrong is said in the words of the command line', async () => {
  const { place, common } = await open()
  const folder = e2e.workspace({ 'a.txt': 'a' })
  const wrong = await cliRun(folder, ['upload', 'a.txt', place, ...common, '--contnt-type', 'x'])
  assert.equal(wrong.exitCode, 2)
  assert.match(wrong.err, /--contnt-type is unknown \(did you mean --content-type\?\)/)
  assert.match(wrong.err, /what to do: Run `azure-storage-drone upload --help`/)
  const anonymous = await cliRun(folder, ['list', place, ...common], {
    AZURE_STORAGE_DRONE_TOKEN: '',
  })
  assert.equal(anonymous.exitCode, 3)
  assert.match(anonymous.err, /AZURE_STORAGE_DRONE_TOKEN is empty/)
  const nothing = await cliRun(folder, ['upload', 'b.txt', place, ...common])
  assert.equal(nothing.exitCode, 4)
  assert.match(nothing.err, /code transfer_no_files, exit 4/)
})

test('every command has its help', () => {
  for (const action of ['upload', 'download', 'sync', 'list', 'remove', 'link', 'verify']) {
    const { status, stdout } = spawnSync(cli[0] ?? '', [...cli.slice(1), action, '--help'], {
      env: {},
    })
    assert.equal(status, 0)
    assert.match(stdout.toString(), new RegExp(`^azure-storage-drone ${action} `))
  }
})
