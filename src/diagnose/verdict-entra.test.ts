import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { entraFault } from '../azure/entra-faults.ts'
import { type FaultCode, faults } from '../core/fault.ts'
import { Secret } from '../core/secret.ts'
import { always, claims, fitting, healthy } from './facts.fixture.ts'
import { type FaultFact, type IssuerProblem, toFact } from './facts.ts'
import type { Trouble } from './to-verdict.ts'
import { judge } from './verdict.ts'

const token = new Secret(
  `e30.${Buffer.from(JSON.stringify({ iss: claims.issuer, sub: claims.subject, aud: claims.audience })).toString('base64url')}.x`,
)

function refusedBy(number: number, words = 'No.'): FaultFact {
  const body = Buffer.from(
    JSON.stringify({
      error: 'invalid_client',
      error_description: `AADSTS${number}: ${words}\r\nTrace ID: t`,
      error_codes: [number],
    }),
  )
  return toFact(
    entraFault(
      { status: 401, headers: {}, body },
      {
        authorityHost: 'https://login.example',
        clientId: 'app-1',
        tenantId: 'home',
        assertion: token,
      },
    ),
  )
}

// Every code of facts/federation.md §2, each refused three times of three with nothing else wrong.
const entraCodes: [code: FaultCode, trouble: Trouble, numbers: number[]][] = [
  ['azure_entra_credential_absent', 'refused', [70021, 70025]],
  ['azure_entra_issuer_unknown', 'refused', [700211]],
  ['azure_entra_audience_unknown', 'refused', [700212]],
  ['azure_entra_subject_unknown', 'refused', [700213, 7002137]],
  ['azure_entra_subject_case', 'refused', [7002138]],
  ['azure_entra_key_unknown', 'propagating', [7000272, 500276]],
  ['azure_entra_signature_invalid', 'propagating', [700027, 50012, 900384]],
  ['azure_entra_assertion_expired', 'expired', [700024, 500133, 50013]],
  ['azure_entra_assertion_malformed', 'refused', [50027, 5002727, 5002723, 5002738, 90014]],
  ['azure_entra_issuer_unreadable', 'blocked', [90061, 501661]],
  ['azure_entra_app_unknown', 'refused', [700016, 700021]],
  ['azure_entra_app_disabled', 'refused', [7000112, 70001]],
  ['azure_entra_tenant_unknown', 'refused', [90002, 900023, 900382, 900432, 5000224]],
  [
    'azure_entra_not_federated',
    'refused',
    [7000215, 7000218, 7000222, 1000502, 7000214, 7000277, 7000274],
  ],
  ['azure_entra_scope_invalid', 'refused', [1002012, 70011, 700022, 500011]],
  ['azure_entra_policy_blocked', 'blocked', [53003, 700222, 700229, 700223, 700238, 70052]],
  ['azure_entra_throttled', 'flaky', [90006, 90012, 90024, 90033, 90055, 90090]],
  ['azure_entra_refused', 'refused', [1234567]],
]

describe('Entra’s codes', () => {
  for (const [code, trouble, numbers] of entraCodes) {
    for (const number of numbers) {
      test(`AADSTS${number} is ${code}, ${trouble}`, () => {
        const verdict = judge(healthy({ exchanges: always(refusedBy(number)) }))
        assert.equal(verdict.code, code)
        assert.equal(verdict.trouble, trouble)
        assert.equal(verdict.exitCode, faults[code].exit)
        assert.notEqual(verdict.fix, '')
      })
    }
  }

  for (const number of [70021, 70025, 700211, 700212, 700213, 7002138, 700016, 7000272]) {
    test(`AADSTS${number} at one time and a token at another is propagation`, () => {
      const fault = refusedBy(number)
      const verdict = judge(healthy({ exchanges: [{ atMs: 0, fault }, { atMs: 9000 }] }))
      assert.equal(verdict.code, 'azure_entra_propagating')
      assert.equal(verdict.trouble, 'propagating')
      assert.match(verdict.sentence, /1 of 2 tries failed, and it first worked after 9 s/)
    })
  }

  for (const number of [90033, 501661]) {
    test(`AADSTS${number} at one time and a token at another is flaky`, () => {
      const fault = refusedBy(number)
      const verdict = judge(healthy({ exchanges: [{ atMs: 0 }, { atMs: 5, fault }] }))
      assert.equal(verdict.trouble, 'flaky')
    })
  }

  test('a busy answer between refusals does not hide the refusal', () => {
    const exchanges = [refusedBy(700213), refusedBy(90033)].map((fault) => ({ atMs: 0, fault }))
    assert.equal(judge(healthy({ exchanges })).code, 'azure_entra_subject_unknown')
  })
})

describe('what is known beside Entra’s word', () => {
  const problem: IssuerProblem = {
    kind: 'key absent',
    sentence: 'It is not there.',
    fix: 'Put it.',
  }
  const withProblem = (
    number: number,
    issuer: Partial<NonNullable<ReturnType<typeof healthy>['issuer']>>,
  ) => {
    const whole = healthy().issuer
    assert.ok(whole)
    return judge(healthy({ exchanges: always(refusedBy(number)), issuer: { ...whole, ...issuer } }))
  }

  test('a key that is not published is refused, one that is will be seen', () => {
    const absent = withProblem(7000272, { isKeyPublished: false, problems: [problem] })
    assert.deepEqual([absent.trouble, absent.fix], ['refused', 'Put it.'])
    assert.equal(withProblem(7000272, {}).trouble, 'propagating')
  })

  test('a signature that does not fit the published key is refused', () => {
    const verdict = withProblem(700027, { isSignatureRight: false, problems: [problem] })
    assert.equal(verdict.trouble, 'refused')
    assert.match(verdict.sentence, /It is not there/)
  })

  test('an issuer that only this site can read says why', () => {
    assert.match(withProblem(501661, { needsOwnCa: true }).sentence, /because of `ca_file` only/)
    assert.match(withProblem(501661, { isPrivate: true }).sentence, /only private addresses/)
    assert.match(withProblem(501661, {}).sentence, /a firewall/)
    assert.match(withProblem(501661, { problems: [problem] }).sentence, /It is not there/)
  })

  for (const [ahead, words] of [
    [600_000, /600 s ahead of that of Entra, so that the ID token begins 540 s later/],
    [-600_000, /600 s behind that of Entra/],
  ] as const) {
    test(`a clock ${ahead / 1000} s off is computed and named`, () => {
      const fault = refusedBy(
        700024,
        'Client assertion is not within its valid time range. Current time: 2026-01-01T00:00:00.0000000Z, assertion valid from 2026-01-01T00:09:00.0000000Z, expiry time of assertion 2026-01-01T00:19:00.0000000Z. Review',
      )
      const clocks = [
        { who: 'trust service', aheadMs: ahead },
        { who: 'Entra', aheadMs: 0 },
      ] as const
      assert.match(judge(healthy({ exchanges: always(fault), clocks })).sentence, words)
    })
  }

  test('clocks that agree mean that the token was old', () => {
    const fault = refusedBy(
      700024,
      'Current time: 1/1/2026 12:20:00 AM, assertion valid from 1/1/2026 12:00:00 AM, expiry time of assertion 1/1/2026 12:10:00 AM. Review',
    )
    const clocks = [
      { who: 'trust service', aheadMs: 100 },
      { who: 'Entra', aheadMs: 0 },
    ] as const
    const { sentence } = judge(healthy({ exchanges: always(fault), clocks }))
    assert.match(sentence, /had ended 600 s before Entra was asked; the clocks agree/)
  })

  test('a listed credential that fits makes a refusal a matter of time', () => {
    const exchanges = always(refusedBy(700213))
    const verdict = judge(healthy({ exchanges, credentials: [fitting] }))
    assert.equal(verdict.code, 'azure_entra_propagating')
    const other = judge(healthy({ exchanges, credentials: [{ ...fitting, subject: 'x' }] }))
    assert.equal(other.code, 'azure_entra_subject_unknown')
    assert.match(other.fix, /Correct “octo-hello-main”/)
  })
})
