// The README's main command, as a newcomer runs it, on a tree of its own.
import assert from 'node:assert/strict'
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'

import { runProgram } from '../../src/demo/program.ts'

const demo = [process.execPath, 'bin/cli.ts', 'demo']
const env = { PATH: '/usr/bin:/bin' }

test('demo --json --source moves any tree, finds no secret, and finds its control', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'asd-demo-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const source = join(folder, 'sou rce, [odd]*')
  mkdirSync(join(source, 'ünï/.hidden'), { recursive: true })
  writeFileSync(join(source, 'ünï/50%#.txt'), 'x')
  writeFileSync(join(source, 'ünï/.hidden/empty'), '')
  const { exitCode, output } = await runProgram([...demo, '--json', '--source', source], {
    cwd: '.',
    env,
  })
  const result = JSON.parse(output.trimEnd().split('\n').at(-1) ?? '') as Record<string, unknown>
  assert.equal(exitCode, 0, output)
  const { ok, files, bytes, changesApplied, identical, secretsFound, controlFound, subject } =
    result
  assert.deepEqual(
    { ok, files, bytes, changesApplied, identical, secretsFound, controlFound, subject },
    {
      ok: true,
      files: 2,
      bytes: 1,
      changesApplied: 5,
      identical: true,
      secretsFound: 0,
      controlFound: true,
      subject: 'repo:octo/hello@4711:ref:refs/heads/main',
    },
  )
  const hops = result['hops'] as { hop: string; ok: boolean }[]
  assert.deepEqual(
    hops.map(({ hop, ok: fits }) => `${hop} ${fits}`),
    [
      'extension call true',
      'request token true',
      'ID token true',
      'Entra exchange true',
      'storage calls true',
      'ledger records true',
    ],
  )
  assert.match(output, /`trust apply` made 5 things in an empty tenant/)
})

test('demo says what is wrong with a source that is no folder', async () => {
  const { exitCode, output } = await runProgram([...demo, '--source', '/nowhere'], {
    cwd: '.',
    env,
  })
  assert.equal(exitCode, 2)
  assert.match(output, /\/nowhere is not a folder/)
})

test('demo ends as its step does when there is nothing to upload', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'asd-demo-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const { exitCode, output } = await runProgram([...demo, '--source', folder], { cwd: '.', env })
  assert.equal(exitCode, 4, output)
  assert.match(output, /transfer_no_files/)
})
