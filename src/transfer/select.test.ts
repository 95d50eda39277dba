import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'

import * as fc from 'fast-check'

import { findFiles } from './local/find.ts'
import { planUpload } from './plan.ts'
import { mergeByName, parseSource } from './select.ts'

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

describe('choosing files', () => {
  let root = ''
  const choose = async (source: string, dotfiles = false) => {
    const selection = await findFiles(parseSource(join(root, source), { dotfiles }), { dotfiles })
    return {
      names: selection.found.map(({ below }) => below).toSorted(),
      skipped: selection.skipped,
    }
  }
  before(async () => {
    root = await mkdtemp(join(tmpdir(), 'asd-'))
    for (const name of tree) {
      await mkdir(join(root, name, '..'), { recursive: true })
      await writeFile(join(root, name), name)
    }
    await symlink('app.js', join(root, 'dist/link.js'))
    await symlink('../docs', join(root, 'dist/linked'))
  })
  after(() => rm(root, { recursive: true }))

  const cases: [source: string, names: string[]][] = [
    ['dist/app.js', ['app.js']],
    ['dist', ['[x].txt', 'app.css', 'app.js', 'img/logo.png']],
    ['dist/', ['[x].txt', 'app.css', 'app.js', 'img/logo.png']],
    ['dist/*.{js,css}', ['app.css', 'app.js']],
    ['dist/**', ['[x].txt', 'app.css', 'app.js', 'img/logo.png']],
    ['dist/**/*.png', ['img/logo.png']],
    ['d*/**/*.md', ['docs/a.md', 'docs/b/a.md']],
    ['dist/.env', ['.env']],
    ['dist/.*', ['.env']],
    ['dist/.cache', ['x']],
    ['.hidden/*', ['y']],
    ['dist/[x].txt', ['[x].txt']],
    ['dist/link.js', []],
    ['dist/nothing', []],
    ['nothing/**', []],
  ]
  for (const [source, names] of cases) {
    it(`${source} means ${names.join(', ') || 'nothing'}`, async () => {
      assert.deepEqual((await choose(source)).names, names)
    })
  }

  it('takes names with a leading dot on request only, and counts what it leaves out', async () => {
    const { skipped } = await choose('dist')
    assert.deepEqual(skipped, { dotted: 2, links: 2, special: 0 })
    assert.ok((await choose('dist', true)).names.includes('.cache/x'))
    assert.ok((await choose('dist/**', true)).names.includes('.env'))
  })

  it('puts the target in front and takes a file that two sources mean once', async () => {
    const sources = [join(root, 'docs'), join(root, 'docs/*.md')]
    const plan = await planUpload({ sources, target: 'to', dotfiles: false })
    assert.deepEqual(
      plan.items.map((item) => item.blobName),
      ['to/a.md', 'to/b/a.md'],
    )
  })

  it('refuses two files that would get one name', async () => {
    const sources = [join(root, 'docs'), join(root, 'docs/b')]
    await assert.rejects(planUpload({ sources, target: '', dotfiles: false }), {
      code: 'transfer_name_clash',
    })
  })

  it('refuses a step that would send nothing, and says what was left out', async () => {
    const plan = planUpload({ sources: [join(root, 'dist/link.js')], target: '', dotfiles: false })
    await assert.rejects(plan, { code: 'transfer_no_files', message: /1 symbolic link/ })
  })

  it('refuses a name that is not valid UTF-8', async () => {
    const odd = await mkdtemp(join(tmpdir(), 'asd-'))
    await writeFile(Buffer.concat([Buffer.from(`${odd}/`), Buffer.from([0xff, 0x61])]), '')
    await assert.rejects(planUpload({ sources: [odd], target: '', dotfiles: false }), {
      code: 'transfer_name_invalid',
    })
    await rm(odd, { recursive: true })
  })
})

describe('merging by name', () => {
  it('keeps every name once, in order', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (names) => {
        const merged = mergeByName(names, { nameOf: (name) => name, placeOf: (name) => name })
        assert.deepEqual(new Set(merged), new Set(names))
        assert.deepEqual(
          merged,
          merged.toSorted((a, b) => (a < b ? -1 : 1)),
        )
      }),
    )
  })
})
