import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import { toUserAgent } from './user-agent.ts'

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
