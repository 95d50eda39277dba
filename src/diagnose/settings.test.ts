import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { readCredentials, readDoctorSettings } from './settings.ts'

function read(given: Record<string, unknown>) {
  return readDoctorSettings(new Map(Object.entries(given)), (name) => name)
}

describe('the settings of the doctor', () => {
  test('a step’s own settings say where it goes', () => {
    const { settings, fault } = read({
      action: 'upload',
      source: 'dist',
      account: 'acmeart',
      container: 'builds',
      target: '/octo/hello/7/',
    })
    assert.equal(fault, undefined)
    assert.equal(settings?.place?.prefix, 'octo/hello/7/')
    assert.equal(settings?.place?.address.origin.host, 'acmeart.blob.core.windows.net')
  })

  const prefixes: [given: Record<string, unknown>, prefix: string][] = [
    [{ action: 'download', source: 'octo/hello/**/*.txt', target: 'out' }, 'octo/hello/'],
    [{ action: 'download', source: ['octo/hello'], target: 'out' }, 'octo/'],
    [{ action: 'list', source: 'a/b*' }, 'a/'],
    [{ target: 'a/b' }, 'a/b/'],
    [{}, ''],
    [{ action: 'upload', source: '.', target: '.' }, ''],
  ]
  for (const [given, prefix] of prefixes) {
    test(`${JSON.stringify(given)} looks below “${prefix}”`, () => {
      const { settings } = read({ account: 'acmeart', container: 'builds', ...given })
      assert.equal(settings?.place?.prefix, prefix)
    })
  }

  test('a wrong setting is a finding, and the rest is looked at', () => {
    const { settings, fault } = read({
      action: 'upload',
      source: 'dist',
      account: 'acmeart',
      container: 'builds',
      sourc: 'x',
    })
    assert.equal(fault?.code, 'plugin_setting_invalid')
    assert.match(fault.sentence, /did you mean source/)
    assert.equal(settings?.place?.address.container, 'builds')
  })

  test('with no place the way to the identity is looked at', () => {
    const { settings, fault } = read({ cloud: 'china', token: 'x' })
    assert.equal(fault, undefined)
    assert.equal(settings?.place, undefined)
    assert.match(settings?.authorityHost ?? '', /partner\.microsoftonline\.cn/)
  })

  test('half a place is a finding', () => {
    assert.match(read({ account: 'acmeart' }).fault?.sentence ?? '', /container/)
  })

  test('a static key is refused here as well', () => {
    const { fault } = read({ account: 'acmeart', container: 'builds', account_key: 'abc' })
    assert.match(fault?.sentence ?? '', /static key/)
  })
})

describe('the list of credentials', () => {
  const row = { name: 'n', issuer: 'i', subject: 's', audiences: ['a'], id: 'x' }
  const found = [{ name: 'n', issuer: 'i', subject: 's', audience: 'a' }]

  test('is read as the CLI, Graph and ARM print it', () => {
    assert.deepEqual(readCredentials(JSON.stringify([row])), found)
    assert.deepEqual(readCredentials(JSON.stringify({ value: [row] })), found)
    const { name, ...properties } = row
    assert.deepEqual(readCredentials(JSON.stringify({ value: [{ name, properties }] })), found)
  })

  test('a flexible credential has no subject', () => {
    const flexible = JSON.stringify([{ ...row, subject: null }])
    assert.deepEqual(readCredentials(flexible), [{ ...found[0], subject: '' }])
  })

  test('anything else is none', () => {
    for (const text of ['', 'x', '3', '{}', '{"value":3}']) {
      assert.equal(readCredentials(text), undefined)
    }
  })
})
