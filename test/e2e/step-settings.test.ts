// What a step says and leaves behind: the plugin's settings beyond the plain upload and download, read
// as the person reads them who looks into the CI log.
import assert from 'node:assert/strict'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'

import { fetchToken } from '../../src/demo/step.ts'
import { createHttp } from '../../src/http/node.ts'
import { assertRefused, listAll, plugin, uploadAll, useInstallation } from './lab.ts'

const e2e = useInstallation()
const site = {
  'index.html': '<html></html>',
  'assets/app.js': 'let a = 1',
  'assets/app.js.map': '{}',
  'docs/a.txt': 'a',
}

async function step(settings: Record<string, string>, cwd: string) {
  return e2e.step(await e2e.newBuild(), settings, cwd)
}

async function stepFine(settings: Record<string, string>, cwd: string): Promise<string> {
  const { exitCode, output } = await step(settings, cwd)
  assert.equal(exitCode, 0, output)
  return output
}

test('a dry run says what it would do, and does nothing', async () => {
  const folder = e2e.workspace(site)
  const calls = e2e.lab().storage.calls.length
  const settings = { ...uploadAll('octo/hello/dry'), exclude: '*.map', dry_run: 'true' }
  const output = await stepFine(settings, folder)
  assert.match(output, /^send octo\/hello\/dry\/assets\/app\.js, 9 bytes: /m)
  assert.doesNotMatch(output, /app\.js\.map/)
  assert.match(
    output,
    /^dry run: would have uploaded 3 files, 23 B to https:.*\/octo\/hello\/dry$/m,
  )
  assert.equal(e2e.lab().storage.calls.length, calls)
})

test('a sync sends what has changed, removes what is gone, and says so', async () => {
  const folder = e2e.workspace(site)
  const sync = {
    ...uploadAll('octo/hello/sync'),
    action: 'sync',
    delete: 'true',
    preserve: 'false',
  }
  assert.match(await stepFine(sync, folder), /^synced 4 files, /m)
  assert.match(await stepFine(sync, folder), /^synced 0 files, .*; 4 left as they are$/m)
  const fewer = e2e.workspace({ 'index.html': 'new', 'docs/a.txt': 'a' })
  const refused = await step({ ...sync, max_delete: '1' }, fewer)
  assert.equal(refused.exitCode, 4, refused.output)
  assert.match(refused.output, /2/)
  assert.match(await stepFine(sync, fewer), /^synced 1 file, .*; 1 left as they are, 2 removed$/m)
})

test('a list shows names, sizes and dates; a removal takes away what it names', async () => {
  await stepFine(uploadAll('octo/hello/list'), e2e.workspace(site))
  const list = { action: 'list', source: 'octo/hello/list/**' }
  const listed = await stepFine(list, e2e.workspace())
  assert.match(
    listed,
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ +9 {2}octo\/hello\/list\/assets\/app\.js$/m,
  )
  assert.match(listed, /^listed 4 files, 25 B in /m)
  const remove = { action: 'remove', source: 'octo/hello/list/assets' }
  assert.match(await stepFine(remove, e2e.workspace()), /^removed 2 files in .* from https:/m)
  assert.match(await stepFine(list, e2e.workspace()), /^listed 2 files, 14 B/m)
})

test('a verification compares what is there with its digests, or with files', async () => {
  const folder = e2e.workspace(site)
  await stepFine(uploadAll('octo/hello/verify'), folder)
  const verify = { action: 'verify', source: 'octo/hello/verify/' }
  assert.match(await stepFine(verify, folder), /^verified 4 files, 25 B in /m)
  const changed = e2e.workspace({ ...site, 'docs/a.txt': 'b' })
  const refused = await step({ ...verify, target: '.' }, changed)
  assertRefused(refused, 'transfer_checksum_mismatch', /docs\/a\.txt/)
})

test('several transfers run in order, with one identity, and the one that fails is named', async () => {
  const folder = e2e.workspace(site)
  const before = e2e.lab().entra.exchanges.length
  const transfers = [
    { source: ['assets'], target: 'octo/hello/many/a' },
    { source: 'docs', target: 'octo/hello/many/d', content_type: { '*.txt': 'text/x-a' } },
    { action: 'download', source: 'octo/hello/many/**', target: 'out' },
  ]
  const settings = { action: 'upload', transfers: JSON.stringify(transfers) }
  const output = await stepFine({ ...settings, output_file: 'result.env' }, folder)
  assert.match(
    output,
    /^transfer 2 of 3: upload$[^]*^uploaded 1 file, [^]*^transfer 3 of 3: download$/m,
  )
  assert.deepEqual(listAll(join(folder, 'out')), ['a/app.js', 'a/app.js.map', 'd/a.txt'])
  assert.equal(e2e.lab().entra.exchanges.length - before, 1)
  assert.match(readFileSync(join(folder, 'result.env'), 'utf8'), /_3_FILES='3'/)

  const [first, , third] = transfers
  const broken = [first, { source: 'nothing', target: 'octo/hello/many/n' }, third]
  const refused = await step({ ...settings, transfers: JSON.stringify(broken) }, folder)
  assertRefused(refused, 'transfer_no_files', /transfer 2 of 3: .*“nothing”.*1 transfer after it/)
})

test('an output file tells later steps what came of it, and is nobody else’s', async () => {
  const folder = e2e.workspace(site)
  const settings = {
    ...uploadAll('octo/hello/outputs'),
    exclude: '/result*',
    output_file: 'r/result.env',
  }
  await stepFine(settings, folder)
  const variables = readFileSync(join(folder, 'r/result.env'), 'utf8')
  assert.match(variables, /^AZURE_STORAGE_DRONE_STATUS='done'$/m)
  assert.match(variables, /^AZURE_STORAGE_DRONE_FILES='4'$/m)
  const document = JSON.parse(readFileSync(join(folder, 'r/result.env.json'), 'utf8')) as {
    transfers: { done: { name: string; etag: string }[] }[]
  }
  const [first] = document.transfers
  assert.equal(first?.done.length, 4)
  assert.match(first?.done[0]?.etag ?? '', /0x/)
  for (const name of ['r/result.env', 'r/result.env.json']) {
    assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600)
  }
})

test('a failed step writes its output file as well, with every failed file', async () => {
  const folder = e2e.workspace(site)
  const settings = { ...uploadAll('elsewhere/not-ours'), output_file: 'result.json' }
  const refused = await step(settings, folder)
  assertRefused(refused, 'azure_storage_role_missing', /files failed/)
  const document = JSON.parse(readFileSync(join(folder, 'result.json'), 'utf8')) as {
    status: string
    transfers: { failures: { name: string; code: string }[] }[]
  }
  assert.equal(document.status, 'failed')
  const failures = document.transfers[0]?.failures ?? []
  for (const { name, code } of failures) {
    assert.equal(code, 'azure_storage_role_missing')
    assert.match(refused.output, new RegExp(`^failed: ${name}: `, 'm'))
  }
  assert.ok(failures.length > 0)
})

test('headers, metadata and compression come back as they were set', async () => {
  const folder = e2e.workspace({ 'a.js': 'let a = 1;'.repeat(100), 'b.txt': 'b' })
  const rules = [{ match: '*.js', cache_control: 'immutable', compress: 'gzip' }]
  const settings = {
    ...uploadAll('octo/hello/rules'),
    rules: JSON.stringify(rules),
    cache_control: 'no-cache',
    metadata: '{"build":"7"}',
  }
  await stepFine(settings, folder)
  const target = e2e.workspace()
  await stepFine({ action: 'download', source: 'octo/hello/rules/', target: 'out' }, target)
  assert.equal(readFileSync(join(target, 'out/a.js'), 'utf8'), 'let a = 1;'.repeat(100))
  const again = { ...settings, action: 'sync', preserve: 'false', metadata: '{"build":"8"}' }
  assert.match(await stepFine(again, folder), /with new properties only/)
})

test('settings that are wrong are named all at once, in the words of the file', async () => {
  const settings = { action: 'uplod', contaner: 'x', max_delete: 'many', account_key: 'x' }
  const refused = await step(settings, e2e.workspace())
  assertRefused(
    refused,
    'plugin_setting_invalid',
    /`contaner` is unknown \(did you mean `container`\?\)/,
  )
  assert.match(refused.output, /`account_key` is a static key/)
  assert.match(refused.output, /`action` is “uplod”/)
})

test('a link that the identity may not make says which role it takes', async () => {
  await stepFine(uploadAll('octo/hello/link'), e2e.workspace(site))
  const settings = { action: 'link', source: 'octo/hello/link/docs/a.txt', output_file: 'link.env' }
  const refused = await step(settings, e2e.workspace())
  assertRefused(refused, 'azure_storage_role_missing', /Storage Blob Delegator/)
})

test('a proxy of the environment is used, and one that is not there is said so', async () => {
  const build = await e2e.newBuild()
  const { token } = await fetchToken(e2e.lab(), build)
  const command = ['/usr/bin/env', 'HTTPS_PROXY=http://127.0.0.1:9', ...plugin]
  const folder = e2e.workspace(site)
  const finished = await e2e.stepWith(build, token, uploadAll('octo/hello/proxy'), folder, command)
  assert.equal(finished.exitCode, 5, finished.output)
  const direct = ['/usr/bin/env', 'NO_PROXY=localhost', ...command.slice(1)]
  const fine = await e2e.stepWith(build, token, uploadAll('octo/hello/proxy'), folder, direct)
  assert.equal(fine.exitCode, 0, fine.output)
})

test('a link opens its one blob for whoever has it, and is in no log', async () => {
  const { storage, app, authority } = e2e.lab()
  const principalId = app.objectId
  const role = storage.assignRole({
    principalId,
    role: 'Storage Blob Delegator',
    account: 'acmeart',
  })
  try {
    await stepFine(uploadAll('octo/hello/opens'), e2e.workspace(site))
    const folder = e2e.workspace()
    const source = 'octo/hello/opens/docs/a.txt'
    const output = await stepFine({ action: 'link', source, output_file: 'link.json' }, folder)
    const text = readFileSync(join(folder, 'link.json'), 'utf8')
    const url = /https:[^"\s]+sig=[^"\s]+/.exec(text)?.[0] ?? ''
    assert.ok(url.includes(source), text)
    assert.ok(!output.includes('sig='), output)
    assert.equal(statSync(join(folder, 'link.json')).mode & 0o777, 0o600)
    const client = createHttp({ maxConnections: 1, ca: [authority.caPem] })
    const read = (link: string) => {
      const { origin, pathname, search } = new URL(link)
      const request = { method: 'GET', path: pathname + search, headers: {} } as const
      return client.send({ ...request, origin: new URL(origin) })
    }
    try {
      assert.equal((await read(url)).body.toString(), 'a')
      // The signature is for this name alone.
      assert.equal((await read(url.replace('docs/a.txt', 'index.html'))).status, 403)
    } finally {
      client.close()
    }
  } finally {
    storage.removeRole(role)
  }
})
