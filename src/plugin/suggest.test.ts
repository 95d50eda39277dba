import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import { settingsTable } from './settings-table.ts'
import { editDistance, suggest } from './suggest.ts'

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
