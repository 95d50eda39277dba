import assert from 'node:assert/strict'
import { test } from 'node:test'

import { searchSecrets } from './canary.ts'

const control = 'c0ffee'.repeat(6)
const value = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJhLXNlY3JldCJ9.c2lnbmF0dXJlLW9mLWl0'
const secrets = [{ name: 'ID token', value }]

const forms: { name: string; text: string }[] = [
  { name: 'as it is', text: `x${value}x` },
  { name: 'its signature alone', text: 'log: c2lnbmF0dXJlLW9mLWl0' },
  { name: 'its payload alone', text: '{"p":"eyJzdWIiOiJhLXNlY3JldCJ9"}' },
  { name: 'in base64', text: Buffer.from(value).toString('base64') },
  { name: 'in hex', text: Buffer.from(value).toString('hex') },
]

for (const { name, text } of forms) {
  test(`secret search › finds a token ${name}`, () => {
    const places = [{ name: 'log', content: Buffer.from(`${control} ${text}`) }]
    const { findings } = searchSecrets(places, secrets, control)
    assert.deepEqual(findings, [{ secret: 'ID token', place: 'log' }])
  })
}

test('secret search › is not content with a control that one place lacks', () => {
  const places = [
    { name: 'log', content: Buffer.from(control) },
    { name: 'database', content: Buffer.from('nothing') },
  ]
  const search = searchSecrets(places, secrets, control)
  assert.equal(search.controlFound, false)
  assert.deepEqual(search.controlMissingIn, ['database'])
  assert.deepEqual(search.findings, [])
})

test('secret search › proves nothing without a place', () => {
  assert.equal(searchSecrets([], secrets, control).controlFound, false)
})
