import assert from 'node:assert/strict'
import { test } from 'node:test'
import { format, inspect } from 'node:util'

import * as fc from 'fast-check'

import { hashSecret } from './digest.ts'
import { Fault } from './fault.ts'
import { Secret } from './secret.ts'

const canary = 'canary-5f0c2b9d-do-not-print'
const secret = new Secret(canary)

const printings: { name: string; print: () => string }[] = [
  // oxlint-disable-next-line typescript/restrict-template-expressions -- the careless print is what is tested
  { name: 'a template string', print: () => `${secret}` },
  { name: 'String()', print: () => String(secret) },
  { name: 'concatenation', print: () => 'token ' + secret },
  { name: 'join of an array', print: () => [secret, secret].join() },
  { name: 'JSON of itself', print: () => JSON.stringify(secret) },
  { name: 'JSON of what holds it', print: () => JSON.stringify({ a: [{ b: secret }] }, null, 2) },
  { name: 'inspect', print: () => inspect(secret) },
  { name: 'inspect of what holds it', print: () => inspect({ a: [{ b: { c: secret } }] }) },
  {
    name: 'inspect at every depth with everything shown',
    print: () =>
      inspect(new Map([[{ secret }, new Set([secret])]]), {
        depth: Infinity,
        showHidden: true,
        getters: true,
        showProxy: true,
      }),
  },
  {
    name: 'inspect that skips custom forms',
    print: () => inspect({ secret }, { customInspect: false, showHidden: true, depth: Infinity }),
  },
  { name: "console's format %s", print: () => format('%s', secret) },
  { name: "console's format %o", print: () => format('%o', { secret }) },
  { name: "console's format %j", print: () => format('%j', { secret }) },
  { name: "console's format %d", print: () => format('%d', secret) },
  { name: 'a copy by spreading', print: () => inspect(Object.assign({}, secret)) },
  { name: 'a structured clone', print: () => inspect(structuredClone(secret), { depth: 9 }) },
  { name: 'its keys and values', print: () => inspect(Object.entries(secret)) },
  { name: 'the cause of an error', print: () => inspect(new Error('no', { cause: secret })) },
  {
    name: 'the detail of a Fault',
    print: () => {
      const details = { token: secret } as unknown as Record<string, string>
      const fault = new Fault('store_unavailable', `It failed with ${String(secret)}.`, { details })
      return inspect(fault, { depth: Infinity }) + JSON.stringify(fault) + String(fault.stack)
    },
  },
]

for (const { name, print } of printings) {
  test(`secret › is not printed by ${name}`, () => {
    assert.ok(!print().includes(canary), name)
  })
}

test('secret › is found by the same search where somebody reveals it', () => {
  assert.ok(inspect({ token: secret.reveal() }).includes(canary))
})

test('secret › stays a text of its own: revealed whole, empty or not', () => {
  fc.assert(fc.property(fc.string(), (text) => new Secret(text).reveal() === text))
  assert.equal(new Secret('').isEmpty, true)
  assert.equal(secret.isEmpty, false)
})

test('secret › is stored as its SHA-256 only', () => {
  const expected = 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'
  assert.equal(hashSecret(new Secret('abc')), expected)
})
