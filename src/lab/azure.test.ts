import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, afterEach, before, describe, test } from 'node:test'

import { writeCondition } from './arm/condition.fixture.ts'
import { type AzureKit, errorOf, names, startAzureKit, type TestApp } from './azure.fixture.ts'

const contributor = 'ba92f5b4-2d11-453d-a403-e96b0029c9fe'
const subject = 'repo:acme/api@7:ref:refs/heads/main'
let kit: AzureKit

describe('azure', () => {
  before(async () => {
    kit = await startAzureKit()
  })
  afterEach(() => {
    kit.azure.setPropagation({ seconds: 0 })
    kit.resetTime()
  })
  after(() => kit.close())

  const trust = (app: TestApp, sub = subject) =>
    kit.graph({
      method: 'POST',
      path: `/v1.0/applications/${app.id}/federatedIdentityCredentials`,
      body: {
        name: `drone-${randomUUID()}`,
        issuer: kit.issuer.url,
        subject: sub,
        audiences: ['api://AzureADTokenExchange'],
      },
    })
  const assign = (app: TestApp, more: Record<string, unknown> = {}, guid = randomUUID()) => {
    const { scopes } = kit.azure
    const roles = `${scopes.subscription}/providers/Microsoft.Authorization/roleDefinitions`
    const scope = scopes.container(names.account, names.container)
    return kit.arm({
      method: 'PUT',
      path: `${scope}/providers/Microsoft.Authorization/roleAssignments/${guid}`,
      body: {
        properties: {
          roleDefinitionId: `${roles}/${contributor}`,
          principalId: app.principalId,
          principalType: 'ServicePrincipal',
          ...more,
        },
      },
    })
  }

  test('what Graph and ARM set up lets a build write, below its prefix only', async () => {
    const app = await kit.createApp()
    await trust(app)
    const condition = writeCondition(names.container, 'acme/api/')
    const made = await assign(app, { condition, conditionVersion: '2.0' })
    assert.equal(made.status, 201, JSON.stringify(made.body))
    const { token } = await kit.exchange(app.appId)
    assert.equal(await kit.putBlob(token, `${names.container}/acme/api/file`), 201)
    assert.equal(await kit.putBlob(token, `${names.container}/acme/other`), 403)
    assert.equal(await kit.putBlob(token, `${names.other}/acme/api/file`), 403)
    await kit.arm({ method: 'DELETE', path: String(made.body['id']) })
    assert.equal(await kit.putBlob(token, `${names.container}/acme/api/file`), 403)
  })

  test('a role counts after its delay, and is gone after it', async () => {
    const app = await kit.createApp()
    await trust(app)
    const { token } = await kit.exchange(app.appId)
    const path = `${names.container}/late`
    kit.azure.setPropagation({ seconds: 120 })
    const made = await assign(app)
    assert.equal(await kit.putBlob(token, path), 403)
    kit.pass(119)
    assert.equal(await kit.putBlob(token, path), 403)
    kit.pass(1)
    assert.equal(await kit.putBlob(token, path), 201)
    await kit.arm({ method: 'DELETE', path: String(made.body['id']) })
    assert.equal(await kit.putBlob(token, path), 201)
    kit.pass(120)
    assert.equal(await kit.putBlob(token, path), 403)
  })

  test('a credential counts after its delay, and a removed one until then', async () => {
    const app = await kit.createApp()
    kit.azure.setPropagation({ seconds: 300 })
    const made = await trust(app)
    assert.deepEqual((await kit.exchange(app.appId)).codes, [70025])
    kit.pass(300)
    assert.equal((await kit.exchange(app.appId)).status, 200)
    const second = await trust(app, 'repo:second')
    assert.deepEqual((await kit.exchange(app.appId, { sub: 'repo:second' })).codes, [700213])
    const list = `/v1.0/applications/${app.id}/federatedIdentityCredentials`
    for (const { body } of [made, second]) {
      await kit.graph({ method: 'DELETE', path: `${list}/${String(body['id'])}` })
    }
    assert.equal((await kit.exchange(app.appId)).status, 200)
    kit.pass(300)
    assert.deepEqual((await kit.exchange(app.appId)).codes, [70025])
  })

  test('a change can reach some exchanges before others', async () => {
    const app = await kit.createApp()
    await trust(app)
    kit.azure.setPropagation({ seconds: 300, isIntermittent: true })
    await trust(app, 'repo:second')
    const statuses = new Set<number>()
    for (let turn = 0; turn < 4; turn += 1) {
      statuses.add((await kit.exchange(app.appId, { sub: 'repo:second' })).status)
    }
    assert.deepEqual(statuses, new Set([401, 200]))
    kit.pass(300)
    for (let turn = 0; turn < 4; turn += 1) {
      assert.equal((await kit.exchange(app.appId, { sub: 'repo:second' })).status, 200)
    }
  })

  test('a new principal is known to ARM and to Entra only after its delay', async () => {
    kit.azure.setPropagation({ seconds: 60 })
    const app = await kit.createApp()
    const unknown = await assign(app, { principalType: undefined })
    assert.equal(errorOf(unknown).code, 'PrincipalNotFound')
    assert.equal((await assign(app)).status, 201)
    assert.deepEqual((await kit.exchange(app.appId)).codes, [700016])
    kit.pass(60)
    const exists = await assign(app, { principalType: undefined })
    assert.equal(errorOf(exists).code, 'RoleAssignmentExists')
  })

  test('a role on the group counts for its accounts, and the firewall shows in ARM', async () => {
    const app = await kit.createApp()
    await trust(app)
    const { scopes } = kit.azure
    const roles = `${scopes.subscription}/providers/Microsoft.Authorization/roleDefinitions`
    const properties = { roleDefinitionId: `${roles}/${contributor}`, principalId: app.principalId }
    const assignment = `providers/Microsoft.Authorization/roleAssignments/${randomUUID()}`
    const path = `${scopes.resourceGroup}/${assignment}`
    assert.equal((await kit.arm({ method: 'PUT', path, body: { properties } })).status, 201)
    const { token } = await kit.exchange(app.appId)
    assert.equal(await kit.putBlob(token, `${names.other}/file`), 201)
    kit.azure.denyNetwork(true)
    assert.equal(await kit.putBlob(token, `${names.other}/file`), 403)
    const shown = await kit.arm({ path: scopes.account(names.account) })
    const { publicNetworkAccess } = shown.body['properties'] as Record<string, unknown>
    assert.equal(publicNetworkAccess, 'Disabled')
    kit.azure.denyNetwork(false)
  })
})
