// `backup` as an operator runs it.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, statSync, watch, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { backupCommand } from '../bin/backup.ts'
import { restoreCommand } from '../bin/restore.ts'
import { openKeyring } from '../src/audit/keyring.ts'
import { openLocalSignerAt } from '../src/keys/local.ts'
import { fileKeyPlace } from '../src/keys/place.ts'
import { checkRestored, now, readConfig, stageBackup, startState, token } from './backup.fixture.ts'

test('backup › is taken while the service runs and brings back all of that moment, and no more', async (t) => {
  const { configure, run, said, output } = stageBackup(t)
  const config = configure('one')
  const { store, signer, keyring } = await startState(t, config)
  assert.equal(await run.backup(config), 0)
  assert.match(said[0] ?? '', /^wrote .*: 3301 records, 1 tokens, 1 builds, 0 documents, 3 files; /)
  assert.equal(statSync(output).mode & 0o777, 0o600)
  await store.addRequestToken(token('b'))
  const target = configure('two')
  assert.equal(await run.restore(target), 0)
  assert.match(
    said[1] ?? '',
    /^restored: 3301 records[^]*chain node-1: ends at 1101 in [0-9a-f]{64}/,
  )
  await checkRestored(target)
  const { stateFolder } = readConfig(target)
  const place = fileKeyPlace(join(stateFolder, 'signing-keys.json'))
  const restored = await openLocalSignerAt({ now }, place, { mustExist: true })
  assert.deepEqual(restored.publicKeys(), signer.publicKeys())
  const ledgerKey = fileKeyPlace(join(stateFolder, 'ledger-key.node-1.json'))
  const ring = await openKeyring({ now, place: ledgerKey }, 'node-1')
  assert.equal(ring.signer().verifier.text, keyring.signer().verifier.text)
  assert.equal(readFileSync(join(stateFolder, 'token.key'), 'utf8'), 'k'.repeat(32))
  for (const name of readdirSync(stateFolder)) {
    assert.equal(statSync(join(stateFolder, name)).mode & 0o077, 0, name)
  }
})

test('backup › that was changed, cut short or has another passphrase is refused, and nothing is put in place', async (t) => {
  const { configure, run, output, write } = stageBackup(t)
  const config = configure('one')
  await startState(t, config)
  await run.backup(config)
  const whole = readFileSync(output)
  const target = configure('two')
  const { stateFolder } = readConfig(target)
  const at = Math.floor(whole.length / 2)
  const flipped = Buffer.from(whole)
  flipped[at] = (flipped[at] ?? 0) ^ 1
  for (const damaged of [flipped, whole.subarray(0, at), whole.subarray(0, -1)]) {
    writeFileSync(output, damaged)
    await assert.rejects(run.verify(), { code: 'backup_invalid', exitCode: 6 })
    await assert.rejects(run.restore(target), { code: 'backup_invalid', exitCode: 6 })
  }
  writeFileSync(output, whole)
  const other = write('other', 'another passphrase altogether').file
  await assert.rejects(run.verify(output, other), { code: 'backup_locked', exitCode: 3 })
  await assert.rejects(run.restore(target, output, other), { code: 'backup_locked' })
  assert.deepEqual(readdirSync(stateFolder), [])
  assert.equal(await run.verify(), 0)
})

test('backup › of a broken ledger is not said to be whole, and is not restored', async (t) => {
  const { configure, run } = stageBackup(t)
  const config = configure('one')
  const { store } = await startState(t, config)
  await store.appendLedger('node-9', () => [{ seq: 1, hash: 'h', record: '{}' }])
  await assert.rejects(run.backup(config), { code: 'audit_chain_broken', exitCode: 6 })
  const target = configure('two')
  await assert.rejects(run.restore(target), { code: 'audit_chain_broken' })
  assert.deepEqual(readdirSync(readConfig(target).stateFolder), [])
})

test('backup › that is killed leaves a whole file or none', async (t) => {
  const { folder, configure, run, passphrase, output } = stageBackup(t)
  const config = configure('one')
  await startState(t, config)
  const watcher = watch(folder)
  const drafted = once(watcher, 'change')
  const args = ['bin/cli.ts', 'backup', '--config', config, '--output', output]
  const child = spawn(process.execPath, [...args, '--passphrase-file', passphrase], {
    stdio: 'ignore',
  })
  await drafted
  child.kill('SIGKILL')
  await once(child, 'exit')
  watcher.close()
  if (existsSync(output)) assert.equal(await run.verify(), 0)
  else assert.equal(await run.backup(config), 0)
})

for (const args of [[], ['verify'], ['--config', 'x'], ['--nonsense']]) {
  test(`backup ${args.join(' ')} › is a usage error`, async () => {
    const say = () => undefined
    await assert.rejects(backupCommand(args, say), { code: 'cli_usage', exitCode: 2 })
    await assert.rejects(restoreCommand(args, say), { code: 'cli_usage', exitCode: 2 })
  })
}

test('backup › refuses a short passphrase, and writes nothing in clear without one', async (t) => {
  const { configure, write, output, run } = stageBackup(t)
  const config = configure('one')
  const short = write('passphrase', 'short').file
  await assert.rejects(run.backup(config), { code: 'cli_usage', message: /16 bytes/ })
  await assert.rejects(run.verify(output, short), { code: 'cli_usage' })
  assert.ok(!existsSync(output))
})
