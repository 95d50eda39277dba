// The build cache as steps of a pipeline: saved, restored, looked for, listed, cleared and pruned, through the
// bundled plugin, with the identity of a build.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import {
  chmodSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { compareTrees } from '../../src/demo/tree.ts'
import { useInstallation } from './lab.ts'

const e2e = useInstallation()

function makeTree(folder: string): void {
  mkdirSync(join(folder, 'kept/deep/empty'), { recursive: true })
  for (let index = 0; index < 50; index += 1) {
    writeFileSync(join(folder, `kept/deep/${index}.txt`), `file ${index}\n`.repeat(index))
  }
  writeFileSync(join(folder, 'kept/tool.sh'), '#!/bin/sh\n')
  chmodSync(join(folder, 'kept/tool.sh'), 0o755)
  utimesSync(join(folder, 'kept/tool.sh'), 1_700_000_000, 1_700_000_000)
  writeFileSync(join(folder, 'kept/big.bin'), randomBytes(9_000_000))
  symlinkSync('deep/1.txt', join(folder, 'kept/link'))
  linkSync(join(folder, 'kept/deep/2.txt'), join(folder, 'kept/second'))
}

for (const mode of ['pack', 'archive'] as const) {
  test(`cache › in mode ${mode} comes back as it was, and says so`, async () => {
    const cwd = e2e.workspace({ 'lock.json': '1' })
    makeTree(cwd)
    const build = await e2e.newBuild()
    const common = {
      target: `octo/hello/caches-${mode}`,
      path: 'kept',
      cache_key: 'deps-{{ os }}-{{ hashFiles "lock.json" }}',
      output_file: 'out.env',
    }
    const save = await e2e.step(build, { ...common, action: 'save', mode }, cwd)
    assert.equal(save.exitCode, 0, save.output)
    assert.match(save.output, /saved “deps-linux-[0-9a-f]{64}” of default: 57 entries, 9 MB/)

    const again = await e2e.step(build, { ...common, action: 'save', mode }, cwd)
    assert.equal(again.exitCode, 0, again.output)
    assert.match(again.output, /not saved: “deps-linux-.*” of default is there already/)

    const other = e2e.workspace({ 'lock.json': '1' })
    const restore = await e2e.step(build, { ...common, action: 'restore' }, other)
    assert.equal(restore.exitCode, 0, restore.output)
    assert.match(restore.output, /restored “deps-linux-.*saved by octo\/hello#\d+/)
    assert.deepEqual(await compareTrees(join(cwd, 'kept'), join(other, 'kept')), [])
    assert.equal(lstatSync(join(other, 'kept/tool.sh')).mode & 0o777, 0o755)
    assert.equal(lstatSync(join(other, 'kept/tool.sh')).mtimeMs, 1_700_000_000_000)
    assert.equal(
      lstatSync(join(other, 'kept/second')).ino,
      lstatSync(join(other, 'kept/deep/2.txt')).ino,
    )
    assert.match(readFileSync(join(other, 'out.env'), 'utf8'), /AZURE_STORAGE_DRONE_CACHE='exact'/)

    writeFileSync(join(other, 'lock.json'), '2')
    rmSync(join(other, 'kept'), { recursive: true })
    const settings = { ...common, action: 'restore', restore_keys: 'nothing-,deps-linux-' }
    const partial = await e2e.step(build, settings, other)
    assert.equal(partial.exitCode, 0, partial.output)
    assert.match(readFileSync(join(other, 'out.env'), 'utf8'), /CACHE='partial'/)
    assert.deepEqual(await compareTrees(join(cwd, 'kept'), join(other, 'kept')), [])
  })
}

test('cache › that is not there is a miss, and a failure only for who says so', async () => {
  const cwd = e2e.workspace()
  const build = await e2e.newBuild()
  const settings = { action: 'restore', target: 'octo/hello/none', path: 'kept', cache_key: 'a' }
  const miss = await e2e.step(build, settings, cwd)
  assert.equal(miss.exitCode, 0, miss.output)
  assert.match(miss.output, /nothing is saved under “a”/)
  const failed = await e2e.step(build, { ...settings, fail_on_miss: 'true' }, cwd)
  assert.equal(failed.exitCode, 4, failed.output)
  assert.match(failed.output, /code cache_absent, exit 4/)
})

test('cache › is listed, shown, cleared and pruned', async () => {
  const cwd = e2e.workspace({ 'kept/a': 'a' })
  const build = await e2e.newBuild()
  const common = { target: 'octo/hello/house', cache_key: 'one' }
  const save = await e2e.step(build, { ...common, action: 'save', path: 'kept' }, cwd)
  assert.equal(save.exitCode, 0, save.output)
  const list = await e2e.step(build, { target: common.target, action: 'keys' }, cwd)
  assert.match(list.output, /default\/one\n/)
  const show = await e2e.step(build, { ...common, action: 'keys', scope: 'default' }, cwd)
  assert.match(show.output, /paths {6}kept\n.*2 entries/s)
  const prune = await e2e.step(build, { target: common.target, action: 'prune' }, cwd)
  assert.equal(prune.exitCode, 0, prune.output)
  const clear = await e2e.step(build, { ...common, action: 'clear', cache_key: 'o*' }, cwd)
  assert.equal(clear.exitCode, 0, clear.output)
  const gone = await e2e.step(build, { ...common, action: 'restore', path: 'kept' }, cwd)
  assert.match(gone.output, /nothing is saved under “one”/)
})
