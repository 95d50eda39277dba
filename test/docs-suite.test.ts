// The suite `docs` can fail: what its parts look for is found.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { readPage } from '../site/page.ts'
import { runPage } from '../suites/docs/commands.ts'
import { checkLinks } from '../suites/docs/links.ts'
import { findMissingLine } from '../suites/docs/shape.ts'
import { checkSnippet, type SnippetReport } from '../suites/docs/snippets.ts'

const run = async (markdown: string) => {
  const folder = mkdtempSync(join(tmpdir(), 'asd-docs-suite-'))
  try {
    const env = { PATH: process.env['PATH'] ?? '' }
    return await runPage({ file: 'page.md', ...readPage(markdown) }, { folder, env })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

test('shape › takes other numbers, ids and text in place of …, and nothing else', () => {
  const shown =
    'uploaded 2 files to https://localhost:40123/a\n…\ndone by 1d6eb220-54b0-48c1-8767-7b741bf57000'
  const printed =
    'uploaded 14 files to https://localhost:1/a\nmore\ndone by 2c7b589b-a26d-4162-a742-6eca84f7ffdc\n'
  assert.equal(findMissingLine(shown, printed), undefined)
  assert.equal(findMissingLine('uploaded 2 files', 'removed 2 files'), 'uploaded 2 files')
  assert.equal(findMissingLine('one\ntwo', 'two\none'), 'two')
  assert.equal(findMissingLine('all … well', 'all is well'), undefined)
})

test('commands › of one page share a shell, and files that the page names', async () => {
  const page =
    '```yaml\n# a.yaml\nkey: 1\n```\n\n```sh\nexport WHO=me\n```\n\n```console\n$ echo "$WHO"\nme\n$ cat a.yaml\n…\nkey: 1\n$ false\n$ echo $?\n1\n```\n'
  const { problems, commands } = await run(page)
  assert.deepEqual(problems, [])
  assert.equal(commands, 5)
})

test('commands › that fail, print something else, or lack a reason that is one are told', async () => {
  assert.match((await run('```sh\nfalse\ntrue\n```\n')).problems[0] ?? '', /ended with -?1/)
  assert.match(
    (await run('```console\n$ echo two\none\n```\n')).problems[0] ?? '',
    /did not print “one”/,
  )
  assert.match(
    (await run('<!-- skip -->\n\n```sh\ntrue\n```\n')).problems[0] ?? '',
    /no such order/,
  )
  assert.deepEqual(await run('<!-- not run: needs Azure -->\n\n```sh\nfalse\n```\n'), {
    run: 0,
    notRun: 1,
    commands: 0,
    seconds: 0,
    problems: [],
  })
})

test('links › to files and headings that are not there are told', () => {
  const page = {
    file: 'README.md',
    ...readPage('# A b\n\n[x](#a-b) [y](#c) [z](gone.md) [w](http://a.example)'),
  }
  const { inside, outside, broken } = checkLinks([page])
  assert.deepEqual([inside, outside, broken.length], [3, 1, 3])
})

test('snippets › with a setting, a key or a grant that the product refuses are told', () => {
  const report: SnippetReport = { kinds: {}, problems: [] }
  const step = (settings: string) =>
    `steps:\n  - image: azure-storage-drone\n    settings: { token: { from_secret: t }, ${settings} }\n`
  checkSnippet(
    'good',
    step('action: upload, account: acmeart, container: artifacts, source: dist'),
    report,
  )
  assert.equal(report.problems.length, 0)
  checkSnippet(
    'setting',
    step('action: upload, acount: acmeart, container: artifacts, source: x'),
    report,
  )
  checkSnippet('configuration', 'instances: { main: { scm: nobody } }\n', report)
  checkSnippet('policy', 'version: 1\nidentities: {}\npolicies: [{ name: A }]\n', report)
  checkSnippet('command', 'commands: [azure-storage-drone upload --nonsense]\n', report)
  assert.deepEqual(
    report.problems.map((problem) => problem.split(':')[0]),
    ['setting', 'configuration', 'policy', 'command'],
  )
})
