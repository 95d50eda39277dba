import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'

import { openFolder } from './write.ts'

describe('the target folder', () => {
  let root = ''
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'asd-'))
  })
  after(() => rm(root, { recursive: true }))

  it('shows a file whole at its commit and not before', async () => {
    const part = await openFolder({ pid: 1 }, join(root, 'new/target'), { replaces: true }).create([
      'd',
      'a',
    ])
    await part.write(Buffer.from('lo'), 3)
    await part.write(Buffer.from('hel'), 0)
    const folder = join(root, 'new/target/d')
    assert.deepEqual(await readdir(folder), ['.a.part-1-0'])
    await part.commit()
    assert.deepEqual(await readdir(folder), ['a'])
    assert.equal(await readFile(join(folder, 'a'), 'utf8'), 'hello')
  })

  it('leaves nothing of a file that is discarded', async () => {
    const part = await openFolder({ pid: 1 }, join(root, 'gone'), { replaces: true }).create(['a'])
    await part.write(Buffer.from('x'), 0)
    await part.discard()
    assert.deepEqual(await readdir(join(root, 'gone')), [])
  })

  it('does not replace what appeared meanwhile', async () => {
    const part = await openFolder({ pid: 1 }, join(root, 'race'), { replaces: false }).create(['a'])
    await writeFile(join(root, 'race/a'), 'theirs')
    await assert.rejects(part.commit(), { code: 'transfer_target_exists' })
    await part.discard()
    assert.deepEqual(await readdir(join(root, 'race')), ['a'])
    assert.equal(await readFile(join(root, 'race/a'), 'utf8'), 'theirs')
  })

  it('keeps names of 255 bytes, whose temporary name must be shorter', async () => {
    const name = `${'é'.repeat(127)}x`
    const part = await openFolder({ pid: 1 }, join(root, 'long'), { replaces: true }).create([name])
    await part.commit()
    assert.deepEqual(await readdir(join(root, 'long')), [name])
  })

  it('calls a size limit of the system a full disk', () => {
    const program = `
      import { openFolder } from ${JSON.stringify(new URL('write.ts', import.meta.url).href)}
      const part = await openFolder({ pid: 1 }, '.', { replaces: true }).create(['big'])
      try { await part.write(Buffer.alloc(200_000), 0) } catch (error) { console.log(error.code) }
      await part.discard()`
    const shell = 'ulimit -f 100; exec "$0" --input-type=module -e "$1"'
    const cwd = join(root, 'new')
    const output = execFileSync('sh', ['-c', shell, process.execPath, program], { cwd }).toString()
    assert.equal(output.trim(), 'transfer_disk_full')
    assert.ok(!execFileSync('ls', ['-A'], { cwd }).toString().includes('part'))
  })
})
