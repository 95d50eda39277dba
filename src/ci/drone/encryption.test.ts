// Against the vector of facts/drone.md §1.3, which the real Go library made.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { Secret } from '../../core/secret.ts'
import { decryptAnswer, encryptAnswer } from './encryption.ts'

const token = new Secret('bea26a2221fd8090ea38720fc445eca6')
const nonce = Buffer.from('000102030405060708090a0b', 'hex')
const plain = Buffer.from('{"name":"x","data":"y"}')
const vector = Buffer.from(
  '000102030405060708090a0b439ca6a51c357529867ba3f50e5e0bdc015c990b75636e90fe2f754bca5f5eb1a0749e3defc923',
  'hex',
)

test('encrypted answer › is the one that Go makes', () => {
  assert.deepEqual(encryptAnswer(token, nonce, plain), vector)
})

test('encrypted answer › that Go made is read', () => {
  assert.deepEqual(decryptAnswer(token, vector), plain)
})

test('encrypted answer › is read with the first 32 bytes of a longer token', () => {
  assert.deepEqual(decryptAnswer(new Secret(`${token.reveal()}-more`), vector), plain)
})

test('encrypted answer › is not read with another token, or with any byte changed', () => {
  const other = new Secret('aea26a2221fd8090ea38720fc445eca6')
  assert.throws(() => decryptAnswer(other, vector))
  for (let at = 0; at < vector.length; at += 1) {
    const changed = Buffer.from(vector)
    changed[at] = changed.readUInt8(at) ^ 1
    assert.throws(() => decryptAnswer(token, changed), `byte ${at}`)
  }
})

test('encrypted answer › that is cut short is an error, not a shorter text', () => {
  for (let length = 0; length < vector.length; length += 1) {
    assert.throws(() => decryptAnswer(token, vector.subarray(0, length)))
  }
})

test('encrypted answer › needs a token of 32 bytes', () => {
  const short = new Secret('x'.repeat(31))
  assert.throws(() => encryptAnswer(short, nonce, plain), { message: /fewer than 32 bytes/ })
  assert.throws(() => decryptAnswer(short, vector), { message: /fewer than 32 bytes/ })
})

test('encrypted answer › property: comes back as it was', () => {
  const nonces = fc.uint8Array({ minLength: 12, maxLength: 12 })
  fc.assert(
    fc.property(nonces, fc.uint8Array(), (each, bytes) => {
      const back = decryptAnswer(token, encryptAnswer(token, each, bytes))
      assert.deepEqual(new Uint8Array(back), bytes)
    }),
  )
})
