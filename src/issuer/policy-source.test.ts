import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { LedgerEvent } from '../audit/event.ts'
import type { Ledger } from '../audit/ledger.ts'
import { Fault } from '../core/fault.ts'
import { parsePolicy } from '../policy/schema.ts'
import { loadPolicy, openPolicySource, type PolicyFile } from './policy-source.ts'
import { policyText } from './rehearsal.fixture.ts'

async function open(textAtOpening = policyText) {
  const world = { text: policyText, isUnreadable: false, isLedgerDown: false }
  const events: LedgerEvent[] = []
  const lines: string[] = []
  const say = (_: unknown, line: string) => void lines.push(line)
  const ledger = {
    append: async (event: LedgerEvent) => {
      if (world.isLedgerDown) throw new Fault('audit_unavailable', 'The ledger cannot be written.')
      events.push(event)
      return event as never
    },
  } satisfies Ledger
  const file: PolicyFile = {
    read: () => {
      if (world.isUnreadable) throw new Error('EACCES')
      return world.text
    },
    parse: (text) => parsePolicy(text),
  }
  const log = { info: say, warn: say, error: say }
  const deps = { ...file, now: () => new Date(0), ledger, log }
  const first = loadPolicy(file)
  world.text = textAtOpening
  const source = await openPolicySource(deps, first)
  return { world, events, lines, source }
}

const types = (events: readonly LedgerEvent[]) => events.map(({ type }) => type)

test('policy source › puts a changed file in force, on record first', async () => {
  const { world, events, source } = await open()
  world.text = policyText.replace('name: publish', 'name: renamed')
  await source.reload()
  assert.ok(source.current().entries.has('renamed'))
  assert.deepEqual(types(events), ['policy.loaded', 'policy.changed'])
  assert.equal(events[1]?.policy_sha256, source.state().sha256)
})

test('policy source › tells of identities that are not applied, when a file that has them loads', async () => {
  const { world, lines, source } = await open()
  const notices = () => lines.filter((line) => line.includes('trust apply'))
  assert.deepEqual(notices(), [])
  world.text = policyText.replace(/ +client_id.*\n/, '')
  await source.reload()
  await source.reload()
  assert.equal(notices().length, 1)
})

test('policy source › leaves an unchanged file alone', async () => {
  const { events, source } = await open()
  const before = source.current()
  await source.reload()
  assert.equal(source.current(), before)
  assert.deepEqual(types(events), ['policy.loaded'])
  assert.equal(source.state().sha256, events[0]?.policy_sha256)
  assert.equal(source.state().problem, undefined)
})

test('policy source › keeps the last good policy beside a bad file, and says so once', async () => {
  const { world, events, lines, source } = await open()
  const before = source.current()
  world.text = 'version: 2'
  await source.reload()
  await source.reload()
  assert.equal(source.current(), before)
  assert.match(source.state().problem ?? '', /version/)
  assert.deepEqual(types(events), ['policy.loaded', 'policy.rejected'])
  assert.equal(lines.filter((line) => line.includes('the last good one stays')).length, 1)
})

test('policy source › takes an unreadable file for a bad one', async () => {
  const { world, source } = await open()
  world.isUnreadable = true
  await source.reload()
  assert.equal(source.state().problem, 'EACCES')
  assert.ok(source.current().entries.has('publish'))
})

test('policy source › is content again when the old file is back', async () => {
  const { world, events, source } = await open()
  world.text = 'version: 2'
  await source.reload()
  world.text = policyText
  await source.reload()
  assert.equal(source.state().problem, undefined)
  world.text = 'version: 2'
  await source.reload()
  assert.deepEqual(types(events), ['policy.loaded', 'policy.rejected', 'policy.rejected'])
})

test('policy source › puts nothing in force that the ledger cannot record', async () => {
  const { world, source } = await open()
  world.text = policyText.replace('name: publish', 'name: renamed')
  world.isLedgerDown = true
  await source.reload()
  assert.ok(source.current().entries.has('publish'))
  world.isLedgerDown = false
  await source.reload()
  assert.ok(source.current().entries.has('renamed'))
})

test('policy source › sees a change made between the first reading and the opening', async () => {
  const { events, source } = await open(policyText.replace('name: publish', 'name: renamed'))
  assert.ok(source.current().entries.has('publish'))
  await source.reload()
  assert.ok(source.current().entries.has('renamed'))
  assert.deepEqual(types(events), ['policy.loaded', 'policy.changed'])
})

test('policy source › is not loaded from a bad file', () => {
  const parse = (text: string) => parsePolicy(text)
  assert.throws(() => loadPolicy({ read: () => 'version: 2', parse }), { code: 'config_invalid' })
})

test('policy source › a change says what it took the place of, on record and in the log', async () => {
  const { world, events, lines, source } = await open()
  world.text = policyText.replace('name: publish', 'name: renamed')
  await source.reload()
  const [loaded, changed] = events
  assert.equal(
    changed?.detail,
    `2 entries, in place of ${String(loaded?.policy_sha256).slice(0, 12)}…`,
  )
  assert.deepEqual(lines, ['a changed policy is in force'])
})

test('policy source › a ledger that is down is no mistake of the file', async () => {
  const { world, lines, source } = await open()
  world.text = policyText.replace('name: publish', 'name: renamed')
  world.isLedgerDown = true
  await source.reload()
  assert.deepEqual(lines, ['The ledger cannot be written.'])
  assert.equal(source.state().problem, undefined)
})
