import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import { assertBlobName, encodeBlobName, toBlobPath } from './names.ts'

describe('blob names on the wire', () => {
  it('come back as they were, segment by segment', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (name) => {
        const wire = encodeBlobName(name)
        assert.match(wire, /^[\w!'()*~.%/-]*$/)
        assert.equal(wire.split('/').map(decodeURIComponent).join('/'), name)
      }),
    )
  })

  it('stand behind the path of the endpoint and the container', () => {
    const address = { origin: new URL('https://h'), pathPrefix: '/acct', container: '$web' }
    assert.equal(toBlobPath(address, 'a b/%41#?\\'), '/acct/%24web/a%20b/%2541%23%3F%5C')
  })

  for (const name of ['a/../b', '.', 'a\\b', 'a\u0001', 'x'.repeat(1025), 'a/'.repeat(254) + 'a']) {
    it(`cannot be ${JSON.stringify(name.slice(0, 20))}`, () => {
      assert.throws(() => assertBlobName(name), { code: 'transfer_name_invalid' })
    })
  }
})
