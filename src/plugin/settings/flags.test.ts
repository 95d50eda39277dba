import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import { Fault } from '../../core/fault.ts'
import { interpretSettings } from '../settings.ts'
import { readCommandLine, toFlagName } from './flags.ts'
import type { Action } from './row.ts'

const tokenEmpty = () => new Fault('plugin_token_empty', 'No token.')

const read = (action: Action, line: string) => {
  const { given, problems } = readCommandLine(action, line.split(' ').filter(Boolean))
  assert.deepEqual(problems, [])
  const settings = interpretSettings({
    show: toFlagName,
    given,
    env: { AZURE_STORAGE_DRONE_TOKEN: 'asd1.x.y' },
    isPerson: false,
    tokenEmpty,
    showsLinks: true,
  })
  const [transfer] = settings.transfers
  assert.ok(transfer)
  return { settings, transfer, ...transfer }
}

const problemsOf = (action: Action, line: string) =>
  readCommandLine(action, line.split(' ').filter(Boolean)).problems.join('\n')

const blob = 'https://contoso.blob.core.windows.net'

describe('a command line', () => {
  it('uploads words to a URL', () => {
    const { place, job } = read('upload', `dist docs/*.md ${blob}/artifacts/builds/7 --dry-run`)
    assert.ok(job.action === 'upload')
    assert.deepEqual(job.select.sources, ['dist', 'docs/*.md'])
    assert.equal(job.naming.target, 'builds/7')
    assert.deepEqual(
      [place.service, place.account, place.address.origin.origin, place.address.container],
      ['blob', 'contoso', blob, 'artifacts'],
    )
  })

  it('downloads from URLs into a folder, globs and escapes included', () => {
    const line = `${blob}/artifacts/builds/** ${blob}/artifacts/50%25%20%23 out`
    const { job } = read('download', line)
    assert.ok(job.action === 'download')
    assert.deepEqual(job.select.sources, ['builds/**', '50% #'])
    assert.equal(job.naming.target, 'out')
  })

  it('syncs toward its last word', () => {
    const up = read('sync', `dist ${blob}/$web --delete --max-delete 5`)
    assert.ok(up.job.action === 'upload' && up.action === 'sync' && up.job.deletes)
    assert.equal(up.place.address.container, '$web')
    const down = read('sync', `${blob}/artifacts/x out --delete`)
    assert.ok(down.job.action === 'download' && down.job.deletes)
  })

  it('knows shares, clouds, private links and emulators by their URLs', () => {
    const share = read('list', 'https://contoso.file.core.usgovcloudapi.net/docs/a')
    assert.deepEqual(
      [share.place.service, share.place.address.origin.host, share.place.address.container],
      ['files', 'contoso.file.core.usgovcloudapi.net', 'docs'],
    )
    assert.match(share.settings.cloud.authorityHost, /microsoftonline\.us/)
    const link = read('list', 'https://contoso.privatelink.blob.core.windows.net/abc')
    assert.equal(link.place.address.origin.host, 'contoso.privatelink.blob.core.windows.net')
    const local = 'https://127.0.0.1:10000/devstoreaccount1'
    const { place, job } = read('list', `${local}/abc/x/y --endpoint ${local}`)
    assert.deepEqual(
      [place.account, place.address.pathPrefix, place.address.container],
      ['devstoreaccount1', '/devstoreaccount1', 'abc'],
    )
    assert.ok(job.action === 'list')
    assert.deepEqual(job.select.sources, ['x/y'])
  })

  it('repeats flags of lists and maps, and turns flags off', () => {
    const words = '--exclude *.map --exclude a/**,b --metadata a=1 --metadata b=2 --no-preserve'
    const { job } = read('upload', `dist ${blob}/abc ${words} --dotfiles --tier=cool`)
    assert.ok(job.action === 'upload')
    assert.deepEqual(job.select.exclude, ['*.map', 'a/**', 'b'])
    assert.deepEqual(job.rules, [
      { match: ['**'], set: { metadata: { a: '1', b: '2' } } },
      { match: ['**'], set: { tier: 'Cool' } },
    ])
    assert.deepEqual([job.preserve, job.select.dotfiles], [false, true])
  })

  it('asks for help and JSON without a place', () => {
    const { wantsHelp, wantsJson, problems } = readCommandLine('sync', ['--json', '-h'])
    assert.deepEqual([wantsHelp, wantsJson, problems], [true, true, []])
  })

  const wrong: [what: string, action: Action, line: string, says: RegExp][] = [
    ['no URL', 'upload', 'dist', /upload takes files or folders and, as the last word, one URL/],
    ['a URL in the wrong place', 'upload', `${blob}/abc dist`, /as the last word, one URL/],
    ['no folder', 'download', `${blob}/abc/x`, /the folder to write into/],
    ['words beside URLs', 'remove', `${blob}/abc/x y`, /remove takes URLs and no other words/],
    ['a SAS', 'list', `${blob}/abc?sv=1&sig=geheim`, /carries a SAS/],
    ['a query', 'list', `${blob}/abc/x?.txt`, /write %3F/],
    ['no container', 'list', blob, /names no container/],
    ['plain http', 'list', 'http://contoso.blob.core.windows.net/abc', /no https URL/],
    ['a stray percent sign', 'list', `${blob}/abc/50%`, /write %25/],
    ['an unknown host', 'list', 'https://storage.example/abc', /give --endpoint/],
    [
      'a foreign endpoint',
      'list',
      `${blob}/abc --endpoint https://x.example`,
      /does not lie below/,
    ],
    ['two containers', 'list', `${blob}/abc ${blob}/def`, /different places/],
    ['a flag for what the URL says', 'list', `${blob}/abc --container x`, /--container is no flag/],
    [
      'a flag of another program',
      'upload',
      `--recursive dist ${blob}/abc`,
      /--recursive is unknown/,
    ],
    ['a flag without its value', 'list', `${blob}/abc --exclude`, /--exclude has no value/],
  ]
  for (const [what, action, line, says] of wrong) {
    it(`refuses ${what}`, () => {
      const problems = problemsOf(action, line)
      assert.match(problems, says)
      assert.ok(!problems.includes('geheim'))
    })
  }

  it('speaks of flags when a setting is wrong', () => {
    assert.throws(() => read('list', `${blob}/abc --exlude x --cache-control y --concurrency 0`), {
      message:
        /--exlude is unknown \(did you mean --exclude\?\).*--concurrency is “0”.*--cache-control means nothing for `list`/s,
    })
  })

  it('reads back any path from its URL', () => {
    const segment = fc
      .string({ minLength: 1, unit: 'grapheme' })
      .filter((text) => text.isWellFormed())
    fc.assert(
      fc.property(fc.array(segment, { minLength: 1, maxLength: 4 }), (segments) => {
        const url = `${blob}/abc/${segments.map((each) => encodeURIComponent(each)).join('/')}`
        const { given, problems } = readCommandLine('list', [url])
        assert.deepEqual(problems, [])
        assert.deepEqual(given.find(([name]) => name === 'source')?.[1], [segments.join('/')])
      }),
    )
  })
})
