import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { TrialAnswer, TrialStep } from './admin-api.ts'
import { tryThrough } from './rotate-trial.ts'

const request = { entry: 'publish', subject: 'repo:octo/b@42:tag' }

function answerOf(verdict: TrialAnswer['verdict'], ...steps: TrialStep[]): TrialAnswer {
  const { subject } = request
  return { jti: 'j', subject, audience: 'a', verdict, sentence: 's.', hint: 'h.', steps }
}

function serviceOf(...answers: TrialAnswer[]) {
  const left = [...answers]
  return {
    left,
    service: tryThrough({
      trial: () => Promise.resolve(left.shift() ?? assert.fail('asked too often')),
    }),
  }
}

const ok = answerOf('works', { what: 'exchange', outcome: 'ok' })

test('a trial for a rename › works when three exchanges in a row do', async () => {
  const { service, left } = serviceOf(ok, ok, ok)
  assert.equal((await service.trial(request)).verdict, 'works')
  assert.equal(left.length, 0)
})

test('a trial for a rename › is not done while one of the servers knows nothing yet', async () => {
  const late = answerOf('not_yet', { what: 'exchange', outcome: 'not_yet' })
  const { service, left } = serviceOf(ok, ok, late, ok)
  assert.deepEqual(await service.trial(request), late)
  assert.equal(left.length, 1)
})

test('a trial for a rename › takes no notice of the firewall before storage, whose roles stay', async () => {
  const blocked = answerOf(
    'blocked',
    { what: 'exchange', outcome: 'ok' },
    { what: 'read', outcome: 'blocked' },
  )
  const { service } = serviceOf(blocked, blocked, blocked)
  assert.equal((await service.trial(request)).verdict, 'works')
})

test('a trial for a rename › passes a refusal on', async () => {
  for (const refused of [
    answerOf('refused', { what: 'exchange', outcome: 'refused' }),
    answerOf('refused'),
  ]) {
    assert.deepEqual(await serviceOf(refused).service.trial(request), refused)
  }
})
