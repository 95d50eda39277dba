import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import { helpText } from './help.ts'
import { settingsTable, variableOf } from './settings-table.ts'
import { type Environment, readSettings, splitList } from './settings.ts'
import { editDistance, suggest } from './suggest.ts'
import { toUserAgent } from './user-agent.ts'

const good: Environment = {
  PLUGIN_TOKEN: 'asd1.x.y',
  PLUGIN_ACTION: 'upload',
  PLUGIN_ACCOUNT: 'contosobuilds',
  PLUGIN_CONTAINER: 'artifacts',
  PLUGIN_SOURCE: 'dist,docs/*.{md,txt}',
  DRONE_REPO: 'octo/app',
}

const problemOf = (changes: Environment): string => {
  try {
    readSettings({ ...good, ...changes })
  } catch (error) {
    assert.ok(error instanceof Error && 'code' in error)
    assert.equal(error.code, 'plugin_setting_invalid')
    return error.message
  }
  return ''
}

describe('the settings of the step', () => {
  it('come from PLUGIN_* variables, with defaults', () => {
    const settings = readSettings({ ...good, PLUGIN_TARGET: '/builds//42/' })
    assert.deepEqual(settings.sources, ['dist', 'docs/*.{md,txt}'])
    assert.equal(settings.target, 'builds/42')
    assert.equal(settings.address.origin.href, 'https://contosobuilds.blob.core.windows.net/')
    assert.equal(settings.authorityHost, 'https://login.microsoftonline.com')
    assert.deepEqual(
      [settings.overwrite, settings.dotfiles, settings.concurrency, settings.override],
      ['always', false, 32, undefined],
    )
  })

  it('know the sovereign clouds, custom endpoints and authorities', () => {
    const usgov = readSettings({ ...good, PLUGIN_CLOUD: 'usgov' })
    assert.equal(usgov.address.origin.host, 'contosobuilds.blob.core.usgovcloudapi.net')
    assert.equal(usgov.cloud.federationAudience, 'api://AzureADTokenExchangeUSGov')
    const local = readSettings({
      ...good,
      PLUGIN_ENDPOINT: 'https://localhost:10000/acct/',
      PLUGIN_AUTHORITY_HOST: 'localhost:8443',
    })
    assert.deepEqual(
      [local.address.origin.host, local.address.pathPrefix],
      ['localhost:10000', '/acct'],
    )
    assert.equal(local.authorityHost, 'https://localhost:8443')
  })

  it('take the token from the masked variable when there is no setting', () => {
    const masked = { ...good, PLUGIN_TOKEN: '', AZURE_STORAGE_DRONE_TOKEN: 'asd1.m.m' }
    assert.equal(readSettings(masked).token.reveal(), 'asd1.m.m')
    assert.equal(readSettings({ ...masked, PLUGIN_TOKEN: 'asd1.s.s' }).token.reveal(), 'asd1.s.s')
  })

  it('explain an empty token by its possible causes', () => {
    assert.throws(() => readSettings({ ...good, PLUGIN_TOKEN: undefined }), {
      code: 'plugin_token_empty',
      exitCode: 3,
      message: /kind: secret.*DRONE_SECRET_PLUGIN_ENDPOINT.*signature/s,
    })
  })

  it('list every problem at once', () => {
    const message = problemOf({
      PLUGIN_ACTION: 'upload ',
      PLUGIN_ACCOUNT: 'Contoso',
      PLUGIN_CONTAINER: undefined,
      PLUGIN_CONCURRENCY: '0',
      PLUGIN_TENANT_ID: 't',
    })
    assert.match(message, /^5 settings are wrong/)
    for (const name of ['action', 'account', 'container', 'concurrency', 'tenant_id']) {
      assert.ok(message.includes(`\`${name}\``), name)
    }
  })

  const wrong: [what: string, changes: Environment, says: RegExp][] = [
    [
      'a misspelt name',
      { PLUGIN_CONTAINR: 'x' },
      /`containr` is unknown \(did you mean `container`\?\)/,
    ],
    ['a name with a dash', { 'PLUGIN_CA-FILE': 'x' }, /did you mean `ca_file`/],
    ['an account key', { PLUGIN_ACCOUNT_KEY: 'x' }, /`account_key` is a static key/],
    ['a SAS', { PLUGIN_SAS_TOKEN: 'x' }, /static key/],
    ['a plain http endpoint', { PLUGIN_ENDPOINT: 'http://localhost/acct' }, /https/],
    ['an endpoint with a SAS', { PLUGIN_ENDPOINT: 'https://h/?sig=x' }, /https URL without query/],
    ['a plain http authority', { PLUGIN_AUTHORITY_HOST: 'http://localhost' }, /https/],
    ['a target that climbs', { PLUGIN_TARGET: 'a/../b' }, /`target`/],
    ['an exclusion', { PLUGIN_SOURCE: 'a,!b' }, /exclusions/],
    ['a container with capitals', { PLUGIN_CONTAINER: 'Artifacts' }, /`container`/],
    ['an unknown cloud', { PLUGIN_CLOUD: 'germany' }, /public, usgov, china/],
  ]
  for (const [what, changes, says] of wrong) {
    it(`refuse ${what}`, () => assert.match(problemOf(changes), says))
  }

  it('are all in the help text', () => {
    const help = helpText('1.2.3')
    for (const name of Object.keys(settingsTable))
      assert.match(help, new RegExp(`^  ${name} `, 'm'))
    assert.equal(variableOf('ca_file'), 'PLUGIN_CA_FILE')
  })
})

describe('a list setting', () => {
  it('is JSON or texts between commas', () => {
    assert.deepEqual(splitList('a, b ,,c'), ['a', 'b', 'c'])
    assert.deepEqual(splitList('["a,b"," c"]'), ['a,b', ' c'])
    assert.deepEqual(splitList('[ab]*.txt,x'), ['[ab]*.txt', 'x'])
    assert.deepEqual(splitList('*.{js,css},b'), ['*.{js,css}', 'b'])
    assert.deepEqual(splitList('a{b,c'), ['a{b', 'c'])
  })

  it('keeps any list that is written as JSON', () => {
    fc.assert(
      fc.property(fc.array(fc.string()), (list) => {
        assert.deepEqual(splitList(JSON.stringify(list)), list)
      }),
    )
  })
})

describe('suggestions', () => {
  it('are the closest name, and only a close one', () => {
    assert.equal(suggest('acount', Object.keys(settingsTable)), 'account')
    assert.equal(suggest('zzzzzz', Object.keys(settingsTable)), undefined)
  })

  it('measure a distance that is one', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), fc.string(), (a, b, c) => {
        assert.equal(editDistance(a, b), editDistance(b, a))
        assert.equal(editDistance(a, a), 0)
        assert.ok(editDistance(a, c) <= editDistance(a, b) + editDistance(b, c))
      }),
    )
  })
})

describe('the User-Agent', () => {
  it('is printable ASCII that nobody can break out of', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (repo, step) => {
        const agent = toUserAgent('1.0.0', { DRONE_REPO: repo, DRONE_STEP_NAME: step })
        assert.match(
          agent,
          /^azure-storage-drone\/1\.0\.0 \([\x20-\x27\x2a-\x5b\x5d-\x7e]{1,200}\)$/,
        )
      }),
    )
    assert.equal(
      toUserAgent('1.0.0', {
        DRONE_REPO: 'octo/app',
        DRONE_BUILD_NUMBER: '42',
        DRONE_STEP_NAME: 'up',
      }),
      'azure-storage-drone/1.0.0 (octo/app#42 up)',
    )
  })
})
