import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, realpath, rm, symlink, utimes, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { after, before, describe, it } from 'node:test'

import type { Selecting } from '../job.ts'
import { selecting } from '../select/select.fixture.ts'
import { findFiles } from './find.ts'

const tree = [
  'dist/app.js',
  'dist/app.css',
  'dist/img/logo.png',
  'dist/.env',
  'dist/.cache/x',
  'dist/[x].txt',
  'docs/a.md',
  'docs/b/a.md',
  '.hidden/y',
]

const everything = ['[x].txt', 'app.css', 'app.js', 'img/logo.png']

describe('finding files on disk', () => {
  let root = ''
  const find = (sources: string[], more: Partial<Selecting> = {}) =>
    findFiles(
      selecting(
        sources.map((each) =>
          each.startsWith('!') ? `!${join(root, each.slice(1))}` : join(root, each),
        ),
        more,
      ),
    )
  const names = async (sources: string[], more: Partial<Selecting> = {}) =>
    (await find(sources, more)).found.map(({ below }) => below)

  before(async () => {
    root = await realpath(await mkdtemp(join(tmpdir(), 'asd-')))
    for (const name of tree) {
      await mkdir(join(root, name, '..'), { recursive: true })
      await writeFile(join(root, name), name)
    }
    await symlink('app.js', join(root, 'dist/link.js'))
    await symlink('img', join(root, 'dist/linked'))
    await mkdir(join(root, 'dist/empty/inner'), { recursive: true })
  })
  after(() => rm(root, { recursive: true }))

  const cases: [source: string, below: string[]][] = [
    ['dist/app.js', ['app.js']],
    ['dist', everything],
    ['dist/', everything],
    ['dist/*.{js,css}', ['app.css', 'app.js']],
    ['dist/**', everything],
    [
      'd*/',
      [
        'dist/[x].txt',
        'dist/app.css',
        'dist/app.js',
        'dist/img/logo.png',
        'docs/a.md',
        'docs/b/a.md',
      ],
    ],
    ['dist/**/*.png', ['img/logo.png']],
    ['d*/**/*.md', ['docs/a.md', 'docs/b/a.md']],
    ['dist/.env', ['.env']],
    ['dist/.*', ['.env']],
    ['dist/.cache', ['x']],
    ['dist/{**,.cache/*}', ['.cache/x', ...everything]],
    ['.hidden/*', ['y']],
    ['dist/[x].txt', ['[x].txt']],
    ['dist/\\[x\\].txt', ['[x].txt']],
    ['dist/link.js', []],
    ['dist/nothing', []],
    ['nothing/**', []],
  ]
  for (const [source, below] of cases) {
    it(`${source} means ${below.join(', ') || 'nothing'}`, async () => {
      assert.deepEqual(await names([source]), below)
    })
  }

  it('takes a relative source as well as an absolute one, also against each other', async () => {
    const here = relative('', root)
    const { found } = await findFiles(selecting([`./${here}/dist`, `!${root}/dist/img`]))
    assert.deepEqual(
      found.map(({ below }) => below),
      ['[x].txt', 'app.css', 'app.js'],
    )
    assert.equal(found[0]?.root, `${here}/dist`)
    const { found: other } = await findFiles(selecting([`${root}/docs`, `!${here}/docs/b/**`]))
    assert.deepEqual(
      other.map(({ path }) => path),
      [`${root}/docs/a.md`],
    )
  })

  it('tells length, time and mode of a file', async () => {
    const path = join(root, 'docs/a.md')
    await chmod(path, 0o640)
    await utimes(path, 1, 1_700_000_000.25)
    const [file] = (await find(['docs/a.md'])).found
    assert.deepEqual(file, {
      path,
      root: join(root, 'docs'),
      below: 'a.md',
      kind: 'file',
      sizeBytes: 9,
      modifiedAtMs: 1_700_000_000_250,
      mode: 0o640,
    })
  })

  it('takes names with a leading dot on request only, and counts what it leaves out', async () => {
    const { skipped } = await find(['dist'])
    assert.deepEqual(skipped, { dotted: 2, links: 2, special: 0 })
    assert.deepEqual(await names(['dist'], { dotfiles: true }), ['.cache/x', '.env', ...everything])
    assert.deepEqual((await find(['dist/*.js'])).skipped.dotted, 0)
    assert.deepEqual(await names(['dist'], { include: ['*.js', '.cache/**'] }), [
      '.cache/x',
      'app.js',
    ])
  })

  it('takes away what stands behind it with a `!`, and what comes later is there again', async () => {
    assert.deepEqual(await names(['dist', '!dist/img']), ['[x].txt', 'app.css', 'app.js'])
    assert.deepEqual(await names(['dist', '!dist/*.js']), ['[x].txt', 'app.css', 'img/logo.png'])
    assert.deepEqual(await names(['dist', '!dist', 'dist/*.js']), ['app.js'])
    const { found } = await findFiles(selecting([`${root}/dist`, '!*.css', '!**/*.png']))
    assert.deepEqual(
      found.map(({ below }) => below),
      ['[x].txt', 'app.js'],
    )
    assert.deepEqual(await names(['dist/app.js', '!dist/app.js']), [])
    await assert.rejects(find(['!dist', 'dist']), { code: 'transfer_pattern_invalid' })
    await assert.rejects(find([]), { code: 'transfer_pattern_invalid' })
  })

  it('keeps to include, exclude and an ignore file, all below the source', async () => {
    assert.deepEqual(await names(['dist'], { include: ['*.png', '/app.*'] }), [
      'app.css',
      'app.js',
      'img/logo.png',
    ])
    assert.deepEqual(await names(['dist'], { exclude: ['img', '*.txt'] }), ['app.css', 'app.js'])
    const ignoreFile = join(root, 'ignored')
    await writeFile(ignoreFile, '# pages\n\\[x\\].txt\n*.js\n!app.js\n/img/\n')
    assert.deepEqual(await names(['dist'], { ignoreFile }), ['app.css', 'app.js'])
    assert.deepEqual(await names(['dist/**'], { ignoreFile }), ['app.css', 'app.js'])
    await assert.rejects(names(['dist'], { ignoreFile: `${ignoreFile}.not` }), {
      code: 'transfer_source_unreadable',
    })
  })

  it('keeps to the case of names unless it is told not to', async () => {
    assert.deepEqual(await names(['dist/*.JS']), [])
    assert.deepEqual(await names(['dist/*.JS'], { caseSensitive: false }), ['app.js'])
    assert.deepEqual(await names(['dist'], { include: ['APP.*'], caseSensitive: false }), [
      'app.css',
      'app.js',
    ])
  })

  it('keeps links as links when it is told to', async () => {
    const { found, skipped } = await find(['dist'], { symlinks: 'keep' })
    assert.deepEqual(
      found
        .filter(({ kind }) => kind === 'link')
        .map(({ below, linkTarget }) => [below, linkTarget]),
      [
        ['link.js', 'app.js'],
        ['linked', 'img'],
      ],
    )
    assert.equal(skipped.links, 0)
    assert.equal((await find(['dist/link.js'], { symlinks: 'keep' })).found[0]?.sizeBytes, 6)
  })

  it('follows links to files and folders inside of the source when it is told to', async () => {
    const { found } = await find(['dist'], { symlinks: 'follow' })
    assert.deepEqual(
      found.map(({ below, path, kind }) => [below, relative(root, path), kind]),
      [
        ['[x].txt', 'dist/[x].txt', 'file'],
        ['app.css', 'dist/app.css', 'file'],
        ['app.js', 'dist/app.js', 'file'],
        ['img/logo.png', 'dist/img/logo.png', 'file'],
        ['link.js', 'dist/app.js', 'file'],
        ['linked/logo.png', 'dist/img/logo.png', 'file'],
      ],
    )
    assert.deepEqual(await names(['dist/link.js'], { symlinks: 'follow' }), ['link.js'])
    assert.deepEqual(await names(['dist/linked'], { symlinks: 'follow' }), ['logo.png'])
  })

  it('finds empty folders on request', async () => {
    const folders = async (sources: string[], more: Partial<Selecting>) =>
      (await find(sources, more)).found
        .filter(({ kind }) => kind === 'folder')
        .map(({ below }) => below)
    assert.deepEqual(await folders(['dist'], { emptyFolders: true }), ['empty/inner'])
    assert.deepEqual(await folders(['dist/**'], { emptyFolders: true }), ['empty/inner'])
    assert.deepEqual(await folders(['dist/*.js'], { emptyFolders: true }), [])
    assert.deepEqual(await folders(['dist'], {}), [])
  })

  it('refuses a name that is not valid UTF-8', async () => {
    const odd = await mkdtemp(join(tmpdir(), 'asd-'))
    await writeFile(Buffer.concat([Buffer.from(`${odd}/`), Buffer.from([0xff, 0x61])]), '')
    await assert.rejects(findFiles(selecting([odd])), { code: 'transfer_name_invalid' })
    await rm(odd, { recursive: true })
  })

  it('finds all of a big tree, and only looks into folders it has to', async () => {
    const big = await mkdtemp(join(tmpdir(), 'asd-'))
    for (let folder = 0; folder < 20; folder++) {
      await mkdir(join(big, `d${folder}`))
      await Promise.all(
        Array.from({ length: 50 }, (_, file) => writeFile(join(big, `d${folder}/f${file}`), 'x')),
      )
    }
    assert.equal((await findFiles(selecting([big]))).found.length, 1000)
    const folder = Buffer.from(`${big}/d1/`)
    await writeFile(Buffer.concat([folder, Buffer.from([0xff])]), '')
    const found = async (source: string) => (await findFiles(selecting([source]))).found.length
    await assert.rejects(found(`${big}/*/*`), { code: 'transfer_name_invalid' })
    assert.equal(await found(`${big}/*`), 0)
    assert.equal(await found(`${big}/d2`), 50)
    const chosen = selecting([big], { exclude: ['d1'] })
    assert.equal((await findFiles(chosen)).found.length, 950)
    await rm(big, { recursive: true })
  })
})
