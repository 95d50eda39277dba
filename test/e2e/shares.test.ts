// A step on Azure Files: the same settings with `share` in place of `container`, on the lab's file
// service, with the identity of the build.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { chmodSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { names } from '../../src/demo/trust-service.ts'
import { type LabFiles, startFilesServer } from '../../src/lab/files/files-server.ts'
import { assertRefused, listAll, useInstallation } from './lab.ts'

const e2e = useInstallation()

// Runs steps on a share of this name, to which the build's identity has a role.
async function openShare(t: TestContext, share: string, hasRole = true) {
  const { authority, entra, app } = e2e.lab()
  const files: LabFiles = await startFilesServer(
    { authority, entra, now: () => new Date() },
    { accounts: [names.account] },
  )
  t.after(() => files.close())
  files.createShare(names.account, share)
  if (hasRole) {
    files.assignRole({
      principalId: app.objectId,
      role: 'Storage File Data Privileged Contributor',
      account: names.account,
      share,
    })
  }
  const place = { container: '', share, endpoint: files.endpointOf(names.account) }
  const step = async (settings: Record<string, string>, cwd: string) =>
    e2e.step(await e2e.newBuild(), { ...place, ...settings }, cwd)
  const fine = async (settings: Record<string, string>, cwd: string) => {
    const { exitCode, output } = await step(settings, cwd)
    assert.equal(exitCode, 0, output)
    return output
  }
  return { step, fine }
}

test('files go to a share and come back, with modes and odd names', async (t) => {
  const { fine } = await openShare(t, 'builds')
  const big = randomBytes(9 * 1024 * 1024)
  const folder = e2e.workspace({
    'in/a b.txt': 'a',
    'in/ü/50%#.txt': 'x',
    'in/empty': '',
    'in/big.bin': big,
  })
  chmodSync(join(folder, 'in/a b.txt'), 0o755)
  const up = await fine({ action: 'upload', source: 'in', target: 'octo/7' }, folder)
  assert.match(up, /^uploaded 4 files, 9\.4 MB in .* to https:.*\/builds\/octo\/7$/m)
  await fine({ action: 'download', source: 'octo/7/', target: 'out' }, folder)
  assert.deepEqual(listAll(join(folder, 'out')), ['a b.txt', 'big.bin', 'empty', 'ü/50%#.txt'])
  assert.ok(readFileSync(join(folder, 'out/big.bin')).equals(big))
  assert.equal(statSync(join(folder, 'out/a b.txt')).mode & 0o777, 0o755)
})

test('a share is listed, synced, verified and emptied', async (t) => {
  const { fine } = await openShare(t, 'site')
  const folder = e2e.workspace({ 'a.txt': 'a', 'b/c.txt': 'c' })
  const sync = { action: 'sync', source: '.', target: 'x', delete: 'true', preserve: 'false' }
  assert.match(await fine(sync, folder), /^synced 2 files/m)
  assert.match(await fine(sync, folder), /^synced 0 files, .*; 2 left as they are$/m)
  assert.match(await fine({ action: 'list', source: 'x' }, folder), / 1 {2}x\/b\/c\.txt$/m)
  assert.match(await fine({ action: 'verify', source: 'x' }, folder), /^verified 2 files/m)
  const beside = { action: 'verify', source: 'x', target: '.' }
  assert.match(await fine(beside, folder), /^verified 2 files/m)
  const fewer = e2e.workspace({ 'a.txt': 'new' })
  assert.match(await fine(sync, fewer), /removed$/m)
  assert.match(await fine({ action: 'remove', source: 'x/a.txt' }, fewer), /^removed 1 file/m)
})

test('a share without a role for the identity is refused in words', async (t) => {
  const { step } = await openShare(t, 'builds', false)
  const folder = e2e.workspace({ 'a.txt': 'a' })
  const refused = await step({ action: 'upload', source: '.', target: 'octo' }, folder)
  assertRefused(refused, 'azure_storage_role_missing', /Storage File Data Privileged/)
})
