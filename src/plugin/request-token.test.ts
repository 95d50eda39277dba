import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import { Fault } from '../core/fault.ts'
import { Secret } from '../core/secret.ts'
import { parseRequestToken } from './request-token.ts'

const pin = 'A'.repeat(43)
const tokenOf = (payload: unknown) =>
  `asd1.${Buffer.from(JSON.stringify(payload)).toString('base64url')}.s3cret`

describe('the request token', () => {
  it('names the trust service and its pin, and is itself the bearer', () => {
    const text = tokenOf({ url: 'https://trust.example:8443/base', pin })
    const { bearer, serviceUrl, pin: read } = parseRequestToken(new Secret(text))
    assert.equal(bearer.reveal(), text)
    assert.equal(serviceUrl.href, 'https://trust.example:8443/base')
    assert.equal(read, pin)
    assert.equal(parseRequestToken(new Secret(tokenOf({ url: 'http://trust' }))).pin, undefined)
  })

  const wrong: [text: string, says: RegExp][] = [
    ['eyJhbGciOi.eyJpc3Mi.sig', /looks like a JWT/],
    ['******', /masked/],
    ['"asd1.e30.x"', /quotes/],
    ['asd1.e30', /cut/],
    ['asd1.e30.se cret', /spaces/],
    [tokenOf({}), /names no trust service/],
    [tokenOf({ url: 'ftp://x' }), /neither https nor http/],
    [tokenOf({ url: 'https://x', pin: 'short' }), /pin/],
    [tokenOf({ url: 'http://x', pin }), /pin/],
  ]
  for (const [text, says] of wrong) {
    it(`is refused as ${says.source}`, () => {
      assert.throws(() => parseRequestToken(new Secret(text)), {
        code: 'plugin_token_malformed',
        message: says,
      })
    })
  }

  it('is never shown when it is refused', () => {
    fc.assert(
      fc.property(fc.string({ minLength: 12 }), (text) => {
        try {
          parseRequestToken(new Secret(`Q${text}`))
        } catch (error) {
          assert.ok(error instanceof Fault && !error.message.includes(`Q${text}`))
        }
      }),
    )
  })
})
