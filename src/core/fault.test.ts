import assert from 'node:assert/strict'
import { test } from 'node:test'

import { Fault, faults, isFaultCode, messageOf, type FaultCode } from './fault.ts'

// DESIGN §4 names the rooms; cli, backup, restore and image are doors that have faults of their own.
const rooms = new Set(
  (
    'core config ci identity policy keys store audit issuer azure transfer cache plugin trust ' +
    'diagnose handoff gateway agent dashboard trail lab demo cli backup restore image'
  ).split(' '),
)
// The plugin writes this hint itself: it lists what can empty a variable in Drone.
const hintless = new Set<string>(['plugin_token_empty'])

const rows = Object.entries(faults)

test('fault › names the room that finds it in the first word of its code', () => {
  for (const [code] of rows) {
    assert.match(code, /^[a-z]+(_[a-z0-9]+)+$/)
    assert.ok(rooms.has(code.split('_')[0] ?? ''), code)
  }
})

test('fault › leaves the exit codes 0 (done), 1 and 70 (bug) alone', () => {
  for (const [code, { exit }] of rows) assert.ok(exit >= 2 && exit <= 6, code)
})

test('fault › has an HTTP status that says failure, and a 401 or 403 is never worth exit 2 or 4', () => {
  for (const [code, { status, exit }] of rows) {
    assert.ok(status >= 400 && status <= 599, code)
    if (status === 401) assert.equal(exit, 3, code)
    // Scopes are ours to write: azure_entra_scope_invalid is a usage fault although Entra says no.
    if (status === 403 && code !== 'azure_entra_scope_invalid') assert.notEqual(exit, 2, code)
  }
})

test('fault › that is worth a retry is remote trouble, and remote trouble is worth a retry', () => {
  for (const [code, { exit, retry }] of rows) assert.equal(retry, exit === 5, code)
})

test('fault › says what to do in whole sentences', () => {
  for (const [code, { hint }] of rows) {
    if (hintless.has(code)) continue
    assert.match(hint, /^[A-Z].*[.)]$/s, code)
    assert.ok(hint.length >= 15, code)
    assert.ok(!hint.includes('\n'), code)
  }
})

test('fault › carries the row of its code, and a hint of its own when it is given one', () => {
  const cause = new Error('why')
  const fault = new Fault('issuer_busy', 'It is busy.', { cause, details: { queue: 7 } })
  assert.equal(fault.status, 503)
  assert.equal(fault.exitCode, 5)
  assert.equal(fault.isRetryable, true)
  assert.equal(fault.hint, faults.issuer_busy.hint)
  assert.equal(fault.cause, cause)
  assert.deepEqual(fault.details, { queue: 7 })
  assert.equal(new Fault('issuer_busy', 'No.', { hint: 'Wait.' }).hint, 'Wait.')
  assert.ok(!Object.hasOwn(new Fault('issuer_busy', 'No.'), 'cause'))
})

test('fault › knows its codes from the names every object has', () => {
  const code: FaultCode = 'policy_fork_denied'
  assert.equal(isFaultCode(code), true)
  for (const text of ['', 'constructor', 'toString', '__proto__', 'policy_fork_denied ']) {
    assert.equal(isFaultCode(text), false, text)
  }
})

const throwables: { name: string; thrown: unknown; message: string }[] = [
  { name: 'an error', thrown: new TypeError('bad'), message: 'bad' },
  { name: 'a text', thrown: 'bad', message: 'bad' },
  { name: 'nothing', thrown: undefined, message: 'undefined' },
  {
    name: 'an aggregate without words of its own (a refused connection)',
    thrown: new AggregateError([new Error('v6'), new Error('v4')]),
    message: 'v6; v4',
  },
  { name: 'an aggregate with words', thrown: new AggregateError([], 'both'), message: 'both' },
]

for (const { name, thrown, message } of throwables) {
  test(`fault › quotes ${name}`, () => {
    assert.equal(messageOf(thrown), message)
  })
}
