// What `node bin/generate.ts` writes is up to date.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'

import { trustCases } from '../src/identity/trust-cases.fixture.ts'
import { writeTrustPage } from './trust-page.fixture.ts'

// oxfmt pads the cells of tables; the words are what counts.
const unpadded = (text: string) => text.replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---').trim()

test('docs/trust-classes.md is what the cases of the tests say', () => {
  assert.equal(unpadded(readFileSync('docs/trust-classes.md', 'utf8')), unpadded(writeTrustPage()))
})

test('docs/trust-classes.md has a row for each case, at least 60', () => {
  const page = readFileSync('docs/trust-classes.md', 'utf8')
  const rows = page.split('\n').filter((line) => line.startsWith('| '))
  assert.equal(rows.length - 2, trustCases.length)
  assert.ok(trustCases.length >= 60)
})
