import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, it } from 'node:test'

import { openFolder } from './write.ts'

const root = mkdtempSync(join(tmpdir(), 'asd-write-'))
const version = { source: 'https://a/c/big', etag: '"1"', sizeBytes: 10 }
const range = { from: 0, sizeBytes: 5, crc64: 'AAAAAAAAAAA=' }

// Every reading of the clock is `stepMs` later than the one before.
function open(name: string, { replaces = true, pid = 1, stepMs = 0 } = {}) {
  let nowMs = 0
  const now = () => new Date((nowMs += stepMs))
  return openFolder({ pid, now }, join(root, name), { replaces })
}

function list(name: string): string[] {
  return readdirSync(join(root, name)).toSorted()
}

describe('the target folder', () => {
  after(() => rmSync(root, { recursive: true }))

  it('shows a file whole at its commit and not before', () => {
    const part = open('new/target').create(['d', 'a'])
    void part.write(Buffer.from('lo'), 3)
    void part.write(Buffer.from('hel'), 0)
    assert.deepEqual(list('new/target/d'), ['.a.part-1-0'])
    part.commit({})
    assert.deepEqual(list('new/target/d'), ['a'])
    assert.equal(readFileSync(join(root, 'new/target/d/a'), 'utf8'), 'hello')
  })

  it('leaves nothing of a file that is discarded', () => {
    const part = open('gone').create(['a'])
    part.begin(version)
    void part.write(Buffer.from('x'), 0)
    assert.equal(list('gone').length, 2)
    part.discard()
    part.discard()
    assert.deepEqual(list('gone'), [])
  })

  it('leaves small files to a thread once two of them took long, and shows them whole', async () => {
    const folder = open('slow-small', { stepMs: 60 })
    const attributes = { mode: 0o640, modifiedAtMs: 5_000 }
    assert.equal(folder.writeWhole(['a'], Buffer.from('one'), attributes), undefined)
    assert.equal(folder.writeWhole(['c'], Buffer.from('one'), attributes), undefined)
    const writing = folder.writeWhole(['d', 'b'], Buffer.from('two'), attributes)
    assert.ok(writing instanceof Promise)
    assert.ok(!list('slow-small/d').includes('b'))
    await writing
    assert.deepEqual(list('slow-small/d'), ['b'])
    for (const path of ['a', 'd/b']) {
      const { mode, mtimeMs } = lstatSync(join(root, 'slow-small', path))
      assert.deepEqual([mode & 0o777, mtimeMs], [0o640, 5_000])
    }
    assert.equal(readFileSync(join(root, 'slow-small/d/b'), 'utf8'), 'two')
  })

  it('replaces nothing and leaves nothing behind on a slow disk either', async () => {
    const folder = open('slow-kept', { stepMs: 60, replaces: false })
    for (const name of ['a', 'b']) void folder.writeWhole([name], Buffer.from('theirs'), {})
    await assert.rejects(async () => folder.writeWhole(['a'], Buffer.from('mine'), {}), {
      code: 'transfer_target_exists',
    })
    assert.deepEqual(list('slow-kept'), ['a', 'b'])
    assert.equal(readFileSync(join(root, 'slow-kept/a'), 'utf8'), 'theirs')
  })

  it('leaves a writing to a thread once the disk was slow, and writes the same', async () => {
    const folder = open('slow', { stepMs: 60 })
    const part = folder.create(['a'])
    assert.equal(part.write(Buffer.from('one'), 0), undefined)
    assert.equal(part.write(Buffer.from('two'), 3), undefined)
    const third = part.write(Buffer.from('three'), 6)
    assert.ok(third instanceof Promise)
    await third
    part.commit({})
    assert.equal(readFileSync(join(root, 'slow/a'), 'utf8'), 'onetwothree')
  })

  it('does not replace what appeared meanwhile', () => {
    const folder = open('race', { replaces: false })
    const part = folder.create(['a'])
    writeFileSync(join(root, 'race/a'), 'theirs')
    assert.throws(() => part.commit({}), { code: 'transfer_target_exists' })
    part.discard()
    const whole = () => folder.writeWhole(['a'], Buffer.from('mine'), {})
    assert.throws(whole, { code: 'transfer_target_exists' })
    assert.throws(() => folder.makeLink(['a'], 'b'), { code: 'transfer_target_exists' })
    assert.deepEqual(list('race'), ['a'])
    assert.equal(readFileSync(join(root, 'race/a'), 'utf8'), 'theirs')
  })

  it('keeps names of 255 bytes, whose temporary name must be shorter', () => {
    const name = `${'é'.repeat(127)}x`
    void open('long').writeWhole([name], Buffer.from('x'), {})
    assert.deepEqual(list('long'), [name])
  })

  it('hands a kept file to the next run, and only for the same version', () => {
    const part = open('kept').create(['big'])
    part.begin(version)
    void part.write(Buffer.from('hello'), 0)
    part.note(range)
    part.keep()
    assert.deepEqual(list('kept'), ['.big.part-1-0', '.big.part-1-0.journal'])
    const resumed = open('kept').resume(['big'], version)
    assert.deepEqual(resumed?.held, [range])
    void resumed.write(Buffer.from('world'), 5)
    resumed.keep()
    assert.equal(open('kept').resume(['big'], { ...version, etag: '"2"' }), undefined)
    assert.deepEqual(list('kept'), [])
  })

  it('goes on with no file that has a second name: that one is visible', () => {
    const part = open('linked').create(['big'])
    part.begin(version)
    part.note(range)
    part.keep()
    linkSync(join(root, 'linked/.big.part-1-0'), join(root, 'linked/big'))
    assert.equal(open('linked').resume(['big'], version), undefined)
    assert.deepEqual(list('linked'), ['big'])
  })

  it('tells a process whose file was taken over, and leaves the file to the other', () => {
    // A process that is not to be found here: as in another container.
    const part = open('lost', { pid: 999_999_999 }).create(['big'])
    part.begin(version)
    part.note(range)
    const other = open('lost', { pid: 2 }).resume(['big'], version)
    assert.ok(other)
    assert.throws(() => part.commit({}), { name: 'PartLost' })
    part.discard()
    other.commit({})
    assert.deepEqual(list('lost'), ['big'])
  })

  it('follows no symbolic link on the way, neither writing nor removing', () => {
    mkdirSync(join(root, 'links/outside'), { recursive: true })
    writeFileSync(join(root, 'links/outside/a'), 'x')
    symlinkSync('outside', join(root, 'links/d'))
    const folder = open('links')
    const unsafe = { code: 'transfer_path_unsafe' }
    assert.throws(() => folder.writeWhole(['d', 'b'], Buffer.from('x'), {}), unsafe)
    assert.throws(() => folder.create(['d', 'b']), unsafe)
    assert.throws(() => folder.makeLink(['d', 'b'], 'a'), unsafe)
    assert.throws(() => folder.makeFolder(['d', 'b']), unsafe)
    assert.throws(() => folder.remove(['d', 'a'], 'file'), unsafe)
    assert.deepEqual(list('links/outside'), ['a'])
  })

  it('removes files, links and empty folders, and no others', () => {
    const folder = open('remove')
    void folder.writeWhole(['d', 'a'], Buffer.from('x'), {})
    folder.makeLink(['l'], 'd/a')
    assert.equal(folder.remove(['d'], 'folder'), false)
    assert.equal(folder.remove(['l'], 'link'), true)
    assert.equal(folder.remove(['l'], 'link'), false)
    assert.ok(lstatSync(join(root, 'remove/d/a')).isFile())
    assert.equal(folder.remove(['d', 'a'], 'file'), true)
    assert.equal(folder.remove(['d'], 'folder'), true)
    assert.deepEqual(list('remove'), [])
  })

  it('calls a size limit of the system a full disk', () => {
    mkdirSync(join(root, 'limit'))
    const program = `
      import { openFolder } from ${JSON.stringify(new URL('write.ts', import.meta.url).href)}
      const folder = openFolder({ pid: 1, now: () => new Date(0) }, '.', { replaces: true })
      const big = Buffer.alloc(200_000)
      const part = folder.create(['big'])
      for (const work of [() => part.write(big, 0), () => folder.writeWhole(['a'], big, {})]) {
        try { work() } catch (error) { console.log(error.code) }
      }
      part.discard()`
    const shell = 'ulimit -f 100; exec "$0" --input-type=module -e "$1"'
    const cwd = join(root, 'limit')
    const output = execFileSync('sh', ['-c', shell, process.execPath, program], { cwd }).toString()
    assert.deepEqual(output.trim().split('\n'), ['transfer_disk_full', 'transfer_disk_full'])
    assert.deepEqual(list('limit'), [])
  })
})
