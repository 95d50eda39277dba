// Trials at the admin door of the real service, on the lab's Azure: what they say of trust that works, of
// trust that is not there, and that no token of theirs is anywhere to be found afterwards.
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { decodeJwt } from 'jose'

import type { LedgerRecord } from '../../src/audit/event.ts'
import { Secret } from '../../src/core/secret.ts'
import { searchSecrets } from '../../src/demo/canary.ts'
import { startProgram, type Program } from '../../src/demo/program.ts'
import { names, planTrustService, type TrustServicePlan } from '../../src/demo/trust-service.ts'
import type { HttpClient } from '../../src/http/http.ts'
import { openHttp } from '../../src/http/open.ts'
import type { LabApp } from '../../src/lab/entra-directory.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'
import { openService, type TrustService } from '../../src/trust/service-client.ts'
import { places, startTrustLab, type TrustLab } from './trust-lab.fixture.ts'

const subject = 'repo:octo/hello@4711:ref:refs/heads/main'
const share = 'builds'

const policyOf = (app: LabApp) => `version: 1
identities:
  artifacts: { tenant_id: ${app.tenantId}, client_id: ${app.clientId} }
policies:
  - name: ${names.entry}
    subjects:
      - { instance: main, repository: octo/hello, repository_id: "4711", events: [push], refs: [refs/heads/main] }
    identity: artifacts
    audiences: [${names.audience}]
    grants:
      - { id: out, account: ${places.account}, service: blob, container: ${places.container}, prefix: octo/hello/, verbs: [blob.read, blob.list, blob.write, blob.delete] }
      - { id: docs, account: ${places.account}, service: file, share: ${share}, verbs: [file.read, file.list] }
`

let lab: TrustLab
let plan: TrustServicePlan
let service: Program
let http: HttpClient
let door: TrustService
let app: LabApp
const answers: string[] = []

describe('trials', () => {
  before(async () => {
    lab = await startTrustLab()
    const { authority, azure } = lab
    azure.createShare(places.account, share)
    plan = await planTrustService(
      {
        authority,
        now: () => new Date(),
        azure: {
          authorityHost: azure.entra.url,
          endpoints: {
            [places.account]: {
              blob: azure.storage.endpointOf(places.account),
              file: azure.files.endpointOf(places.account),
            },
          },
        },
      },
      join(lab.folder, 'installation'),
    )
    app = azure.entra.registerApp({
      tenantId: azure.tenantId,
      clientId: crypto.randomUUID(),
      objectId: crypto.randomUUID(),
      displayName: names.identity,
    })
    writeFileSync(join(plan.folder, 'policy.yaml'), policyOf(app), { mode: 0o600 })
    service = await startProgram(
      [process.execPath, 'bin/service.ts', '--config', plan.configFile],
      {
        readyWhen: /"msg":"ready"/,
      },
    )
    http = openHttp({ maxConnections: 2, ca: [authority.caPem] })
    door = openService({
      origin: new URL(plan.adminUrl),
      token: new Secret(readFileSync(plan.adminTokenFile, 'utf8')),
      send: async (request) => {
        const answer = await http.send(request)
        answers.push(JSON.stringify(answer.headers), answer.body.toString())
        return answer
      },
    })
  })
  after(async () => {
    http?.close()
    await service?.stop()
    await lab?.close()
  })

  const trial = (write = false) => door.trial({ entry: names.entry, subject, write })

  test('wait while the credential and then while the roles are not there', async () => {
    const early = await trial()
    assert.equal(early.verdict, 'not_yet', early.sentence)
    assert.deepEqual(
      early.steps.map(({ what, outcome, code }) => [what, outcome, code]),
      [
        ['mint', 'ok', undefined],
        ['exchange', 'not_yet', 'azure_entra_credential_absent'],
      ],
    )
    app.addCredential({ name: 'main', issuer: plan.issuer, subject, audience: names.audience })
    const later = await trial()
    assert.equal(later.verdict, 'not_yet', later.sentence)
    assert.deepEqual(
      later.steps.map(({ what, outcome, place }) => [what, outcome, place]),
      [
        ['mint', 'ok', undefined],
        ['exchange', 'ok', undefined],
        ['read', 'not_yet', 'acmeart/blob/artifacts/octo/hello/'],
        ['read', 'not_yet', 'acmeart/files/builds/'],
      ],
    )
  })

  test('work once the roles are there, and write where the grant lets them', async () => {
    const { azure } = lab
    azure.storage.assignRole({
      principalId: app.objectId,
      role: 'Storage Blob Data Contributor',
      account: places.account,
      container: places.container,
      pathPrefix: 'octo/hello/',
    })
    azure.files.assignRole({
      principalId: app.objectId,
      role: 'Storage File Data Privileged Reader',
      account: places.account,
      share,
    })
    const read = await trial()
    assert.equal(read.verdict, 'works', read.sentence)
    const calls = azure.storage.calls.length
    const written = await trial(true)
    assert.equal(written.verdict, 'works', written.sentence)
    assert.deepEqual(
      written.steps.map(({ what, outcome }) => `${what} ${outcome}`),
      ['mint ok', 'exchange ok', 'read ok', 'write ok', 'read ok', 'write skipped'],
    )
    const operations = azure.storage.calls.slice(calls).map(({ operation }) => operation)
    assert.deepEqual(operations, ['GetBlob', 'PutBlob', 'DeleteBlob'])
    const claims = azure.entra.presentedAssertions.map((each) => decodeJwt(each))
    assert.deepEqual(
      new Set(claims.map(({ sub, trial: mark }) => `${sub} ${String(mark)}`)),
      new Set([`${subject} true`]),
    )
  })

  test('are blocked by the firewall of the account', async () => {
    lab.azure.storage.denyNetwork(true)
    const { verdict, sentence } = await trial()
    lab.azure.storage.denyNetwork(false)
    assert.equal(verdict, 'blocked')
    assert.match(sentence, /does not accept calls from this network/)
  })

  test('are not held for a subject that the policy does not know, nor for a stranger', async () => {
    const presented = lab.azure.entra.presentedAssertions.length
    const other = `${subject}2`
    await assert.rejects(door.trial({ entry: names.entry, subject: other }), {
      code: 'trust_trial_unknown',
    })
    await assert.rejects(door.trial({ entry: 'nobody', subject }), { code: 'trust_trial_unknown' })
    const stranger = openService({
      send: http.send,
      origin: new URL(plan.adminUrl),
      token: new Secret('stranger'.repeat(8)),
    })
    await assert.rejects(stranger.keys(), { code: 'trust_service_denied' })
    assert.equal(lab.azure.entra.presentedAssertions.length, presented)
  })

  test('leave their records, and no token anywhere', async () => {
    const store = openSqliteStore(join(plan.stateFolder, 'state.db'))
    const rows = await store.readLedger('node-1', 1, 1000)
    await store.close()
    const records = rows.map(({ record }) => JSON.parse(record) as LedgerRecord)
    const trials = records.filter(
      ({ type }) => type.startsWith('trial.') || type === 'admin.denied',
    )
    assert.deepEqual(
      trials.map(({ type, trial: about }) => `${type} ${about?.verdict ?? ''}`.trim()),
      [
        ...['not_yet', 'not_yet', 'works', 'works', 'blocked'].flatMap((verdict) => [
          'trial.begun',
          `trial.ended ${verdict}`,
        ]),
        'trial.denied',
        'trial.denied',
        'admin.denied',
      ],
    )
    const own = trials.filter(({ type }) => type !== 'admin.denied')
    assert.ok(own.every(({ caller }) => caller?.door === 'admin' && caller.admin === names.admin))

    const { entra } = lab.azure
    const state = (file: string) => readFileSync(join(plan.stateFolder, file))
    // The subject stands in all of them: the same search must find it.
    const control = subject
    const found = searchSecrets(
      [
        { name: 'log', content: Buffer.from(service.output()) },
        { name: 'ledger', content: Buffer.from(rows.map(({ record }) => record).join('\n')) },
        { name: 'database', content: Buffer.concat([state('state.db'), state('state.db-wal')]) },
        { name: 'answers', content: Buffer.from(answers.join('\n')) },
      ],
      [
        ...plan.secrets,
        ...entra.presentedAssertions.map((value) => ({ name: 'ID token', value })),
        ...entra.issuedTokens.map((value) => ({ name: 'access token', value })),
      ],
      control,
    )
    assert.equal(entra.presentedAssertions.length, 5)
    assert.deepEqual(found, { findings: [], controlFound: true, controlMissingIn: [] })
  })
})
