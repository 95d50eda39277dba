// Rows of facts/peers.md §1b on which files are meant, and what they are called on the other side.
import assert from 'node:assert/strict'
import { symlinkSync } from 'node:fs'
import { join } from 'node:path'

import type { Case, Scene } from './case.ts'
import { readTree, under } from './look.ts'

const files = {
  'a.js': '1',
  'b.css': '2',
  'lib/c.js': '3',
  'lib/deep/d.js': '4',
  'lib/deep/d.map': '5',
  'lib/[x].js': '6',
  '.hidden/e.js': '7',
}

type Selected = { settings: Record<string, string>; names: readonly string[] }

const globs: readonly Selected[] = [
  {
    settings: { source: 'src/**/*.js' },
    names: ['a.js', 'lib/[x].js', 'lib/c.js', 'lib/deep/d.js'],
  },
  { settings: { source: 'src/*.{js,css}' }, names: ['a.js', 'b.css'] },
  { settings: { source: 'src/lib/*/?.js' }, names: ['deep/d.js'] },
  { settings: { source: 'src/[ab].*' }, names: ['a.js', 'b.css'] },
  { settings: { source: 'src/lib/[x].js' }, names: ['[x].js'] },
  {
    settings: { source: 'src/**/*.js,!src/lib/deep/**' },
    names: ['a.js', 'lib/[x].js', 'lib/c.js'],
  },
  { settings: { source: 'src', include: 'deep' }, names: ['lib/deep/d.js', 'lib/deep/d.map'] },
  {
    settings: { source: 'src/**/*.js', dotfiles: 'true' },
    names: ['.hidden/e.js', 'a.js', 'lib/[x].js', 'lib/c.js', 'lib/deep/d.js'],
  },
]

const excludes: readonly Selected[] = [
  {
    settings: { source: 'src', exclude: '*.map' },
    names: ['a.js', 'b.css', 'lib/[x].js', 'lib/c.js', 'lib/deep/d.js'],
  },
  { settings: { source: 'src', exclude: 'lib' }, names: ['a.js', 'b.css'] },
  {
    settings: { source: 'src', exclude: '/*.js,deep/' },
    names: ['b.css', 'lib/[x].js', 'lib/c.js'],
  },
  { settings: { source: 'src', exclude: '**,!*.css' }, names: ['b.css'] },
]

const strips: readonly Selected[] = [
  { settings: { source: 'src/lib/**/*.map' }, names: ['deep/d.map'] },
  { settings: { source: 'src/lib/**/*.map', strip_prefix: 'src/' }, names: ['lib/deep/d.map'] },
  { settings: { source: 'src/lib/**/*.map', strip_prefix: 'src/*/deep' }, names: ['d.map'] },
  { settings: { source: 'src/**/*.map', strip_prefix: '**/' }, names: ['d.map'] },
  { settings: { source: 'src/lib', exclude: '*.js', flatten: 'true' }, names: ['d.map'] },
  { settings: { source: 'src/b.css' }, names: ['b.css'] },
]

/** Cases on selecting and naming. */
export const selectingRows: readonly Case[] = [
  ...rowBothWays('Recursive globs', globs),
  ...rowBothWays('Exclude patterns', excludes),
  ...rowBothWays('Strip prefix / base dir', strips),
  {
    row: 'Exclude patterns',
    aspect: 'an ignore file, and what is excluded is not removed',
    on: 'both',
    run: async ({ place, root, workspace, fine }) => {
      const folder = workspace({
        ...under('src', files),
        '.azignore': '# comment\n*.map\n/lib/*\n!/lib/c.js\n',
      })
      const up = { source: 'src', target: root, ignore_file: '.azignore' }
      await fine({ action: 'upload', ...up }, folder)
      const names = async () => (await place.list(root)).map((each) => each.slice(root.length + 1))
      assert.deepEqual(await names(), ['a.js', 'b.css', 'lib/c.js'])
      await place.put(`${root}/x.map`, 'kept')
      await place.put(`${root}/x.txt`, 'removed')
      await place.put(`${root}/y.txt`, 'protected')
      const sync = { action: 'sync', source: 'src', target: root, exclude: '*.map', delete: 'true' }
      await fine({ ...sync, protect: 'y.*' }, folder)
      assert.ok((await names()).includes('x.map'))
      assert.ok((await names()).includes('y.txt'))
      assert.ok(!(await names()).includes('x.txt'))
    },
  },
  {
    row: 'Strip prefix / base dir',
    aspect: 'two files with one name are refused before anything is sent',
    on: 'both',
    run: async ({ place, root, workspace, refused }) => {
      const folder = workspace({ 'x/a.txt': '1', 'y/a.txt': '2' })
      const up = { action: 'upload', source: '.', target: root, flatten: 'true' }
      await refused(up, folder, { exit: 2, code: 'transfer_name_clash' })
      assert.deepEqual(await place.list(root), [])
    },
  },
  {
    row: 'Recursive globs',
    aspect: 'symbolic links skipped, followed and kept',
    on: 'both',
    run: async ({ place, root, workspace, fine, refused }) => {
      const folder = workspace({ 'src/real.txt': 'real' })
      symlinkSync('real.txt', join(folder, 'src/link.txt'))
      const up = { action: 'upload', source: 'src', target: root }
      assert.match(await fine(up, folder), /left out: 1 symbolic link/)
      assert.deepEqual(await place.list(root), [`${root}/real.txt`])
      await fine({ ...up, symlinks: 'follow' }, folder)
      assert.equal((await place.get(`${root}/link.txt`))?.content.toString(), 'real')
      await fine({ ...up, symlinks: 'keep' }, folder)
      const back = workspace()
      const down = { action: 'download', source: `${root}/`, target: 'out', symlinks: 'keep' }
      await fine(down, back)
      assert.deepEqual(readTree(join(back, 'out')), { 'real.txt': 'real' })
      symlinkSync('/etc/passwd', join(folder, 'src/out.txt'))
      for (const symlinks of ['follow', 'keep']) {
        await refused({ ...up, symlinks }, folder, { exit: 2, code: 'transfer_link_refused' })
      }
    },
  },
]

function rowBothWays(row: string, table: readonly Selected[]): Case[] {
  return [
    { row, aspect: 'up', on: 'both', run: (scene) => selectUp(scene, table) },
    { row, aspect: 'down', on: 'both', run: (scene) => selectDown(scene, table) },
  ]
}

async function selectUp(scene: Scene, table: readonly Selected[]): Promise<void> {
  const folder = scene.workspace(under('src', files))
  for (const [index, { settings, names }] of table.entries()) {
    const target = `${scene.root}/${index}`
    await scene.fine({ action: 'upload', target, ...settings }, folder)
    const found = (await scene.place.list(target)).map((name) => name.slice(target.length + 1))
    assert.deepEqual(found, names, JSON.stringify(settings))
  }
}

// The same sources, one folder deeper, mean the same files of a container.
async function selectDown(scene: Scene, table: readonly Selected[]): Promise<void> {
  const { root, workspace, place, fine } = scene
  for (const [name, content] of Object.entries(files)) {
    await place.put(`${root}/src/${name}`, content)
  }
  const folder = workspace()
  for (const [index, { settings, names }] of table.entries()) {
    const { source = '', strip_prefix: prefix, ...rest } = settings
    const deeper = source.replaceAll(/(^|,)(!?)(?![^{}]*\})/g, `$1$2${root}/`)
    const strip = prefix === undefined || prefix.startsWith('**') ? prefix : `${root}/${prefix}`
    const down = { action: 'download', source: deeper, target: `out-${index}`, ...rest }
    await fine({ ...down, ...(strip !== undefined && { strip_prefix: strip }) }, folder)
    const found = Object.keys(readTree(join(folder, `out-${index}`))).toSorted()
    assert.deepEqual(found, names, JSON.stringify(settings))
  }
}
