import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'

import { type AzureKit, errorOf, startAzureKit, valueOf } from '../azure.fixture.ts'

const audience = 'api://AzureADTokenExchange'
let kit: AzureKit

describe('graph', () => {
  before(async () => {
    kit = await startAzureKit()
  })
  after(() => kit.close())

  const trust = (name: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
    name,
    issuer: kit.issuer.url,
    subject: `repo:${name}`,
    audiences: [audience],
    description: 'made by a test',
    ...more,
  })
  const addCredential = (id: string, body: unknown, version = 'v1.0') => {
    const path = `/${version}/applications/${id}/federatedIdentityCredentials`
    return kit.graph({ method: 'POST', path, body })
  }

  test('makes an application and finds it by id, appId and name', async () => {
    const displayName = `o'hara-${randomUUID()}`
    const app = await kit.createApp(displayName)
    const byId = await kit.graph({ path: `/v1.0/applications/${app.id}` })
    const byAppId = await kit.graph({ path: `/v1.0/applications(appId='${app.appId}')` })
    assert.equal(byId.status, 200)
    assert.deepEqual(byId.body, byAppId.body)
    assert.deepEqual(byId.body['passwordCredentials'], [])
    assert.deepEqual(byId.body['keyCredentials'], [])
    const quoted = displayName.replaceAll("'", "''")
    const filters = [
      `displayName eq '${quoted}'`,
      `appId eq '${app.appId}'`,
      `startswith(displayName,'${quoted.slice(0, -4)}')`,
    ]
    for (const filter of filters) {
      const path = `/v1.0/applications?$select=id&$filter=${encodeURIComponent(filter)}`
      assert.deepEqual(valueOf(await kit.graph({ path })), [{ id: app.id }], filter)
    }
    const strange = await kit.graph({ path: '/v1.0/applications?$filter=publisher%20lt%20x' })
    assert.equal(errorOf(strange).code, 'Request_UnsupportedQuery')
  })

  test('upserts an application by its unique name', async () => {
    const uniqueName = `drone-${randomUUID()}`
    const call = {
      method: 'PATCH',
      path: `/v1.0/applications(uniqueName='${uniqueName}')`,
      body: { displayName: 'drone', notes: 'managed' },
    }
    const prefer = { prefer: 'create-if-missing' }
    assert.equal((await kit.graph(call)).status, 404)
    assert.equal((await kit.graph({ ...call, headers: prefer })).status, 201)
    assert.equal((await kit.graph({ ...call, headers: prefer })).status, 204)
    const found = await kit.graph({ path: call.path })
    assert.equal(found.body['notes'], 'managed')
    assert.equal((await kit.graph({ method: 'DELETE', path: call.path })).status, 204)
    assert.equal(errorOf(await kit.graph({ path: call.path })).code, 'Request_ResourceNotFound')
  })

  test('shows secrets and owners for a review, and removes them', async () => {
    const app = await kit.createApp()
    const path = `/v1.0/applications/${app.id}`
    const password = await kit.graph({ method: 'POST', path: `${path}/addPassword`, body: {} })
    assert.match(String(password.body['secretText']), /./)
    const user = kit.azure.entra.directory.addUser({
      displayName: 'Ada',
      userPrincipalName: 'ada@lab.example',
    })
    const reference = `${kit.azure.graph.url}/v1.0/directoryObjects/${user.id}`
    const addOwner = {
      method: 'POST',
      path: `${path}/owners/$ref`,
      body: { '@odata.id': reference },
    }
    assert.equal((await kit.graph(addOwner)).status, 204)
    assert.equal((await kit.graph(addOwner)).status, 400)
    const owners = valueOf(await kit.graph({ path: `${path}/owners` }))
    assert.ok(owners.some((each) => each['userPrincipalName'] === 'ada@lab.example'))
    const [secret] = (await kit.graph({ path })).body['passwordCredentials'] as { keyId: string }[]
    const { keyId } = secret ?? {}
    const removal = { method: 'POST', path: `${path}/removePassword`, body: { keyId } }
    assert.equal((await kit.graph(removal)).status, 204)
    assert.deepEqual((await kit.graph({ path })).body['passwordCredentials'], [])
    const disown = { method: 'DELETE', path: `${path}/owners/${user.id}/$ref` }
    assert.equal((await kit.graph(disown)).status, 204)
  })

  test('creates, upserts, reads and deletes a federated credential', async () => {
    const app = await kit.createApp()
    const path = `/v1.0/applications(appId='${app.appId}')/federatedIdentityCredentials`
    const created = await addCredential(app.id, trust('main'))
    assert.equal(created.status, 201)
    const { '@odata.context': _, id, ...shown } = created.body
    assert.deepEqual(shown, trust('main'))
    const named = { path: `${path}(name='main')`, headers: { prefer: 'create-if-missing' } }
    const body = { subject: 'repo:other' }
    assert.equal((await kit.graph({ ...named, method: 'PATCH', body })).status, 204)
    for (const one of [`${path}/${String(id)}`, `${path}/main`, named.path]) {
      const { body: found } = await kit.graph({ path: one })
      assert.deepEqual([found['id'], found['subject']], [id, 'repo:other'], one)
    }
    const second = { path: `${path}(name='second')`, method: 'PATCH', body: trust('second') }
    assert.equal((await kit.graph(second)).status, 404)
    assert.equal((await kit.graph({ ...named, ...second })).status, 201)
    assert.equal((await kit.graph({ method: 'DELETE', path: `${path}/main` })).status, 204)
    assert.equal((await kit.graph({ path: `${path}/main` })).status, 404)
    assert.deepEqual(
      valueOf(await kit.graph({ path })).map((each) => each['name']),
      ['second'],
    )
  })

  test("refuses credentials in the directory's words", async () => {
    const app = await kit.createApp()
    await addCredential(app.id, trust('main'))
    const sameName = await addCredential(app.id, trust('main', { subject: 'x' }))
    assert.equal(sameName.status, 409)
    assert.deepEqual(errorOf(sameName), {
      code: 'Request_MultipleObjectsWithSameKeyValue',
      message: 'FederatedIdentityCredential with name main already exists.',
    })
    assert.deepEqual(Object.keys(sameName.body['error'] as object), [
      'code',
      'message',
      'innerError',
    ])
    const refused = [
      trust('twin', { subject: 'repo:main' }),
      trust('none', { audiences: [] }),
      trust('two', { audiences: ['a', 'b'] }),
      trust('x'),
      trust('-dash'),
      trust('longs', { subject: 'x'.repeat(601) }),
      trust('longi', { issuer: 'x'.repeat(601) }),
      trust('longd', { description: 'x'.repeat(601) }),
      trust('empty', { issuer: '' }),
    ]
    for (const body of refused) {
      const answer = await addCredential(app.id, body)
      assert.equal(answer.status, 400, String(body['name']))
      assert.equal(errorOf(answer).code, 'InvalidFederatedIdentityCredentialValue')
    }
    const flexible = { value: "claims['sub'] matches 'repo:*'", languageVersion: 1 }
    const body = trust('flexible', { subject: null, claimsMatchingExpression: flexible })
    assert.equal((await addCredential(app.id, body)).status, 400)
    const rename = {
      method: 'PATCH',
      path: `/v1.0/applications/${app.id}/federatedIdentityCredentials/main`,
      body: { name: 'other' },
    }
    assert.match(errorOf(await kit.graph(rename)).message, /immutable/)
  })

  test('keeps 20 credentials and lists them in pages', async () => {
    const app = await kit.createApp()
    for (let index = 0; index < 20; index += 1) {
      assert.equal((await addCredential(app.id, trust(`branch-${index}`))).status, 201)
    }
    assert.equal((await addCredential(app.id, trust('one-more'))).status, 400)
    kit.azure.graph.settings.pageSize = 8
    const seen: unknown[] = []
    let path = `/v1.0/applications/${app.id}/federatedIdentityCredentials`
    while (path !== '') {
      const page = await kit.graph({ path })
      seen.push(...valueOf(page).map((each) => each['name']))
      const next = page.body['@odata.nextLink']
      path = typeof next === 'string' ? next.slice(kit.azure.graph.url.length) : ''
    }
    kit.azure.graph.settings.pageSize = 100
    assert.equal(new Set(seen).size, 20)
  })

  test('shows flexible credentials in beta only, without a subject', async () => {
    const app = await kit.createApp()
    const flexible = { value: "claims['sub'] matches 'repo:*'", languageVersion: 1 }
    const body = trust('flexible', { subject: null, claimsMatchingExpression: flexible })
    assert.equal((await addCredential(app.id, body, 'beta')).status, 201)
    const path = `applications/${app.id}/federatedIdentityCredentials`
    const [shown] = valueOf(await kit.graph({ path: `/beta/${path}` }))
    assert.equal(shown?.['subject'], null)
    assert.deepEqual(shown?.['claimsMatchingExpression'], flexible)
    assert.deepEqual(valueOf(await kit.graph({ path: `/v1.0/${path}` })), [])
  })

  test('answers what it was told to, and 405 and 400 for what it does not have', async () => {
    kit.azure.graph.failNext({
      count: 1,
      status: 429,
      code: 'TooManyRequests',
      retryAfterSeconds: 7,
    })
    const busy = await kit.graph({ path: '/v1.0/organization' })
    assert.deepEqual([busy.status, busy.headers['retry-after']], [429, '7'])
    assert.equal((await kit.graph({ path: '/v1.0/organization' })).status, 200)
    assert.equal((await kit.graph({ method: 'PUT', path: '/v1.0/organization' })).status, 405)
    assert.equal((await kit.graph({ path: '/v1.0/devices' })).status, 400)
    assert.equal((await kit.graph({ path: '/v2.0/applications' })).status, 400)
  })
})
