// Rows of facts/peers.md §1b on moving: upload, download, sync, what is overwritten, skipped, removed or
// only told.
import assert from 'node:assert/strict'
import { readFileSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import type { Case } from './case.ts'
import { etagsOf, readTree, seenTree, under } from './look.ts'

const tree = {
  'index.html': '<html></html>',
  'js/app.js': 'let a = 1',
  'js/deep/er/x y.txt': 'deep',
  'empty.dat': '',
}

/** Cases on moving. */
export const movingRows: readonly Case[] = [
  {
    row: 'Upload',
    on: 'both',
    run: async ({ place, root, workspace, fine }) => {
      const log = await fine(
        { action: 'upload', source: 'dist', target: root },
        workspace(under('dist', tree)),
      )
      assert.match(log, /^uploaded 4 files, 26 B in .* to https:\/\//m)
      assert.deepEqual(await seenTree(place, root), tree)
    },
  },
  {
    row: 'Download',
    on: 'both',
    run: async ({ place, root, workspace, fine }) => {
      for (const [name, content] of Object.entries(tree))
        await place.put(`${root}/${name}`, content)
      const folder = workspace()
      const log = await fine({ action: 'download', source: `${root}/`, target: 'out' }, folder)
      assert.match(log, /^downloaded 4 files, 26 B in .* from https:\/\//m)
      assert.deepEqual(readTree(join(folder, 'out')), tree)
    },
  },
  {
    row: 'Sync with delete',
    aspect: 'up',
    on: 'both',
    run: async ({ place, root, workspace, fine }) => {
      const sync = { action: 'sync', source: '.', target: root, delete: 'true' }
      await fine(sync, workspace(tree))
      await place.put(`${root}/old/gone.txt`, 'by somebody else')
      const { 'js/app.js': _, ...fewer } = tree
      const next = { ...fewer, 'index.html': '<html>2</html>', 'new.txt': 'new' }
      const folder = workspace(next)
      const kept = await fine({ ...sync, delete: 'false' }, folder)
      assert.match(kept, /^synced 2 files, /m)
      assert.ok(await place.get(`${root}/js/app.js`), 'nothing is removed without `delete`')
      const log = await fine(sync, folder)
      // In a share the folder that held it goes, too.
      assert.match(log, place.service === 'blob' ? /; 4 .*, 2 removed$/m : /; 4 .*, 3 removed$/m)
      assert.deepEqual(await seenTree(place, root), next)
    },
  },
  {
    row: 'Sync with delete',
    aspect: 'down',
    on: 'both',
    run: async ({ place, root, workspace, fine }) => {
      for (const [name, content] of Object.entries(tree))
        await place.put(`${root}/${name}`, content)
      const folder = workspace({ 'out/gone.txt': 'local', 'out/index.html': 'other' })
      const sync = { action: 'sync', direction: 'down', source: `${root}/`, target: 'out' }
      await fine({ ...sync, delete: 'true' }, folder)
      assert.deepEqual(readTree(join(folder, 'out')), tree)
    },
  },
  {
    row: 'Cap on deletes / refuse empty source',
    on: 'both',
    run: async ({ place, root, workspace, refused, fine }) => {
      await fine({ action: 'upload', source: '.', target: root }, workspace(tree))
      const sync = { action: 'sync', source: '.', target: root, delete: 'true' }
      const few = workspace({ 'index.html': '<html>2</html>' })
      const many = { exit: 4, code: 'transfer_too_many_removals' }
      await refused({ ...sync, max_delete: '2' }, few, many)
      const none = { exit: 4, code: 'transfer_(no_files|source_empty)' }
      await refused(sync, workspace(), none)
      const both = { exit: 2, code: 'plugin_setting_invalid' }
      await refused({ ...sync, if_no_files: 'ignore' }, workspace(), both)
      const remove = { action: 'remove', source: `${root}/`, max_delete: '3' }
      await refused(remove, workspace(), many)
      assert.deepEqual(await seenTree(place, root), tree)
    },
  },
  {
    row: 'No-match policy',
    on: 'both',
    run: async ({ root, workspace, fine, refused, place }) => {
      const up = { action: 'upload', source: 'nothing/**', target: root }
      await refused(up, workspace(tree), { exit: 4, code: 'transfer_no_files' })
      assert.match(
        await fine({ ...up, if_no_files: 'warn' }, workspace(tree)),
        /^warning: no file matches “nothing\/\*\*”$/m,
      )
      assert.doesNotMatch(await fine({ ...up, if_no_files: 'ignore' }, workspace(tree)), /warning/)
      const down = { action: 'download', source: `${root}/nothing/**`, target: 'out' }
      await refused(down, workspace(), { exit: 4, code: 'transfer_no_files' })
      assert.match(await fine({ ...down, if_no_files: 'warn' }, workspace()), /^warning: no file /m)
      assert.doesNotMatch(await fine({ ...down, if_no_files: 'ignore' }, workspace()), /warning/)
      assert.deepEqual(await place.list(root), [])
    },
  },
  {
    row: 'Overwrite policy',
    aspect: 'up',
    on: 'both',
    run: async ({ place, root, workspace, fine, refused }) => {
      const name = `${root}/a.txt`
      const folder = workspace({ 'a.txt': 'mine' })
      const up = { action: 'upload', source: 'a.txt', target: root }
      const content = async () => (await place.get(name))?.content.toString()
      await place.put(name, 'theirs')
      await fine({ ...up, overwrite: 'never' }, folder)
      assert.equal(await content(), 'theirs', '`never` keeps it')
      await refused({ ...up, overwrite: 'error' }, folder, {
        exit: 4,
        code: 'transfer_target_exists',
      })
      assert.equal(await content(), 'theirs', '`error` keeps it')
      utimesSync(join(folder, 'a.txt'), 1_000_000, 1_000_000)
      await fine({ ...up, overwrite: 'newer' }, folder)
      assert.equal(await content(), 'theirs', '`newer` keeps what is newer than the source')
      const later = Date.now() / 1000 + 3600
      utimesSync(join(folder, 'a.txt'), later, later)
      await fine({ ...up, overwrite: 'newer' }, folder)
      assert.equal(await content(), 'mine', '`newer` replaces what is older')
      await place.put(name, 'theirs')
      await fine({ ...up, overwrite: 'changed' }, folder)
      assert.equal(await content(), 'mine', '`changed` replaces what differs')
      const etag = (await place.get(name))?.etag
      await fine({ ...up, overwrite: 'changed' }, folder)
      assert.equal((await place.get(name))?.etag, etag, '`changed` leaves what is the same')
      await fine({ ...up, overwrite: 'always' }, folder)
      assert.notEqual((await place.get(name))?.etag, etag, '`always` writes it again')
    },
  },
  {
    row: 'Overwrite policy',
    aspect: 'down',
    on: 'both',
    run: async ({ place, root, workspace, fine, refused }) => {
      await place.put(`${root}/a.txt`, 'remote')
      const folder = workspace({ 'out/a.txt': 'local' })
      const file = join(folder, 'out/a.txt')
      const down = { action: 'download', source: `${root}/a.txt`, target: 'out' }
      const content = () => readFileSync(file, 'utf8')
      await fine({ ...down, overwrite: 'never' }, folder)
      assert.equal(content(), 'local')
      await refused({ ...down, overwrite: 'error' }, folder, {
        exit: 4,
        code: 'transfer_target_exists',
      })
      assert.equal(content(), 'local')
      const later = Date.now() / 1000 + 3600
      utimesSync(file, later, later)
      await fine({ ...down, overwrite: 'newer' }, folder)
      assert.equal(content(), 'local', '`newer` keeps what is newer than the source')
      utimesSync(file, 1_000_000, 1_000_000)
      await fine({ ...down, overwrite: 'newer' }, folder)
      assert.equal(content(), 'remote')
      writeFileSync(file, 'local')
      await fine({ ...down, overwrite: 'changed' }, folder)
      assert.equal(content(), 'remote')
      writeFileSync(file, 'local')
      await fine({ ...down, overwrite: 'always' }, folder)
      assert.equal(content(), 'remote')
    },
  },
  {
    row: 'Skip unchanged by content hash',
    aspect: 'up, and only properties where only they differ',
    on: 'both',
    run: async ({ place, root, workspace, fine }) => {
      const sync = { action: 'sync', source: '.', target: root }
      await fine(sync, workspace(tree))
      const etags = await etagsOf(place, root)
      // A checkout of a build has new times for everything; the length of one file stays the same.
      const again = workspace({ ...tree, 'js/app.js': 'let a = 2' })
      const later = Date.now() / 1000 + 100
      for (const name of Object.keys(tree)) utimesSync(join(again, name), later, later)
      const mark = place.mark()
      const log = await fine({ ...sync, preserve: 'false' }, again)
      assert.match(log, /^synced 1 file, /m)
      assert.equal((await place.get(`${root}/js/app.js`))?.content.toString(), 'let a = 2')
      const writes = place.callsSince(mark).filter(({ operation }) => /Put|Create/.test(operation))
      assert.ok(
        writes.length <= 2,
        `one file was sent: ${writes.map((each) => each.operation).join(' ')}`,
      )
      const now = await etagsOf(place, root)
      const stays = Object.keys(tree).filter((name) => now[name] === etags[name])
      assert.ok(!stays.includes('js/app.js'))

      const properties = { ...sync, preserve: 'false', cache_control: 'max-age=7' }
      const second = place.mark()
      assert.match(await fine(properties, again), /^synced 0 files, .*4 with new properties only/m)
      assert.equal((await place.get(`${root}/js/app.js`))?.cacheControl, 'max-age=7')
      const sent = place.callsSince(second).map(({ operation }) => operation)
      assert.ok(
        !sent.some((each) => /^(PutBlob|PutBlock|PutRange|CreateFile)$/.test(each)),
        sent.join(' '),
      )
      assert.match(await fine(properties, again), /^synced 0 files, .*; 4 left as they are$/m)
    },
  },
  {
    row: 'Skip unchanged by content hash',
    aspect: 'down',
    on: 'both',
    run: async ({ root, workspace, fine }) => {
      await fine({ action: 'upload', source: '.', target: root }, workspace(tree))
      const folder = workspace()
      const sync = { action: 'sync', direction: 'down', source: `${root}/`, target: 'out' }
      await fine(sync, folder)
      const before = statSync(join(folder, 'out/js/app.js')).ino
      utimesSync(join(folder, 'out/js/app.js'), 5, 5)
      writeFileSync(join(folder, 'out/index.html'), '<HTML></HTML>')
      const log = await fine({ ...sync, preserve: 'false' }, folder)
      assert.match(log, /^synced 1 file, .* left as they are/m)
      assert.equal(statSync(join(folder, 'out/js/app.js')).ino, before)
      assert.deepEqual(readTree(join(folder, 'out')), tree)
    },
  },
  {
    row: 'Dry run',
    on: 'both',
    run: async ({ place, root, workspace, fine }) => {
      await place.put(`${root}/gone.txt`, 'x')
      const folder = workspace({ 'a.txt': 'a' })
      const sync = { action: 'sync', source: '.', target: root, delete: 'true', dry_run: 'true' }
      const mark = place.mark()
      const log = await fine(sync, folder)
      assert.match(log, new RegExp(`^send ${root}/a\\.txt, 1 byte`, 'm'))
      assert.match(log, new RegExp(`^(delete|remove) ${root}/gone\\.txt`, 'm'))
      assert.match(log, /^dry run: would have synced 1 file/m)
      const writes = place
        .callsSince(mark)
        .filter(({ operation }) => !/^(List|Get)/.test(operation))
      assert.deepEqual(writes, [])
      assert.deepEqual(await place.list(root), [`${root}/gone.txt`])

      const down = { action: 'download', source: `${root}/`, target: 'out', dry_run: 'true' }
      assert.match(await fine(down, folder), /^fetch .*gone\.txt/m)
      assert.deepEqual(Object.keys(readTree(folder)), ['a.txt'])
      const remove = { action: 'remove', source: `${root}/gone.txt`, dry_run: 'true' }
      assert.match(await fine(remove, folder), /gone\.txt/)
      assert.deepEqual(await place.list(root), [`${root}/gone.txt`])
    },
  },
]
