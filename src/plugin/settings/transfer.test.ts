import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { type Environment, readSettings } from '../settings.ts'
import { textFiles } from './rules.ts'

const good: Environment = {
  PLUGIN_TOKEN: 'asd1.x.y',
  PLUGIN_ACTION: 'upload',
  PLUGIN_ACCOUNT: 'contosobuilds',
  PLUGIN_CONTAINER: 'artifacts',
  PLUGIN_SOURCE: 'dist',
}

const problemOf = (changes: Environment): string => {
  try {
    readSettings({ ...good, ...changes })
  } catch (error) {
    return error instanceof Error ? error.message : ''
  }
  return ''
}

const rulesOf = (changes: Environment) => {
  const [first] = readSettings({ ...good, ...changes }).transfers
  assert.ok(first?.job.action === 'upload')
  return first.job.rules
}

describe('the rules of an upload', () => {
  it('come from `rules` first, then from maps, then from single texts', () => {
    const rules = rulesOf({
      PLUGIN_RULES: JSON.stringify([
        {
          match: '*.html',
          cache_control: 'no-cache',
          metadata: { Kind: 'page' },
          compress: 'brotli',
        },
        { match: ['a/**', '*.txt'], tier: 'cold', tags: { stage: 'old' } },
      ]),
      PLUGIN_CACHE_CONTROL: '{"*":"max-age=60","*.js":"immutable"}',
      PLUGIN_CONTENT_LANGUAGE: 'de',
      PLUGIN_METADATA: 'Build=7',
    })
    assert.deepEqual(rules, [
      {
        match: ['*.html'],
        set: { cacheControl: 'no-cache', metadata: { kind: 'page' } },
        compress: 'br',
      },
      { match: ['a/**', '*.txt'], set: { tier: 'Cold', tags: { stage: 'old' } } },
      { match: ['**'], set: { contentLanguage: 'de' } },
      { match: ['*.js'], set: { cacheControl: 'immutable' } },
      { match: ['*'], set: { cacheControl: 'max-age=60' } },
      { match: ['**'], set: { metadata: { build: '7' } } },
    ])
  })

  it('compress what is named, or the usual text files', () => {
    const compressed = (text: string) =>
      rulesOf({ PLUGIN_COMPRESS: text }).map(({ match, compress }) => [match[0], compress])
    assert.deepEqual(compressed('*.js,docs/*'), [
      ['*.js', 'gzip'],
      ['docs/*', 'gzip'],
    ])
    assert.deepEqual(compressed('{"*":"gzip","*.html":"zstd"}'), [
      ['*.html', 'zstd'],
      ['*', 'gzip'],
    ])
    assert.deepEqual(compressed('true'), [[textFiles, 'gzip']])
    assert.deepEqual(compressed('br'), [[textFiles, 'br']])
    assert.deepEqual(compressed('false'), [])
  })

  const wrong: [what: string, changes: Environment, says: RegExp][] = [
    ['an unknown algorithm', { PLUGIN_COMPRESS: '{"*":"lzma"}' }, /“lzma”.*gzip, br, zstd/],
    ['an unknown tier', { PLUGIN_TIER: 'warm' }, /“warm”.*Hot, Cool, Cold, Archive/],
    ['a header with a line break', { PLUGIN_CACHE_CONTROL: 'a\r\nb: c' }, /not plain ASCII/],
    ['a name no metadata can have', { PLUGIN_METADATA: '{"a-b":"c"}' }, /“a-b”: letters/],
    ['a name that is ours', { PLUGIN_METADATA: 'asdcrc64=x' }, /keeps for itself/],
    [
      'too many tags',
      { PLUGIN_TAGS: Array.from({ length: 11 }, (_, index) => `t${index}=1`).join() },
      /10 tags/,
    ],
    [
      'a rule with a stranger in it',
      { PLUGIN_RULES: '[{"cachecontrol":"x"}]' },
      /“cachecontrol”, which is unknown/,
    ],
    [
      'a rule that sets what no rule can',
      { PLUGIN_RULES: '[{"overwrite":"x"}]' },
      /which no rule can set/,
    ],
    ['rules that are no maps', { PLUGIN_RULES: 'a,b' }, /`rules` must be a list of maps/],
    [
      'a rule that says the encoding twice',
      { PLUGIN_RULES: '[{"compress":"gzip","content_encoding":"br"}]' },
      /both `compress` and `content_encoding`/,
    ],
  ]
  for (const [what, changes, says] of wrong) {
    it(`refuse ${what}`, () => assert.match(problemOf(changes), says))
  }
})

describe('several transfers of one step', () => {
  const several = (transfers: unknown, changes: Environment = {}) => ({
    ...good,
    PLUGIN_TRANSFERS: JSON.stringify(transfers),
    ...changes,
  })

  it('override the settings of the step', () => {
    const { transfers } = readSettings(
      several([
        { target: 'a', cache_control: { '*.html': 'no-cache' } },
        { share: 'docs', source: ['x', 'y'], target: 'b', dotfiles: true },
        { action: 'download', source: 'old/**', target: 'out' },
      ]),
    )
    const [first, second, third] = transfers
    assert.ok(first && second && third && transfers.length === 3)
    assert.ok(first.job.action === 'upload' && second.job.action === 'upload')
    assert.deepEqual(first.job.select.sources, ['dist'])
    assert.deepEqual(first.job.rules, [{ match: ['*.html'], set: { cacheControl: 'no-cache' } }])
    assert.deepEqual([second.place.service, second.place.address.container], ['files', 'docs'])
    assert.deepEqual(second.job.select.sources, ['x', 'y'])
    assert.ok(second.job.select.dotfiles)
    assert.equal(third.job.action, 'download')
    assert.deepEqual([first.title, third.title], ['transfer 1', 'transfer 3'])
  })

  const wrong: [what: string, env: Environment, says: RegExp][] = [
    ['a token of its own', several([{ token: 'x' }]), /`token` of transfer 1 belongs to the step/],
    ['a static key', several([{ sas: 'x' }]), /`sas` of transfer 1 is a static key/],
    [
      'a misspelt name',
      several([{}, { tarjet: 'x' }]),
      /`tarjet` of transfer 2.*did you mean `target` of/,
    ],
    [
      'a wrong value by its place',
      several([{ overwrite: 'x' }]),
      /`overwrite` of transfer 1 is “x”/,
    ],
    ['no list of maps', { ...good, PLUGIN_TRANSFERS: 'a,b' }, /`transfers` must be a list of maps/],
    [
      'another account at the endpoint of the step',
      several([{ account: 'other' }], { PLUGIN_ENDPOINT: 'https://x.example' }),
      /`account` of transfer 1 has no `endpoint` of its own/,
    ],
    [
      'what means nothing for any of them',
      several([{ target: 'a' }, { target: 'b' }], { PLUGIN_DELETE: 'true' }),
      /`delete` means nothing for any of the transfers/,
    ],
  ]
  for (const [what, env, says] of wrong) {
    it(`refuse ${what}`, () => assert.match(problemOf(env), says))
  }

  it('name a problem of the step once, and not for every transfer', () => {
    const message = problemOf(several([{ target: 'a' }, { target: 'b' }], { PLUGIN_ACCOUNT: 'A' }))
    assert.match(message, /^A setting is wrong: `account` is “A”/)
  })
})
