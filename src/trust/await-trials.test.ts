import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { Fault } from '../core/fault.ts'
import { parsePolicy } from '../policy/schema.ts'
import type { TrialAnswer, TrialRequest } from './admin-api.ts'
import { awaitTrials, listTrials } from './await-trials.ts'

const audience = 'api://AzureADTokenExchange'
const main = { entry: 'publish', subject: 'repo:octo/hello@42:ref:refs/heads/main', audience }
const next = { ...main, subject: 'repo:octo/hello@42:ref:refs/heads/next' }
const minuteMs = 60_000

type Verdict = TrialAnswer['verdict']

// A service whose answers are told beforehand, and a clock that only waiting moves.
function startFake(answers: (trial: TrialRequest, atMs: number) => Partial<TrialAnswer> | Fault) {
  let atMs = 0
  const tried: string[] = []
  const lines: string[] = []
  return {
    tried,
    lines,
    passedMs: () => atMs,
    deps: {
      service: {
        trial: (trial: TrialRequest) => {
          tried.push(trial.subject)
          const answer = answers(trial, atMs)
          if (answer instanceof Fault) return Promise.reject(answer)
          const blank = { jti: 'j', sentence: '', hint: '', steps: [], verdict: 'works' as Verdict }
          return Promise.resolve({ ...trial, audience, ...blank, ...answer })
        },
      },
      sleep: (milliseconds: number) => {
        atMs += milliseconds
        return Promise.resolve()
      },
      now: () => new Date(atMs),
      say: (line: string) => void lines.push(line),
    },
  }
}

describe('awaitTrials', () => {
  test('tries again only what does not work yet, and says each change of state once', async () => {
    const fake = startFake(({ subject }, atMs) => {
      if (subject === main.subject || atMs > 10_000) return {}
      const sentence = atMs < 5_000 ? 'Entra has not seen it.' : 'The role is on its way.'
      return { verdict: 'not_yet', sentence }
    })
    await awaitTrials(fake.deps, [main, next], 10 * minuteMs)
    assert.deepEqual(fake.lines, [
      `trial of publish as ${main.subject}: works`,
      `trial of publish as ${next.subject}: not yet: Entra has not seen it.`,
      `trial of publish as ${next.subject}: not yet: The role is on its way.`,
      `trial of publish as ${next.subject}: works`,
    ])
    assert.equal(fake.tried.filter((subject) => subject === main.subject).length, 1)
  })

  for (const [verdict, code] of [
    ['refused', 'trust_trial_refused'],
    ['blocked', 'trust_trial_blocked'],
    ['unreachable', 'trust_trial_unreachable'],
  ] as const) {
    test(`stops at once when a trial is ${verdict}, in the trial's words`, async () => {
      const fake = startFake(() => ({ verdict, sentence: 'Because of this.', hint: 'Do that.' }))
      await assert.rejects(awaitTrials(fake.deps, [main, next], 10 * minuteMs), {
        code,
        message: `The trial of publish as ${main.subject} says: Because of this.`,
        hint: 'Do that.',
      })
      assert.deepEqual([fake.tried.length, fake.passedMs()], [1, 0])
    })
  }

  test('gives up when the time is over, with what it waited for', async () => {
    const fake = startFake(() => ({ verdict: 'not_yet', sentence: 'The role is on its way.' }))
    await assert.rejects(awaitTrials(fake.deps, [main, next], 2 * minuteMs), {
      code: 'trust_trial_late',
      message: `publish as ${main.subject} does not work yet, and 1 more do not either: The role is on its way.`,
    })
    assert.equal(fake.passedMs(), 2 * minuteMs)
    const once = startFake(() => ({ verdict: 'not_yet', sentence: 'Wait.' }))
    await assert.rejects(awaitTrials(once.deps, [main], 0), { code: 'trust_trial_late' })
    assert.equal(once.tried.length, 1)
  })

  test('gives the service seconds to read its new policy file, and no longer', async () => {
    const unknown = new Fault('trust_trial_unknown', 'The policy knows no such subject.')
    const soon = startFake((_trial, atMs) => (atMs < 3_000 ? unknown : {}))
    await awaitTrials(soon.deps, [main], minuteMs)
    assert.deepEqual(soon.lines, [
      `trial of publish as ${main.subject}: not yet: The policy knows no such subject.`,
      `trial of publish as ${main.subject}: works`,
    ])
    const never = startFake(() => unknown)
    await assert.rejects(awaitTrials(never.deps, [main], 10 * minuteMs), unknown)
    assert.ok(never.passedMs() < 20_000)
    const early = new Fault('policy_identity_unapplied', 'It has no client id.')
    const unapplied = startFake((_trial, atMs) => (atMs < 3_000 ? early : {}))
    await awaitTrials(unapplied.deps, [main], minuteMs)
  })
})

const policy = parsePolicy(`version: 1
accounts:
  acmeart: { subscription: 11111111-2222-4333-8444-555555555555, resource_group: lab }
identities:
  publisher: { tenant_id: 11111111-2222-4333-8444-555555555555 }
  elsewhere: { tenant_id: 99999999-2222-4333-8444-555555555555 }
policies:
- name: publish
  subjects:
  - { instance: main, repository: octo/hello, repository_id: "42", events: [push], refs: [refs/heads/main, refs/heads/next] }
  identity: publisher
  audiences: [${audience}]
- name: named
  subject: policy
  subjects:
  - { instance: main, repository: octo/hello, repository_id: "42", events: [pull_request], refs: [refs/**] }
  - { instance: other, repository: octo/hello, repository_id: "42", events: [push], refs: [refs/heads/main] }
  identity: publisher
  audiences: [${audience}]
- name: aws
  subjects:
  - { instance: main, repository: octo/hello, repository_id: "42", events: [push], refs: [refs/heads/main] }
  identity: publisher
  audiences: [sts.amazonaws.com]
- name: rehearsed
  mode: audit
  subjects:
  - { instance: main, repository: octo/hello, repository_id: "42", events: [push], refs: [refs/heads/main] }
  identity: publisher
  audiences: [${audience}]
- name: there
  subjects:
  - { instance: main, repository: octo/hello, repository_id: "42", events: [push], refs: [refs/heads/main] }
  identity: elsewhere
  audiences: [${audience}]
`)

test('listTrials names every subject of every entry in force that leads to the tenant, once', () => {
  assert.deepEqual(listTrials(policy, '11111111-2222-4333-8444-555555555555'), [
    main,
    next,
    { entry: 'named', subject: 'policy:named', audience },
  ])
})
