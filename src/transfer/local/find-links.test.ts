import assert from 'node:assert/strict'
import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'

import type { Selecting } from '../job.ts'
import { selecting } from '../select/select.fixture.ts'
import { findFiles } from './find.ts'

describe('links that lead elsewhere', () => {
  let other = ''
  const inside = async (target: string, symlinks: Selecting['symlinks'], from = 'src') => {
    const link = join(other, from, 'link')
    await rm(link, { force: true })
    await symlink(target, link)
    return findFiles(selecting([join(other, 'src')], { symlinks }))
  }
  before(async () => {
    other = await realpath(await mkdtemp(join(tmpdir(), 'asd-')))
    await mkdir(join(other, 'src/a/b'), { recursive: true })
    await writeFile(join(other, 'src/a/b/f'), '')
    await writeFile(join(other, 'secret'), '')
  })
  after(() => rm(other, { recursive: true }))

  for (const target of ['/etc/passwd', '../secret', '..', 'a/../../secret', 'a/../b', 'a/..']) {
    it(`are refused when they are to be kept: ${target}`, async () => {
      await assert.rejects(inside(target, 'keep'), { code: 'transfer_link_refused' })
    })
  }
  for (const target of [
    '/etc/passwd',
    '/etc',
    '../secret',
    '..',
    'nothing',
    'link',
    'a/../../secret',
  ]) {
    it(`are refused when they are to be followed: ${target}`, async () => {
      await assert.rejects(inside(target, 'follow'), { code: 'transfer_link_refused' })
    })
  }
  it('counts the same links when it is told to skip them', async () => {
    assert.equal((await inside('/etc', 'skip')).skipped.links, 1)
  })
  it('refuses to follow a link to a folder it lies in, and names it', async () => {
    await rm(join(other, 'src/link'), { force: true })
    for (const target of ['..', '../..', '.']) {
      await assert.rejects(inside(target, 'follow', 'src/a/b'), (error: Error) => {
        assert.match(error.message, /src\/a\/b\/link/)
        return 'code' in error && error.code === 'transfer_link_refused'
      })
    }
    await rm(join(other, 'src/a/b/link'))
  })
  it('refuses to follow two links that lead to each other', async () => {
    await mkdir(join(other, 'two/x/y'), { recursive: true })
    await mkdir(join(other, 'two/z'), { recursive: true })
    await symlink('../z', join(other, 'two/x/to-z'))
    await symlink('../x', join(other, 'two/z/to-x'))
    await assert.rejects(findFiles(selecting([join(other, 'two')], { symlinks: 'follow' })), {
      code: 'transfer_link_refused',
    })
  })
  it('does not look at links that nobody asked for', async () => {
    await inside('/etc', 'skip')
    const chosen = selecting([join(other, 'src')], { symlinks: 'follow', exclude: ['link'] })
    assert.equal((await findFiles(chosen)).found.length, 1)
  })
  it('refuses a source that is itself a link out of the folder it lies in', async () => {
    await symlink('/etc', join(other, 'out'))
    await assert.rejects(findFiles(selecting([join(other, 'out')], { symlinks: 'follow' })), {
      code: 'transfer_link_refused',
    })
  })
})
