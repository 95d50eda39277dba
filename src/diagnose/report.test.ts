import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { always, faultOf, healthy, healthyAccess } from './facts.fixture.ts'
import { toLinks, toReportJson, writeReport } from './report.ts'
import { judge } from './verdict.ts'

describe('the report of the doctor', () => {
  test('has every link, and ends with one verdict and one thing to do', () => {
    const facts = healthy()
    const lines = writeReport(facts, judge(facts))
    assert.equal(lines.filter((line) => line.startsWith('ok ')).length, 8)
    assert.match(lines.at(-2) ?? '', /^verdict: ok Everything works/)
    assert.match(lines.at(-1) ?? '', /^what to do: /)
  })

  test('says of a link that it was not looked at, and not that it is fine', () => {
    const { access: _, ...facts } = healthy({ reads: [] })
    const states = Object.fromEntries(toLinks(facts).map(({ link, state }) => [link, state]))
    assert.equal(states['access token'], 'open')
    assert.equal(states['read'], 'open')
  })

  test('tells a link that works at one time from one that never does', () => {
    const fault = faultOf('azure_storage_unavailable')
    const stateOf = (reads: ReturnType<typeof always>) =>
      toLinks(healthy({ reads })).find(({ link }) => link === 'read')?.state
    assert.equal(stateOf(always(fault)), 'failed')
    assert.equal(stateOf([{ atMs: 0, fault }, { atMs: 1 }]), 'mixed')
  })

  test('warns of tokens that outlive the build', () => {
    const access = { ...healthyAccess(), expiresAtMs: 24 * 3_600_000 }
    const facts = healthy({ access })
    assert.match(writeReport(facts, judge(facts)).join('\n'), /warning: long_token .*24 hours/)
  })

  test('warns of an issuer that Entra will not be able to read, when nothing was exchanged', () => {
    const { issuer } = healthy()
    assert.ok(issuer)
    const facts = healthy({ exchanges: [], issuer: { ...issuer, isPrivate: true } })
    assert.match(writeReport(facts, judge(facts)).join('\n'), /warning: issuer_private /)
  })

  test('is one JSON document for programs', () => {
    const facts = healthy({ idToken: { fault: faultOf('policy_fork_denied') }, exchanges: [] })
    const document: unknown = JSON.parse(toReportJson(facts, judge(facts)))
    assert.ok(typeof document === 'object' && document !== null)
    assert.deepEqual(Object.keys(document), ['verdict', 'warnings', 'links', 'facts'])
  })
})
