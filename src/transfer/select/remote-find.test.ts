import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'

import { Fault } from '../../core/fault.ts'
import type { Selecting } from '../job.ts'
import { createFakeRemote } from '../remote.fixture.ts'
import { findRemote } from './remote-find.ts'
import { selecting } from './select.fixture.ts'

const tree = [
  'dist/app.js',
  'dist/app.css',
  'dist/img/logo.png',
  'dist/.env',
  'dist/.cache/x',
  'dist/[x].txt',
  'distant/app.js',
  'docs/a.md',
  'docs/b/a.md',
  '.hidden/y',
  'top.js',
  '[odd]/file',
  '{a,b}',
]

const everything = ['[x].txt', 'app.css', 'app.js', 'img/logo.png']

describe('finding files in a remote place', () => {
  let remote = createFakeRemote()
  const names = async (sources: string[], more: Partial<Selecting> = {}) =>
    (await findRemote(remote, selecting(sources, more))).found.map(({ below }) => below)
  const listings = () => remote.log.filter((line) => line.startsWith('list '))
  beforeEach(() => {
    remote = createFakeRemote({ pageLength: 100 })
    for (const name of tree) remote.place(name, name)
    remote.log.length = 0
  })

  const cases: [source: string, below: string[], listing?: string][] = [
    ['dist/app.js', ['app.js'], ''],
    ['/dist/app.js', ['app.js'], ''],
    ['dist', everything, 'list dist/'],
    ['dist/', everything, 'list dist/'],
    ['./dist', everything, 'list dist/'],
    ['dist/*.{js,css}', ['app.css', 'app.js'], 'list dist/'],
    ['dist/ap*', ['app.css', 'app.js'], 'list dist/ap'],
    ['dist/**', everything, 'list dist/'],
    ['d*/**/*.md', ['docs/a.md', 'docs/b/a.md'], 'list d'],
    ['dist/.env', ['.env'], ''],
    ['dist/.*', ['.env'], 'list dist/.'],
    ['dist/.cache', ['x'], 'list dist/.cache/'],
    ['dist/[x].txt', ['[x].txt'], 'list dist/'],
    ['[odd]', ['file'], 'list '],
    ['{a,b}', ['{a,b}'], 'list '],
    ['dist/\\[x\\].txt', ['[x].txt'], ''],
    ['*.js', ['top.js'], 'list '],
    ['dist/nothing', [], 'list dist/nothing/'],
    ['nothing/**', [], 'list nothing/'],
  ]
  for (const [source, below, listing] of cases) {
    it(`${source} means ${below.join(', ') || 'nothing'}, with one listing at most`, async () => {
      assert.deepEqual(await names([source]), below)
      assert.deepEqual(listings(), listing === '' ? [] : [listing])
    })
  }

  it('means everything by a dot, hidden names on request only', async () => {
    const { found, skipped } = await findRemote(remote, selecting(['.']))
    assert.equal(found.length, tree.length - 3)
    assert.equal(skipped.dotted, 3)
    assert.equal((await names(['.'], { dotfiles: true })).length, tree.length)
  })

  it('takes away, includes, excludes and keeps to case as on disk', async () => {
    assert.deepEqual(await names(['dist', '!dist/img', '!*.css']), ['[x].txt', 'app.js'])
    assert.deepEqual(await names(['dist', '!/dist/*.js', 'dist/app.js']), [
      '[x].txt',
      'app.css',
      'app.js',
      'img/logo.png',
    ])
    assert.deepEqual(await names(['dist'], { include: ['app.*'], exclude: ['*.css'] }), ['app.js'])
    assert.deepEqual(await names(['dist/APP*'], { caseSensitive: false }), ['app.css', 'app.js'])
    assert.deepEqual(listings().at(-1), 'list dist/')
  })

  it('gives folder markers and kept links with their kind', async () => {
    remote.place('site/', '', { kind: 'folder' })
    remote.place('site/empty/', '', { kind: 'folder' })
    remote.place('site/flat', '', { kind: 'folder' })
    remote.place('site/link', 'x', { kind: 'link', attributes: { linkTarget: 'x' } })
    const { found } = await findRemote(remote, selecting(['site']))
    assert.deepEqual(
      found.map(({ below, kind, name }) => [below, kind, name]),
      [
        ['empty', 'folder', 'site/empty/'],
        ['flat', 'folder', 'site/flat'],
        ['link', 'link', 'site/link'],
      ],
    )
    assert.equal((await findRemote(remote, selecting(['site/link']))).found[0]?.kind, 'link')
    assert.deepEqual(await names(['site/flat']), [])
  })

  it('looks below a folder whose own name the role may not read', async () => {
    remote.spoil = ({ op }) => {
      if (op === 'stat') throw new Fault('azure_storage_role_missing', 'No.')
      return undefined
    }
    assert.deepEqual(await names(['dist']), everything)
    remote.spoil = () => {
      throw new Fault('azure_storage_refused', 'No.')
    }
    await assert.rejects(names(['dist']), { code: 'azure_storage_refused' })
  })

  it('goes through all pages', async () => {
    remote = createFakeRemote({ pageLength: 2 })
    for (const name of tree) remote.place(name, name)
    assert.deepEqual(await names(['dist']), everything)
    assert.deepEqual(await names(['dist/**']), everything)
  })
})
