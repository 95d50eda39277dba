// Every way a trial can end, played by an Entra and a storage account that answer as the real ones do
// (facts/federation.md §2).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { clouds } from '../azure/clouds.ts'
import { HttpError } from '../http/http.ts'
import type { TrialAnswer } from '../trust/admin-api.ts'
import { toTrialPlaces } from './trial-places.ts'
import {
  aadsts,
  absent,
  accepts,
  blobGrant,
  canary,
  coded,
  fileGrant,
  nobody,
  play,
  type Reply,
} from './trial.fixture.ts'

type Row = [
  name: string,
  entra: Reply,
  storage: Reply[],
  verdict: TrialAnswer['verdict'],
  says: RegExp,
]

const rows: Row[] = [
  [
    'all is well',
    accepts,
    [absent],
    'works',
    /let it read: acmeart\/blob\/artifacts\/octo\/hello\//,
  ],
  [
    'no credential matches (old code)',
    aadsts(70021),
    [],
    'not_yet',
    /no federated credential that matches/,
  ],
  ['no credential has the issuer', aadsts(700211), [], 'not_yet', /with this issuer/],
  ['no credential has the subject', aadsts(700213), [], 'not_yet', /with this subject/],
  ['the subject differs in case', aadsts(7002138), [], 'not_yet', /upper and lower case/],
  ['another audience is asked for', aadsts(700212), [], 'not_yet', /another audience/],
  [
    'the application is not there yet',
    aadsts(700016, 400),
    [],
    'not_yet',
    /does not exist in this tenant/,
  ],
  ['the signing key is new to Entra', aadsts(7000272), [], 'not_yet', /does not know the key/],
  ['the signature is wrong', aadsts(700027), [], 'refused', /does not fit the published key/],
  ['the clock is wrong', aadsts(700024), [], 'refused', /expired or not valid yet/],
  ['the tenant does not exist', aadsts(90002, 400), [], 'refused', /tenant does not exist/],
  ['a secret was looked at', aadsts(7000215), [], 'refused', /client secret/],
  ['Entra cannot read the issuer', aadsts(501661), [], 'blocked', /could not read the discovery/],
  ['a policy of the tenant blocks', aadsts(53003, 400), [], 'blocked', /policy of the tenant/],
  ['Entra says what nobody knows', aadsts(999999), [], 'refused', /AADSTS999999/],
  ['Entra is busy', aadsts(90033, 503), [], 'unreachable', /busy/],
  ['Entra is not to be reached', nobody, [], 'unreachable', /could not be reached/],
  ['a proxy answers for Entra', { status: 200, body: '<html>' }, [], 'unreachable', /not Entra/],
  [
    'no role is there',
    accepts,
    [coded(403, 'AuthorizationPermissionMismatch')],
    'not_yet',
    /no role that allows this/,
  ],
  [
    'the firewall refuses',
    accepts,
    [coded(403, 'AuthorizationFailure')],
    'blocked',
    /from this network/,
  ],
  [
    'the account trusts another tenant',
    accepts,
    [coded(401, 'InvalidAuthenticationInfo')],
    'refused',
    /refused the access token/,
  ],
  [
    'the container is not there',
    accepts,
    [coded(404, 'ContainerNotFound')],
    'refused',
    /does not exist/,
  ],
  [
    'the account is not there',
    accepts,
    [new HttpError('no such host', 'ENOTFOUND', false)],
    'unreachable',
    /No such host/,
  ],
  ['storage is busy', accepts, [coded(503, 'ServerBusy')], 'unreachable', /too busy/],
  [
    'storage is busy and then is not',
    accepts,
    [coded(503, 'ServerBusy'), absent],
    'works',
    /let it read/,
  ],
]

describe('a trial where', () => {
  for (const [name, entra, storage, verdict, says] of rows) {
    test(`${name} ends with ${verdict}`, async () => {
      const answer = await play(entra, storage).run()
      assert.equal(answer.verdict, verdict, answer.sentence)
      assert.match(answer.sentence, says)
      assert.ok(answer.hint !== '')
      assert.ok(!JSON.stringify(answer).includes(canary))
      if (verdict === 'not_yet') assert.match(answer.hint, /ten minutes.*it is missing/)
    })
  }
})

describe('a trial', () => {
  test('looks at a name that is not there, below the prefix, with the token it got', async () => {
    const { run, atStorage } = play(accepts)
    const { steps } = await run()
    assert.deepEqual(steps, [
      { what: 'exchange', outcome: 'ok' },
      { what: 'read', place: 'acmeart/blob/artifacts/octo/hello/', outcome: 'ok' },
    ])
    const [call] = atStorage
    assert.equal(call?.method, 'GET')
    assert.equal(call?.origin.host, 'acmeart.blob.core.windows.net')
    assert.equal(call?.path, '/artifacts/octo/hello/.azure-storage-drone-trial-id')
    assert.equal(call?.headers['authorization'], `Bearer ${canary}`)
  })

  test('does not go on to storage after a refusal of Entra', async () => {
    const { run, atStorage } = play(aadsts(700213))
    const { steps } = await run()
    assert.deepEqual(
      steps.map(({ what, outcome }) => `${what} ${outcome}`),
      ['exchange not_yet'],
    )
    assert.equal(atStorage.length, 0)
  })

  test('of a share takes its word that nothing is there', async () => {
    const { run, atStorage } = play(accepts, [coded(404, 'ResourceNotFound')])
    assert.equal((await run([fileGrant])).verdict, 'works')
    assert.equal(atStorage[0]?.headers['x-ms-file-request-intent'], 'backup')
    const gone = await play(accepts, [coded(404, 'ShareNotFound')]).run([fileGrant])
    assert.equal(gone.verdict, 'refused')
  })

  test('of a grant that may only list, lists', async () => {
    const { run, atStorage } = play(accepts, [{ status: 200 }])
    assert.equal((await run([{ ...blobGrant, verbs: ['blob.list'] }])).verdict, 'works')
    assert.match(atStorage[0]?.path ?? '', /comp=list/)
  })

  test('makes a probe and removes it only when asked to, and only where the grant allows both', async () => {
    const { run, atStorage } = play(accepts, [absent, { status: 201 }, { status: 202 }])
    const written = await run([blobGrant], true)
    assert.deepEqual(
      atStorage.map(({ method }) => method),
      ['GET', 'PUT', 'DELETE'],
    )
    assert.equal(atStorage[1]?.path, atStorage[2]?.path)
    assert.deepEqual(
      written.steps.map(({ what }) => what),
      ['exchange', 'read', 'write'],
    )
    assert.match(written.sentence, /read and write/)

    const one = play(accepts)
    const { steps, verdict } = await one.run(
      [{ ...blobGrant, verbs: ['blob.read', 'blob.create', 'blob.write'] }],
      true,
    )
    assert.equal(verdict, 'works')
    assert.deepEqual(
      steps.map(({ outcome }) => outcome),
      ['ok', 'ok', 'skipped'],
    )
    assert.deepEqual(
      one.atStorage.map(({ method }) => method),
      ['GET'],
    )
  })

  test('that may read and not write yet has to wait', async () => {
    const { run } = play(accepts, [absent, coded(403, 'AuthorizationPermissionMismatch')])
    const { verdict, steps } = await run([blobGrant], true)
    assert.equal(verdict, 'not_yet')
    assert.deepEqual(steps.at(-1)?.code, 'azure_storage_role_missing')
  })

  test('of several places tells first what no waiting mends', async () => {
    const other = { ...blobGrant, id: 'x', container: 'x' }
    const { run } = play(accepts, [
      coded(403, 'AuthorizationPermissionMismatch'),
      coded(404, 'ContainerNotFound'),
    ])
    const { verdict, steps } = await run([blobGrant, other])
    assert.equal(verdict, 'refused')
    assert.deepEqual(
      steps.map(({ outcome }) => outcome),
      ['ok', 'not_yet', 'refused'],
    )
  })

  test('of an entry without grants says that storage was not tried', async () => {
    const { verdict, sentence } = await play(accepts).run([])
    assert.equal(verdict, 'works')
    assert.match(sentence, /no grant by which storage could be tried/)
  })
})

test('places › are in the cloud of their account, or where the configuration says', () => {
  const endpoints = new Map([['acmeart', { file: 'https://files.example:444/acmeart' }]])
  const addresses = { cloudOf: () => clouds.usgov, endpoints }
  const [blob, file] = toTrialPlaces(
    [{ ...blobGrant, prefix: 'a/${build.number}/' }, fileGrant],
    addresses,
  )
  assert.equal(blob?.address.origin.origin, 'https://acmeart.blob.core.usgovcloudapi.net')
  assert.deepEqual([blob?.prefix, blob?.canProbe], ['a/', true])
  assert.equal(file?.address.origin.origin, 'https://files.example:444')
  assert.equal(file?.address.pathPrefix, '/acmeart')
  assert.deepEqual([file?.label, file?.canProbe], ['acmeart/files/docs/', false])
})
