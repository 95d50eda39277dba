import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { type FaultCode, faults } from '../core/fault.ts'
import { always, faultOf, healthy, healthyAccess } from './facts.fixture.ts'
import { judge } from './verdict.ts'

describe('the first broken link is the cause', () => {
  const fault = (code: FaultCode) => faultOf(code)
  const chain = [
    { settings: fault('plugin_setting_invalid') },
    { token: { fault: fault('plugin_token_empty') } },
    { idToken: { fault: fault('policy_event_denied') } },
    { exchanges: always(fault('azure_entra_app_disabled')) },
    { access: { ...healthyAccess(), tenantId: 'away' } },
    { reads: always(fault('azure_storage_network_blocked')) },
    { create: { atMs: 0, fault: fault('azure_storage_immutable') } },
  ]
  const codes = [
    'plugin_setting_invalid',
    'plugin_token_empty',
    'policy_event_denied',
    'azure_entra_app_disabled',
    'azure_storage_token_refused',
    'azure_storage_network_blocked',
    'azure_storage_immutable',
  ]
  for (const [at, code] of codes.entries()) {
    test(`${code} hides what comes after it`, () => {
      assert.equal(judge(healthy(Object.assign({}, ...chain.slice(at)))).code, code)
    })
  }

  test('nothing broken is ok, with exit code 0', () => {
    const verdict = judge(healthy())
    assert.deepEqual([verdict.code, verdict.exitCode, verdict.trouble], ['ok', 0, 'none'])
  })

  for (const [code, trouble] of [
    ['issuer_unreachable', 'blocked'],
    ['issuer_build_finished', 'expired'],
    ['issuer_busy', 'flaky'],
    ['policy_fork_denied', 'refused'],
  ] as const) {
    test(`${code} of the trust service is ${trouble}`, () => {
      const verdict = judge(healthy({ idToken: { fault: faultOf(code) }, exchanges: [] }))
      assert.deepEqual([verdict.code, verdict.trouble], [code, trouble])
      assert.equal(verdict.exitCode, faults[code].exit)
    })
  }
})
