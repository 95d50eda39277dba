// The record of a trial is on disk before Entra sees its token (DESIGN §5.15), shown with an Entra that
// looks into the ledger at the moment it is asked, and with a ledger that hangs.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { LedgerRecord } from '../audit/event.ts'
import { createLedger, type Ledger } from '../audit/ledger.ts'
import { sha256Hex } from '../core/digest.ts'
import { tryIdentity, type TrialDeps as ProbeDeps } from '../diagnose/trial.ts'
import { parsePolicy } from '../policy/schema.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import { holdTrial } from './admin-trial.ts'
import { audience, createRehearsalSigner, policyText } from './rehearsal.fixture.ts'

const signer = await createRehearsalSigner()
const now = () => new Date('2026-11-23T12:00:00Z')
const request = { entry: 'publish', subject: 'repo:octo/hello@42:ref:refs/heads/main', audience }

function createStage(wrap: (ledger: Ledger) => Ledger = (ledger) => ledger) {
  const store = openSqliteStore(':memory:')
  const presented: string[] = []
  const seen: LedgerRecord[][] = []
  const records = async () =>
    (await store.readLedger('node-1', 1, 100)).map(
      ({ record }) => JSON.parse(record) as LedgerRecord,
    )
  const send: ProbeDeps['send'] = async ({ body }) => {
    const form = new URLSearchParams(Buffer.isBuffer(body) ? body.toString() : '')
    presented.push(form.get('client_assertion') ?? '')
    seen.push(await records())
    const refusal = { error: 'invalid_client', error_codes: [700213] }
    return { status: 401, headers: {}, body: Buffer.from(JSON.stringify(refusal)) }
  }
  const probe: ProbeDeps = {
    send,
    now,
    sleep: () => Promise.resolve(),
    random: () => 0.5,
    newId: () => 'id',
    userAgent: 'test',
  }
  const hold = () =>
    holdTrial(
      {
        now,
        randomId: () => 'jti-1',
        ledger: wrap(createLedger({ store, now }, 'node-1')),
        signer,
        policy: () => parsePolicy(policyText),
        issuerUrl: 'https://id.example/drone',
        probe: ({ token, identity }) =>
          tryIdentity(probe, {
            authorityHost: 'https://login.example',
            tenantId: identity.tenantId,
            clientId: identity.clientId,
            assertion: token,
            places: [],
            doesWrite: false,
          }),
      },
      request,
      'alice',
    )
  return { hold, presented, seen, records }
}

test('a trial › is on record when Entra is asked, with the hash of what Entra is shown', async () => {
  const { hold, presented, seen, records } = createStage()
  const { verdict } = await hold()
  assert.equal(verdict, 'not_yet')
  assert.equal(presented.length, 1)
  const [atExchange = []] = seen
  assert.deepEqual(
    atExchange.map(({ type, token }) => [type, token?.sha256]),
    [['trial.begun', sha256Hex(presented[0] ?? '')]],
  )
  const ended = (await records()).at(-1)
  assert.deepEqual(ended?.reasons, ['azure_entra_subject_unknown'])
  assert.equal(ended?.trial?.verdict, 'not_yet')
})

test('a trial › whose ledger hangs shows nothing to anybody', async () => {
  const asked = Promise.withResolvers<void>()
  const hang = (): Ledger => ({
    append: () => {
      asked.resolve()
      return new Promise(() => undefined)
    },
  })
  const { hold, presented } = createStage(hang)
  let isHeld = false
  void hold().then(() => (isHeld = true))
  await asked.promise
  for (let turn = 0; turn < 50; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([isHeld, presented], [false, []])
})
