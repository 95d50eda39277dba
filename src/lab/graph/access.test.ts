import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'

import { type AzureKit, errorOf, signIn, startAzureKit, valueOf } from '../azure.fixture.ts'

let kit: AzureKit

describe('graph access', () => {
  before(async () => {
    kit = await startAzureKit()
  })
  after(() => kit.close())

  const trust = (name: string): Record<string, unknown> => ({
    name,
    issuer: kit.issuer.url,
    subject: `repo:${name}`,
    audiences: ['api://AzureADTokenExchange'],
  })
  const addCredential = (id: string, body: unknown) => {
    const path = `/v1.0/applications/${id}/federatedIdentityCredentials`
    return kit.graph({ method: 'POST', path, body })
  }

  test('refuses a caller without a token, with a wrong one, and without permission', async () => {
    const path = '/v1.0/applications'
    const tokens = ['', 'x.y.z', await kit.azure.administrator.armToken()]
    const messages = []
    for (const token of tokens) {
      const answer = await kit.graph({ path, token })
      assert.equal(answer.status, 401)
      assert.equal(errorOf(answer).code, 'InvalidAuthenticationToken')
      messages.push(errorOf(answer).message)
    }
    assert.equal(new Set(messages).size, 3)
    const token = await kit.azure.addAdministrator({}).graphToken()
    for (const method of ['GET', 'POST']) {
      const answer = await kit.graph({ method, path, token, body: { displayName: 'x' } })
      assert.equal(answer.status, 403)
      assert.deepEqual(errorOf(answer), {
        code: 'Authorization_RequestDenied',
        message: 'Insufficient privileges to complete the operation.',
      })
    }
  })

  test('lets an owner change what it made, and nothing else', async () => {
    const graphPermissions = ['Application.ReadWrite.OwnedBy']
    const token = await kit.azure.addAdministrator({ graphPermissions }).graphToken()
    const path = '/v1.0/applications'
    const own = await kit.graph({ method: 'POST', path, token, body: { displayName: 'own' } })
    const foreign = await kit.createApp()
    const body = trust('main')
    const credentials = 'federatedIdentityCredentials'
    const statuses = []
    for (const id of [String(own.body['id']), foreign.id]) {
      const call = { method: 'POST', path: `${path}/${id}/${credentials}`, token, body }
      statuses.push((await kit.graph(call)).status)
    }
    assert.deepEqual(statuses, [201, 403])
  })

  test('gives tokens to a client secret, also for the URL of the lab itself', async () => {
    const { administrator, graph } = kit.azure
    for (const resource of ['https://graph.microsoft.com', graph.url]) {
      const { body } = await signIn(kit, administrator, `${resource}/.default`)
      const token = String(body['access_token'])
      assert.equal((await kit.graph({ path: '/v1.0/organization', token })).status, 200)
    }
    const wrong = { ...administrator, clientSecret: 'guess' }
    const refused = await signIn(kit, wrong, 'https://graph.microsoft.com/.default')
    assert.deepEqual(refused.body['error_codes'], [7000215])
  })

  test('tells the tenant, and sign-ins by credential', async () => {
    const [organization] = valueOf(await kit.graph({ path: '/v1.0/organization' }))
    assert.equal(organization?.['id'], kit.azure.tenantId)
    const app = await kit.createApp()
    const made = await addCredential(app.id, trust('main'))
    await kit.exchange(app.appId, { sub: 'repo:main' })
    await kit.exchange(app.appId, { sub: 'repo:unknown' })
    const filter = `signInEventTypes/any(t: t eq 'servicePrincipal') and appId eq '${app.appId}'`
    const path = `auditLogs/signIns?$filter=${encodeURIComponent(filter)}`
    const rows = valueOf(await kit.graph({ path: `/beta/${path}` }))
    assert.deepEqual(
      rows.map((row) => [
        row['federatedCredentialId'],
        (row['status'] as { errorCode: 0 }).errorCode,
      ]),
      [
        ['', 700213],
        [made.body['id'], 0],
      ],
    )
    assert.equal((await kit.graph({ path: `/v1.0/${path}` })).status, 400)
    assert.deepEqual(valueOf(await kit.graph({ path: '/beta/auditLogs/signIns' })), [])
    kit.azure.graph.settings.hasSignInLog = false
    const unlicensed = await kit.graph({ path: `/beta/${path}` })
    kit.azure.graph.settings.hasSignInLog = true
    assert.match(String(errorOf(unlicensed).code), /NonPremiumTenant/)
  })

  test('an application signs in only with a service principal that is enabled', async () => {
    const made = await kit.graph({
      method: 'POST',
      path: '/v1.0/applications',
      body: { displayName: 'bare' },
    })
    const { id, appId } = made.body
    await addCredential(String(id), trust('main'))
    const ask = () => kit.exchange(String(appId), { sub: 'repo:main' })
    assert.deepEqual((await ask()).codes, [700016])
    const body = { appId }
    const create = { method: 'POST', path: '/v1.0/servicePrincipals', body }
    assert.equal((await kit.graph(create)).status, 201)
    assert.equal((await kit.graph(create)).status, 409)
    assert.equal((await ask()).status, 200)
    const path = `/v1.0/servicePrincipals(appId='${String(appId)}')`
    await kit.graph({ method: 'PATCH', path, body: { accountEnabled: false } })
    assert.equal((await kit.graph({ path })).body['accountEnabled'], false)
    assert.deepEqual((await ask()).codes, [7000112])
  })
})
