// The words of `azure-storage-drone doctor`, and that it goes on where something is missing; faults as a
// whole are the business of the suite of that name.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { doctorCommand } from '../bin/doctor.ts'
import { Fault } from '../src/core/fault.ts'

async function run(args: string[], env: Record<string, string> = {}) {
  let output = ''
  const exitCode = await doctorCommand(args, env, (text) => void (output += text))
  return { exitCode, output }
}

// Nothing listens there, and it is never far away.
const nowhere = ['--account', 'acmeart', '--endpoint', 'https://127.0.0.1:9/acmeart']

describe('the command doctor', () => {
  test('tells how it is used', async () => {
    const { exitCode, output } = await run(['--help'])
    assert.equal(exitCode, 0)
    assert.match(output, /--credentials FILE/)
  })

  const wrong: [args: string[], says: RegExp][] = [
    [['--bogus'], /bogus/],
    [['--token', 'x'], /token/],
    [['somewhere'], /one URL/],
    [['https://a.blob.core.windows.net/c', 'more'], /one URL/],
    [['https://acmeart.blob.core.windows.net/c?sig=x'], /static key/],
    [['--wait', 'long'], /--wait is “long”/],
    [['--tries', '0'], /--tries is “0”/],
    [['--credentials', '/nowhere/at/all.json'], /ENOENT/],
    [['--credentials', 'package.json'], /no list of federated credentials/],
  ]
  for (const [args, says] of wrong) {
    test(`refuses ${args.join(' ')}`, async () => {
      await assert.rejects(run(args), (error) => {
        assert.ok(error instanceof Fault)
        assert.equal(error.code, 'cli_usage')
        assert.match(error.message, says)
        return true
      })
    })
  }

  test('looks at the account although there is no token', async () => {
    const { exitCode, output } = await run([...nowhere, '--container', 'artifacts'])
    assert.equal(exitCode, 3)
    assert.match(output, /FAILED account .*ECONNREFUSED/)
    assert.match(output, /\nverdict: plugin_token_empty .*\nwhat to do: .*\n$/)
  })

  test('takes variables of a step, and flags over them', async () => {
    const env = {
      PLUGIN_ACTION: 'upload',
      PLUGIN_SOURCE: 'dist',
      PLUGIN_TARGET: 'a/b',
      PLUGIN_STORAGE_ACCOUNT: 'other',
      PLUGIN_BUCKET: 'one',
      PLUGIN_TOKEN: '***',
    }
    const { exitCode, output } = await run([...nowhere, '--container', 'two', '--json'], env)
    const { facts, verdict } = JSON.parse(output) as {
      facts: { account: Record<string, string>; settings?: unknown }
      verdict: { code: string }
    }
    assert.equal(facts.settings, undefined)
    assert.equal(facts.account['container'], 'two')
    assert.equal(facts.account['prefix'], 'a/b/')
    assert.equal(verdict.code, 'plugin_token_malformed')
    assert.equal(exitCode, 2)
  })

  test('a URL says all of where', async () => {
    const url = 'https://127.0.0.1:9/acmeart/builds/x/y'
    const env = { PLUGIN_CONTAINER: 'other', PLUGIN_ACCOUNT: 'other' }
    const { output } = await run([url, '--endpoint', 'https://127.0.0.1:9/acmeart', '--json'], env)
    const { facts } = JSON.parse(output) as { facts: { account: Record<string, string> } }
    assert.equal(facts.account['container'], 'builds')
    assert.equal(facts.account['prefix'], 'x/y/')
  })
})
