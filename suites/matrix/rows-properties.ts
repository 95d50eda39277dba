// Rows of facts/peers.md §1b on what is kept beside the content: headers by pattern, compression,
// metadata, tags and tiers.
import assert from 'node:assert/strict'
import { chmodSync, readFileSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { brotliDecompressSync, gunzipSync, gzipSync, zstdDecompressSync } from 'node:zlib'

import type { Case } from './case.ts'
import { readTree } from './look.ts'

const html = '<html>'.padEnd(4000, 'x')
const site = {
  'index.html': html,
  'assets/app.js': 'let a = 1;'.repeat(300),
  'assets/a.css': 'p {}',
  'data.unknownending': 'x',
}

/** Cases on properties. */
export const propertyRows: readonly Case[] = [
  {
    row: 'Content-Type map / guess',
    on: 'both',
    run: async ({ place, root, workspace, fine }) => {
      const folder = workspace({ ...site, 'pic.webp': 'x', 'font.woff2': 'x', 'mod.mjs': 'x' })
      await fine({ action: 'upload', source: '.', target: root }, folder)
      const type = async (name: string) => (await place.get(`${root}/${name}`))?.contentType
      assert.equal(await type('index.html'), 'text/html; charset=utf-8')
      assert.match((await type('assets/app.js')) ?? '', /^(text|application)\/javascript/)
      assert.match((await type('mod.mjs')) ?? '', /^(text|application)\/javascript/)
      assert.equal(await type('pic.webp'), 'image/webp')
      assert.equal(await type('font.woff2'), 'font/woff2')
      assert.equal(await type('data.unknownending'), 'application/octet-stream')
      const map = JSON.stringify({ '*.html': 'text/x-mine', '*': 'application/x-rest' })
      await fine({ action: 'upload', source: '.', target: root, content_type: map }, folder)
      assert.equal(await type('index.html'), 'text/x-mine')
      assert.equal(await type('data.unknownending'), 'application/x-rest')
    },
  },
  {
    row: 'Cache-Control per pattern',
    on: 'both',
    run: async ({ place, root, workspace, fine }) => {
      const cache_control = JSON.stringify({
        '*': 'max-age=60',
        '*.html': 'no-cache',
        'assets/**': 'public, max-age=31536000, immutable',
      })
      const rules = JSON.stringify([{ match: '*.css', cache_control: 'no-store' }])
      const up = { action: 'upload', source: '.', target: root, cache_control, rules }
      await fine(up, workspace(site))
      const control = async (name: string) => (await place.get(`${root}/${name}`))?.cacheControl
      assert.equal(await control('index.html'), 'no-cache')
      assert.equal(await control('assets/app.js'), 'public, max-age=31536000, immutable')
      assert.equal(await control('assets/a.css'), 'no-store', '`rules` come first')
      assert.equal(await control('data.unknownending'), 'max-age=60')
    },
  },
  {
    row: 'Content-Encoding per pattern',
    on: 'both',
    run: async ({ place, root, workspace, fine }) => {
      const zipped = gzipSync('plain')
      const settings = {
        content_encoding: JSON.stringify({ '*.svgz': 'gzip' }),
        content_language: 'de',
        content_disposition: JSON.stringify({ '*.html': 'inline', '*': 'attachment' }),
      }
      const up = { action: 'upload', source: '.', target: root, ...settings }
      await fine(up, workspace({ ...site, 'pic.svgz': zipped }))
      const pic = await place.get(`${root}/pic.svgz`)
      assert.ok(pic)
      assert.ok(pic.content.equals(zipped), 'what has an encoding already is not compressed again')
      assert.deepEqual(
        [pic.contentEncoding, pic.contentLanguage, pic.contentDisposition],
        ['gzip', 'de', 'attachment'],
      )
      const page = await place.get(`${root}/index.html`)
      assert.deepEqual(
        [page?.contentEncoding, page?.contentLanguage, page?.contentDisposition],
        ['', 'de', 'inline'],
      )
    },
  },
  {
    row: 'gzip on the fly',
    on: 'both',
    run: async ({ place, root, workspace, fine }) => {
      const big = 'log line 12345\n'.repeat(700_000)
      const folder = workspace({ ...site, 'big.txt': big })
      const compress = JSON.stringify({ '*.{html,txt}': 'gzip', '*.js': 'br', '*.css': 'zstd' })
      await fine({ action: 'upload', source: '.', target: root, compress }, folder)
      const get = async (name: string) => {
        const found = await place.get(`${root}/${name}`)
        assert.ok(found, name)
        return found
      }
      const page = await get('index.html')
      assert.equal(page.contentEncoding, 'gzip')
      assert.equal(page.contentType, 'text/html; charset=utf-8')
      assert.ok(page.content.length < 400)
      assert.equal(gunzipSync(page.content).toString(), html)
      assert.equal(gunzipSync((await get('big.txt')).content).toString(), big)
      const script = await get('assets/app.js')
      assert.equal(script.contentEncoding, 'br')
      assert.equal(brotliDecompressSync(script.content).toString(), site['assets/app.js'])
      const style = await get('assets/a.css')
      if (style.contentEncoding === 'zstd') {
        assert.equal(zstdDecompressSync(style.content).toString(), site['assets/a.css'])
      } else assert.equal(style.content.toString(), site['assets/a.css'])
      assert.equal((await get('data.unknownending')).contentEncoding, '')

      await fine({ action: 'download', source: `${root}/`, target: 'out' }, folder)
      assert.deepEqual(readTree(join(folder, 'out')), { ...site, 'big.txt': big })
      const down = { action: 'download', source: `${root}/index.html`, target: 'raw' }
      await fine({ ...down, decompress: 'never' }, folder)
      assert.equal(gunzipSync(readFileSync(join(folder, 'raw/index.html'))).toString(), html)

      const sync = { action: 'sync', source: '.', exclude: '/out,/raw', target: root, compress }
      assert.match(await fine(sync, folder), /^synced 0 files, .*5 left as they are/m)
    },
  },
  {
    row: 'Pre-compressed `.br`/`.gz` mapped',
    on: 'both',
    run: async ({ place, root, workspace, fine }) => {
      const gz = gzipSync(site['assets/app.js'])
      const folder = workspace({ ...site, 'assets/app.js.gz': gz })
      await fine({ action: 'upload', source: '.', target: root, precompressed: 'true' }, folder)
      const names = (await place.list(root)).map((name) => name.slice(root.length + 1))
      assert.ok(!names.includes('assets/app.js.gz'))
      const script = await place.get(`${root}/assets/app.js`)
      assert.ok(script)
      assert.ok(script.content.equals(gz))
      assert.equal(script.contentEncoding, 'gzip')
      assert.match(script.contentType, /javascript/)
    },
  },
  {
    row: 'Metadata',
    on: 'both',
    run: async ({ place, root, workspace, fine, refused }) => {
      const metadata = JSON.stringify({
        '**': { commit: 'c0ffee', team: 'web' },
        '*.html': { page: 'yes', team: 'docs' },
      })
      await fine({ action: 'upload', source: '.', target: root, metadata }, workspace(site))
      const of = async (name: string) => (await place.get(`${root}/${name}`))?.metadata ?? {}
      const page = await of('index.html')
      assert.deepEqual([page['commit'], page['page'], page['team']], ['c0ffee', 'yes', 'docs'])
      const style = await of('assets/a.css')
      assert.deepEqual(
        [style['commit'], style['page'], style['team']],
        ['c0ffee', undefined, 'web'],
      )
      const up = { action: 'upload', source: '.', target: `${root}/no` }
      const invalid = { exit: 2, code: '(plugin_setting|transfer_properties)_invalid' }
      await refused({ ...up, metadata: '{"not-a-name":"x"}' }, workspace(site), invalid)
      assert.deepEqual(await place.list(`${root}/no`), [])
    },
  },
  {
    row: 'Metadata',
    aspect: 'mode and time of change kept and restored',
    on: 'both',
    run: async ({ root, workspace, fine }) => {
      const folder = workspace({ 'src/run.sh': '#!/bin/sh', 'src/plain.txt': 'x' })
      chmodSync(join(folder, 'src/run.sh'), 0o755)
      chmodSync(join(folder, 'src/plain.txt'), 0o640)
      utimesSync(join(folder, 'src/run.sh'), 1_700_000_000.25, 1_700_000_000.25)
      await fine({ action: 'upload', source: 'src', target: root }, folder)
      await fine({ action: 'download', source: `${root}/`, target: 'out' }, folder)
      const run = statSync(join(folder, 'out/run.sh'))
      assert.equal(run.mode & 0o777, 0o755)
      assert.equal(Math.round(run.mtimeMs), 1_700_000_000_250)
      assert.equal(statSync(join(folder, 'out/plain.txt')).mode & 0o777, 0o640)
    },
  },
  {
    row: 'Blob index tags',
    on: 'blob',
    run: async ({ place, root, workspace, fine, refused }) => {
      const tags = JSON.stringify({ '*': { team: 'web' }, '*.html': { kind: 'page 1/2' } })
      const folder = workspace(site)
      await fine({ action: 'upload', source: '.', target: root, tags }, folder)
      const of = async (name: string) => (await place.get(`${root}/${name}`))?.tags
      assert.deepEqual(await of('index.html'), { team: 'web', kind: 'page 1/2' })
      assert.deepEqual(await of('assets/a.css'), { team: 'web' })
      await fine({ action: 'upload', source: '.', target: root, tags: '{"team":"other"}' }, folder)
      assert.deepEqual(await of('index.html'), { team: 'other' })
      const bad = { action: 'upload', source: '.', target: root, tags: '{"a":"b!c"}' }
      const code = '(plugin_setting|transfer_properties)_invalid'
      await refused(bad, folder, { exit: 2, code })
    },
  },
  {
    row: 'Access tier',
    on: 'blob',
    run: async ({ place, root, workspace, fine }) => {
      const tier = JSON.stringify({ '*.html': 'Hot', '**': 'Cool' })
      const folder = workspace({ ...site, 'big.bin': Buffer.alloc(9 * 1024 * 1024, 7) })
      await fine({ action: 'upload', source: '.', target: root, tier }, folder)
      const of = async (name: string) => (await place.get(`${root}/${name}`))?.tier
      assert.equal(await of('index.html'), 'Hot')
      assert.equal(await of('assets/a.css'), 'Cool')
      assert.equal(await of('big.bin'), 'Cool', 'also of a blob in blocks')
    },
  },
]
