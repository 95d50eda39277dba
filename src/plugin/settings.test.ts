import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { commandHelp, helpText } from './help.ts'
import {
  findSetting,
  type SettingName,
  settingNames,
  settingsTable,
  variableOf,
} from './settings-table.ts'
import { type Environment, readSettings, type Settings } from './settings.ts'
import { createReader } from './settings/reader.ts'

const good: Environment = {
  PLUGIN_TOKEN: 'asd1.x.y',
  PLUGIN_ACTION: 'upload',
  PLUGIN_ACCOUNT: 'contosobuilds',
  PLUGIN_CONTAINER: 'artifacts',
  PLUGIN_SOURCE: 'dist, docs/*.{md,txt}',
  PATH: '/bin',
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

const only = (settings: Settings) => {
  const [first] = settings.transfers
  assert.ok(first && settings.transfers.length === 1)
  return first
}

describe('the settings of the step', () => {
  it('come from PLUGIN_* variables, with defaults', () => {
    const settings = readSettings({ ...good, PLUGIN_TARGET: '/builds//42/' })
    const { job, place, dryRun, title } = only(settings)
    assert.ok(job.action === 'upload')
    assert.deepEqual(job.select.sources, ['dist', 'docs/*.{md,txt}'])
    assert.equal(job.naming.target, 'builds/42')
    assert.equal(place.address.origin.href, 'https://contosobuilds.blob.core.windows.net/')
    assert.equal(settings.authorityHost, 'https://login.microsoftonline.com')
    assert.deepEqual(
      [job.overwrite, job.select.dotfiles, job.preserve, job.deletes, job.integrity],
      ['always', false, true, false, 'crc64'],
    )
    assert.deepEqual(
      [settings.concurrency, settings.memoryBytes, settings.retries, settings.override],
      [128, 128_000_000, 5, undefined],
    )
    assert.deepEqual([dryRun, title], [false, ''])
  })

  it('know the sovereign clouds, custom endpoints and authorities', () => {
    const usgov = readSettings({ ...good, PLUGIN_CLOUD: 'usgov' })
    assert.equal(only(usgov).place.address.origin.host, 'contosobuilds.blob.core.usgovcloudapi.net')
    assert.equal(usgov.cloud.federationAudience, 'api://AzureADTokenExchangeUSGov')
    const local = readSettings({
      ...good,
      PLUGIN_ENDPOINT: 'https://localhost:10000/acct/',
      PLUGIN_AUTHORITY_HOST: 'localhost:8443',
    })
    const { address } = only(local).place
    assert.deepEqual([address.origin.host, address.pathPrefix], ['localhost:10000', '/acct'])
    assert.equal(local.authorityHost, 'https://localhost:8443')
  })

  it('take a share in place of a container', () => {
    const env = { ...good, PLUGIN_CONTAINER: undefined, PLUGIN_SHARE: 'builds' }
    const { place } = only(readSettings(env))
    assert.deepEqual(
      [place.service, place.address.origin.host, place.address.container],
      ['files', 'contosobuilds.file.core.windows.net', 'builds'],
    )
    assert.match(problemOf({ PLUGIN_SHARE: 'x'.repeat(3) }), /`share` stands beside `container`/)
  })

  it('publish to $web when it is a site and nothing else is said', () => {
    const { place, job } = only(
      readSettings({ ...good, PLUGIN_CONTAINER: undefined, PLUGIN_WEB: 'true' }),
    )
    assert.equal(place.address.container, '$web')
    assert.ok(job.action === 'upload' && job.site && !job.preserve)
  })

  it('take the names of other plugins', () => {
    const { job, place } = only(
      readSettings({
        PLUGIN_TOKEN: 'asd1.x.y',
        PLUGIN_ACTION: 'upload',
        PLUGIN_STORAGE_ACCOUNT: 'contosobuilds',
        PLUGIN_BUCKET: 'artifacts',
        PLUGIN_SOURCE: 'dist',
        PLUGIN_IGNORE: '*.map',
        PLUGIN_ACCESS_TIER: 'cool',
        PLUGIN_OVERWRITE: 'false',
      }),
    )
    assert.deepEqual([place.account, place.address.container], ['contosobuilds', 'artifacts'])
    assert.ok(job.action === 'upload')
    assert.deepEqual(job.select.exclude, ['*.map'])
    assert.deepEqual(job.rules, [{ match: ['**'], set: { tier: 'Cool' } }])
    assert.equal(job.overwrite, 'never')
  })

  it('take the variables of plugins/azure-storage when there is no setting', () => {
    const env = {
      PLUGIN_TOKEN: 'asd1.x.y',
      PLUGIN_ACTION: 'upload',
      PLUGIN_ACCOUNT: 'mine',
      AZURE_STORAGE_ACCOUNT: 'theirs',
      AZURE_STORAGE_CONTAINER: 'artifacts',
      AZURE_STORAGE_SOURCE: 'dist',
    }
    const { place } = only(readSettings(env))
    assert.deepEqual([place.account, place.address.container], ['mine', 'artifacts'])
  })

  it('take the token from the masked variable when there is no setting', () => {
    const masked = { ...good, PLUGIN_TOKEN: '', AZURE_STORAGE_DRONE_TOKEN: 'asd1.m.m' }
    const tokenOf = (env: Environment) => {
      const { credential } = readSettings(env)
      assert.ok(credential.source === 'request token')
      return credential.token.reveal()
    }
    assert.equal(tokenOf(masked), 'asd1.m.m')
    assert.equal(tokenOf({ ...masked, PLUGIN_TOKEN: 'asd1.s.s' }), 'asd1.s.s')
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
    ['an account key', { PLUGIN_ACCOUNT_KEY: 'x' }, /`account_key` is a static key.*`token`/],
    ['a SAS', { PLUGIN_SAS_TOKEN: 'x' }, /static key/],
    ['a setting of plugins/s3', { PLUGIN_REGION: 'x' }, /`region`.*another plugin: the account/],
    ['one setting under two names', { PLUGIN_BUCKET: 'abc' }, /`bucket` and `container` are the/],
    ['a plain http endpoint', { PLUGIN_ENDPOINT: 'http://localhost/acct' }, /https/],
    ['an endpoint with a SAS', { PLUGIN_ENDPOINT: 'https://h/?sig=x' }, /https URL without query/],
    ['a plain http authority', { PLUGIN_AUTHORITY_HOST: 'http://localhost' }, /https/],
    ['a target that climbs', { PLUGIN_TARGET: 'a/../b' }, /`target`/],
    ['an exclusion from nothing', { PLUGIN_SOURCE: '!b,a' }, /“!b”, which takes away from nothing/],
    ['a container with capitals', { PLUGIN_CONTAINER: 'Artifacts' }, /`container`/],
    ['an unknown cloud', { PLUGIN_CLOUD: 'germany' }, /public, usgov, china/],
    ['a size without sense', { PLUGIN_MEMORY: '1 potato' }, /`memory`.*such as 128MB/],
    ['deletion by an upload', { PLUGIN_DELETE: 'true' }, /`delete` means nothing for `upload`/],
    ['tags on a share', { PLUGIN_SERVICE: 'files', PLUGIN_TAGS: 'a=b' }, /`tags`.*Blob Storage/],
    ['a service that does not fit', { PLUGIN_SERVICE: 'files' }, /`container` does not fit/],
    [
      'two ways to name',
      { PLUGIN_FLATTEN: 'true', PLUGIN_STRIP_PREFIX: 'a' },
      /`strip_prefix` does/,
    ],
    ['links that a log would show', { PLUGIN_ACTION: 'link' }, /`output_file` is missing/],
    [
      'a link that lives for days',
      { PLUGIN_ACTION: 'link', PLUGIN_OUTPUT_FILE: 'x', PLUGIN_LIFETIME: '2d' },
      /`lifetime`.*60 to 3600 seconds/,
    ],
    [
      'the removal of everything without a limit',
      { PLUGIN_ACTION: 'remove', PLUGIN_SOURCE: './**' },
      /`source` means everything there is: give `max_delete`/,
    ],
    [
      'a sync that may empty its target',
      { PLUGIN_ACTION: 'sync', PLUGIN_DELETE: 'true', PLUGIN_IF_NO_FILES: 'ignore' },
      /`if_no_files` does not fit `delete`/,
    ],
    [
      'upload settings for a sync down',
      { PLUGIN_ACTION: 'sync', PLUGIN_DIRECTION: 'down', PLUGIN_CACHE_CONTROL: 'x' },
      /`cache_control` means nothing for a sync down/,
    ],
    [
      'followed links on download',
      { PLUGIN_ACTION: 'download', PLUGIN_SYMLINKS: 'follow' },
      /skip or keep/,
    ],
  ]
  for (const [what, changes, says] of wrong) {
    it(`refuse ${what}`, () => assert.match(problemOf(changes), says))
  }

  it('show no SAS in a problem', () => {
    const message = problemOf({ PLUGIN_ENDPOINT: 'https://h/?sv=1&sig=geheim' })
    assert.ok(!message.includes('geheim'), message)
  })

  it('make a sync an upload or download of what has changed', () => {
    const sync = { ...good, PLUGIN_ACTION: 'sync', PLUGIN_DELETE: 'true', PLUGIN_MAX_DELETE: '10' }
    const { action, job } = only(readSettings(sync))
    assert.ok(job.action === 'upload' && action === 'sync')
    assert.deepEqual([job.overwrite, job.deletes, job.maxDelete], ['changed', true, 10])
    const down = only(readSettings({ ...sync, PLUGIN_DIRECTION: 'down', PLUGIN_TARGET: 'out' }))
    assert.ok(down.job.action === 'download')
    assert.equal(down.job.naming.target, 'out')
  })
})

describe('the table of settings', () => {
  const names = settingNames()

  it('is whole in the help text', () => {
    const help = helpText('1.2.3')
    for (const name of names) assert.match(help, new RegExp(`^  ${name} `, 'm'))
    assert.equal(variableOf('ca_file'), 'PLUGIN_CA_FILE')
    assert.deepEqual(names, Object.keys(settingsTable))
  })

  it('shows a command only what means something for it', () => {
    const help = commandHelp('1.2.3', 'list')
    assert.match(help, /^ {2}--exclude /m)
    assert.doesNotMatch(help, /--cache-control|--delete|--container|--lifetime/)
    assert.match(commandHelp('1.2.3', 'sync'), /--delete[^]*--cache-control[^]*--decompress/)
  })

  it('has defaults that its own rules accept', () => {
    for (const name of names) {
      const { fallback, type } = settingsTable[name]
      if (fallback === undefined) continue
      const problems = new Set<string>()
      const raw = new Map<SettingName, unknown>([[name, fallback]])
      const reader = createReader(raw, { label: String, problems })
      const methods: Record<string, unknown> = { ...reader }
      const method = methods[type]
      assert.ok(typeof method === 'function', type)
      method(name, '')
      assert.deepEqual([...problems], [], name)
    }
  })

  it('has no alias that is another setting, or two', () => {
    const aliases = names.flatMap((name) => settingsTable[name].aliases ?? [])
    assert.equal(new Set([...aliases, ...names]).size, aliases.length + names.length)
    for (const alias of aliases) assert.ok(findSetting(alias))
  })
})
