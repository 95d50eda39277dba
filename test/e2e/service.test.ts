// The trust service as the person sees it who starts it with something wrong.
import assert from 'node:assert/strict'
import { chmodSync, cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { test, type TestContext } from 'node:test'

import { runProgram } from '../../src/demo/program.ts'
import { useInstallation } from './lab.ts'

const e2e = useInstallation()

const serve = (...args: string[]) =>
  runProgram([process.execPath, resolve('dist/service.mjs'), ...args], { cwd: '.', env: {} })

// The running installation's own files, copied, so that one thing can be wrong with them.
function copyFiles(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'asd-service-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const original = e2e.lab().folder
  cpSync(original, folder, { recursive: true })
  const config = join(folder, 'service.yaml')
  writeFileSync(config, readFileSync(config, 'utf8').replaceAll(original, folder))
  return folder
}

test('a configuration that is not there is named', async () => {
  const { exitCode, output } = await serve('--config', '/nowhere/service.yaml')
  assert.equal(exitCode, 2)
  assert.match(output, /\/nowhere\/service\.yaml cannot be read/)
})

test('an unknown option shows the usage', async () => {
  const { exitCode, output } = await serve('--confg', 'x')
  assert.equal(exitCode, 2)
  assert.match(output, /--confg/)
  assert.match(output, /azure-storage-drone serve --config FILE/)
})

test('every mistake of a configuration is told at once', async (t) => {
  const folder = copyFiles(t)
  const config = join(folder, 'service.yaml')
  const text = readFileSync(config, 'utf8')
  writeFileSync(
    config,
    text.replace('scm: gitea', 'scm: svn').replace('issuer_url: https', 'issuer_url: http'),
  )
  const { exitCode, output } = await serve('--config', config)
  assert.equal(exitCode, 2)
  assert.match(output, /has 2 problem\(s\)/)
  assert.match(output, /issuer_url: must begin with https/)
  assert.match(output, /instances\.main\.scm/)
})

test('an address that is taken is named with its door', async (t) => {
  const folder = copyFiles(t)
  const { exitCode, output } = await serve('--config', join(folder, 'service.yaml'))
  assert.equal(exitCode, 2)
  assert.match(output, /door cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/)
})

function changeRecord(folder: string, which: string): void {
  const database = new DatabaseSync(join(folder, 'state/state.db'))
  database.exec(`UPDATE ledger SET record = replace(record, '"v":1', '"v":2') WHERE seq = ${which}`)
  database.close()
}

test('a ledger whose newest records somebody changed stops the service, with the record', async (t) => {
  const folder = copyFiles(t)
  changeRecord(folder, '(SELECT max(seq) FROM ledger)')
  const { exitCode, output } = await serve('--config', join(folder, 'service.yaml'))
  assert.equal(exitCode, 6)
  assert.match(output, /broken at record \d+ \(flip\)/)
})

test('a ledger of which an older record was changed is found by audit verify', async (t) => {
  const folder = copyFiles(t)
  const verify = () =>
    runProgram(
      [process.execPath, resolve('dist/cli.mjs')].concat([
        'audit',
        'verify',
        '--config',
        join(folder, 'service.yaml'),
      ]),
      { cwd: '.', env: {} },
    )
  const { exitCode, output } = await verify()
  assert.equal(exitCode, 0, output)
  assert.match(output, /^ok \d+ records in 1 chains/)
  changeRecord(folder, '1')
  const found = await verify()
  assert.equal(found.exitCode, 6)
  assert.match(found.output, /broken at record 1 \(flip\)/)
})

test('a key file that others may read is refused', async (t) => {
  const folder = copyFiles(t)
  chmodSync(join(folder, 'state/signing-keys.json'), 0o644)
  const { exitCode, output } = await serve('--config', join(folder, 'service.yaml'))
  assert.equal(exitCode, 2)
  assert.match(output, /it must have mode 0600/)
})
