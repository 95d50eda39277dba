import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'

import { type AzureKit, errorOf, names, startAzureKit, valueOf } from '../azure.fixture.ts'

const reader = '2a2b9908-6ea1-4ae2-8e65-a410df84e7d1'
let kit: AzureKit

describe('arm', () => {
  before(async () => {
    kit = await startAzureKit()
  })
  after(() => kit.close())

  const definitionId = (guid: string): string =>
    `${kit.azure.scopes.subscription}/providers/Microsoft.Authorization/roleDefinitions/${guid}`
  const container = (): string => kit.azure.scopes.container(names.account, names.container)
  const assign = (
    scope: string,
    properties: Record<string, unknown>,
    guid: string = randomUUID(),
  ) =>
    kit.arm({
      method: 'PUT',
      path: `${scope}/providers/Microsoft.Authorization/roleAssignments/${guid}`,
      body: { properties: { roleDefinitionId: definitionId(reader), ...properties } },
    })
  const identityPath = (name: string): string =>
    `${kit.azure.scopes.resourceGroup}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`
  const trust = (subject: string, more: Record<string, unknown> = {}): unknown => ({
    properties: {
      issuer: kit.issuer.url,
      subject,
      audiences: ['api://AzureADTokenExchange'],
      ...more,
    },
  })
  const createIdentity = async () => {
    const path = identityPath(`drone-${randomUUID()}`)
    const made = await kit.arm({ method: 'PUT', path, body: { location: 'westeurope' } })
    assert.equal(made.status, 201)
    const { clientId = '' } = made.body['properties'] as Record<string, string>
    return { path, clientId }
  }

  test('shows subscription, group, accounts, containers, shares and diagnostics', async () => {
    const { scopes, subscriptionId } = kit.azure
    const account = scopes.account(names.account)
    const [subscription] = valueOf(await kit.arm({ path: '/subscriptions' }))
    assert.equal(subscription?.['subscriptionId'], subscriptionId)
    assert.equal((await kit.arm({ path: scopes.resourceGroup })).body['name'], 'lab')
    const shown = await kit.arm({ path: account.toUpperCase().replace(/LABACCOUNT/, 'labaccount') })
    const properties = shown.body['properties'] as Record<string, unknown>
    assert.equal(properties['allowSharedKeyAccess'], false)
    assert.equal(properties['publicNetworkAccess'], 'Enabled')
    assert.equal(properties['isHnsEnabled'], false)
    const containers = valueOf(
      await kit.arm({ path: `${account}/blobServices/default/containers` }),
    )
    assert.deepEqual(
      containers.map(({ name }) => name),
      [names.container, names.other],
    )
    const shares = `${account}/fileServices/default/shares`
    assert.equal((await kit.arm({ path: `${shares}/${names.share}` })).status, 200)
    assert.equal((await kit.arm({ path: `${shares}/none` })).status, 404)
    const settings = `${account}/blobServices/default/providers/Microsoft.Insights/diagnosticSettings`
    assert.equal(valueOf(await kit.arm({ path: settings })).length, 1)
  })

  test('asks for an api-version, a token for itself, and a right', async () => {
    const path = kit.azure.scopes.resourceGroup
    const bare = await kit.arm({ path: `${path}?api-version=` })
    assert.equal(errorOf(bare).code, 'MissingApiVersionParameter')
    const missing = await kit.arm({ path, token: '' })
    assert.equal(errorOf(missing).code, 'AuthenticationFailed')
    assert.match(String(missing.headers['www-authenticate']), /^Bearer authorization_uri=/)
    const token = await kit.azure.administrator.graphToken()
    const foreign = await kit.arm({ path, token })
    assert.equal(errorOf(foreign).code, 'InvalidAuthenticationTokenAudience')
    const outsider = await kit.azure.addAdministrator({}).armToken()
    const refused = await kit.arm({ path, token: outsider })
    assert.equal(refused.status, 403)
    assert.match(errorOf(refused).message, /does not have authorization to perform action/)
    const contributor = kit.azure.addAdministrator({ roles: ['Contributor'] })
    const assignment = `${path}/providers/Microsoft.Authorization/roleAssignments/${randomUUID()}`
    const call = { method: 'PUT', path: assignment, token: await contributor.armToken(), body: {} }
    assert.equal(errorOf(await kit.arm(call)).code, 'AuthorizationFailed')
    const elsewhere = await kit.arm({ path: path.replace(/lab$/, 'none') })
    assert.equal(errorOf(elsewhere).code, 'ResourceGroupNotFound')
  })

  test('makes a role assignment once, and the same one again', async () => {
    const { principalId } = await kit.createApp()
    const guid = randomUUID()
    const properties = { principalId, principalType: 'ServicePrincipal', description: 'drone' }
    assert.equal((await assign(container(), properties, guid)).status, 201)
    const again = await assign(container(), { ...properties, description: 'changed' }, guid)
    assert.equal(again.status, 200)
    const shown = again.body['properties'] as Record<string, unknown>
    assert.deepEqual(
      [shown['scope'], shown['principalId'], shown['description'], shown['roleDefinitionId']],
      [container(), principalId, 'changed', definitionId(reader)],
    )
    const twin = await assign(container(), properties)
    assert.deepEqual([twin.status, errorOf(twin).code], [409, 'RoleAssignmentExists'])
    assert.ok(errorOf(twin).message.includes(guid.replaceAll('-', '')))
    const moved = await assign(kit.azure.scopes.resourceGroup, properties, guid)
    assert.equal(errorOf(moved).code, 'RoleAssignmentUpdateNotPermitted')
    const path = String(again.body['id'])
    assert.equal((await kit.arm({ path })).status, 200)
    assert.equal((await kit.arm({ path, method: 'DELETE' })).status, 200)
    assert.equal((await kit.arm({ path, method: 'DELETE' })).status, 204)
    assert.equal((await kit.arm({ path })).status, 404)
  })

  test('refuses a principal, a role, a name and a condition that are none', async () => {
    const { principalId } = await kit.createApp()
    const ghost = randomUUID()
    const cases: [Record<string, unknown>, string, string?][] = [
      [{ principalId: ghost }, 'PrincipalNotFound'],
      [{ principalId, principalType: 'User' }, 'UnmatchedPrincipalType'],
      [{ principalId, roleDefinitionId: definitionId(ghost) }, 'RoleDefinitionDoesNotExist'],
      [{ principalId }, 'InvalidRoleAssignmentId', 'no-guid'],
      [{ principalId, condition: '(', conditionVersion: '2.0' }, 'InvalidConditionSyntax'],
      [{ principalId, condition: "@Resource[x] StringEquals 'y'" }, 'InvalidConditionVersion'],
      [
        { principalId, condition: "@Resource[x] StringEquals 'y'", conditionVersion: '2.0' },
        'LabCannotEnforce',
      ],
    ]
    for (const [properties, code, guid] of cases) {
      assert.equal(errorOf(await assign(container(), properties, guid)).code, code)
    }
    assert.equal(
      (await assign(container(), { principalId: ghost, principalType: 'ServicePrincipal' })).status,
      201,
    )
    const nowhere = kit.azure.scopes.container('noaccount', 'c')
    assert.equal(errorOf(await assign(nowhere, { principalId })).code, 'ResourceNotFound')
  })

  test('lists assignments at, above and below a scope, and those of one principal', async () => {
    const { principalId } = await kit.createApp()
    const { scopes } = kit.azure
    const account = scopes.account(names.account)
    for (const scope of [scopes.resourceGroup, account, container()]) {
      await assign(scope, { principalId })
    }
    const count = async (scope: string, filter: string): Promise<number> => {
      const query = `$filter=${encodeURIComponent(filter)}`
      const path = `${scope}/providers/Microsoft.Authorization/roleAssignments?${query}`
      return valueOf(await kit.arm({ path })).length
    }
    assert.equal(await count(account, `principalId eq '${principalId}'`), 3)
    assert.equal(await count(account, `assignedTo('${principalId}')`), 3)
    assert.equal(await count(account, `atScope() and assignedTo('${principalId}')`), 2)
    const other = scopes.container(names.account, names.other)
    assert.equal(await count(other, `assignedTo('${principalId}')`), 2)
    kit.azure.arm.settings.pageSize = 2
    const path = `${account}/providers/Microsoft.Authorization/roleAssignments?$filter=atScope()`
    const page = await kit.arm({ path })
    kit.azure.arm.settings.pageSize = 100
    assert.equal(valueOf(page).length, 2)
    assert.match(String(page.body['nextLink']), /^https:.*skiptoken=2/)
  })

  test('an assignment outlives its principal', async () => {
    const { id, principalId } = await kit.createApp()
    await assign(container(), { principalId })
    await kit.graph({ method: 'DELETE', path: `/v1.0/applications/${id}` })
    const filter = encodeURIComponent(`principalId eq '${principalId}'`)
    const path = `${container()}/providers/Microsoft.Authorization/roleAssignments?$filter=${filter}`
    assert.equal(valueOf(await kit.arm({ path })).length, 1)
    assert.equal((await kit.graph({ path: `/v1.0/servicePrincipals/${principalId}` })).status, 404)
  })

  test('finds roles by name and takes custom ones with data actions', async () => {
    const { subscription } = kit.azure.scopes
    const roles = `${subscription}/providers/Microsoft.Authorization/roleDefinitions`
    const filter = encodeURIComponent("roleName eq 'Storage Blob Data Reader'")
    const [found] = valueOf(await kit.arm({ path: `${roles}?$filter=${filter}` }))
    assert.equal(found?.['name'], reader)
    const guid = randomUUID()
    const properties = {
      roleName: 'Drone write once',
      assignableScopes: [subscription],
      permissions: [
        {
          dataActions: [
            'Microsoft.Storage/storageAccounts/blobServices/containers/blobs/add/action',
          ],
        },
      ],
    }
    const call = { method: 'PUT', path: `${roles}/${guid}`, body: { properties } }
    assert.equal((await kit.arm(call)).status, 201)
    const shown = await kit.arm({ path: call.path })
    assert.equal((shown.body['properties'] as Record<string, unknown>)['type'], 'CustomRole')
    const twin = await kit.arm({ ...call, path: `${roles}/${randomUUID()}` })
    assert.equal(errorOf(twin).code, 'RoleDefinitionWithSameNameExists')
    const { principalId } = await kit.createApp()
    const refused = await assign(container(), { principalId, roleDefinitionId: definitionId(guid) })
    assert.equal(errorOf(refused).code, 'LabCannotEnforce')
  })

  test('a lock stops changes at its scope and below', async () => {
    const { principalId } = await kit.createApp()
    const { arm, scopes } = kit.azure
    const made = await assign(container(), { principalId })
    const scope = scopes.account(names.account)
    arm.addLock({ name: 'freeze', scope, level: 'ReadOnly' })
    const path = String(made.body['id'])
    for (const method of ['PUT', 'DELETE']) {
      const refused = await kit.arm({ method, path, body: { properties: {} } })
      assert.deepEqual([refused.status, errorOf(refused).code], [409, 'ScopeLocked'])
    }
    const locks = `${container()}/providers/Microsoft.Authorization/locks`
    assert.equal(valueOf(await kit.arm({ path: locks }))[0]?.['name'], 'freeze')
    arm.removeLock('freeze')
    arm.addLock({ name: 'keep', scope, level: 'CanNotDelete' })
    assert.equal(errorOf(await kit.arm({ method: 'DELETE', path })).code, 'ScopeLocked')
    arm.removeLock('keep')
    assert.equal((await kit.arm({ method: 'DELETE', path })).status, 200)
  })

  test('a managed identity with a credential signs in', async () => {
    const { path, clientId } = await createIdentity()
    const credential = `${path}/federatedIdentityCredentials/main`
    const put = { method: 'PUT', path: credential, body: trust('repo:managed') }
    assert.equal((await kit.arm(put)).status, 201)
    assert.equal((await kit.arm(put)).status, 200)
    assert.equal((await kit.exchange(clientId, { sub: 'repo:managed' })).status, 200)
    assert.equal(valueOf(await kit.arm({ path: `${path}/federatedIdentityCredentials` })).length, 1)
    const twin = { ...put, path: `${path}/federatedIdentityCredentials/twin` }
    assert.match(errorOf(await kit.arm(twin)).message, /combination already exists/)
    const two = { ...put, body: trust('x', { audiences: ['a', 'b'] }) }
    const code = 'InvalidFederatedIdentityCredentialsAudienceLength'
    assert.equal(errorOf(await kit.arm(two)).code, code)
    assert.equal((await kit.arm({ method: 'DELETE', path: credential })).status, 200)
    assert.equal((await kit.arm({ method: 'DELETE', path: credential })).status, 204)
    assert.deepEqual((await kit.exchange(clientId, { sub: 'repo:managed' })).codes, [70025])
    assert.equal((await kit.arm({ path: identityPath('none') })).status, 404)
  })

  test('takes one credential write at a time for each identity, and not too often', async () => {
    const [one, other] = [await createIdentity(), await createIdentity()]
    const write = (path: string, name: string) =>
      kit.arm({
        method: 'PUT',
        path: `${path}/federatedIdentityCredentials/${name}`,
        body: trust(name),
      })
    kit.azure.arm.settings.credentialWriteMs = 300
    const answers = await Promise.all([
      write(one.path, 'one'),
      write(one.path, 'two'),
      write(other.path, 'one'),
    ])
    kit.azure.arm.settings.credentialWriteMs = 0
    const statuses = answers.map(({ status }) => status)
    assert.deepEqual(
      statuses.toSorted((left, right) => left - right),
      [201, 201, 409],
    )
    kit.azure.arm.settings.credentialWriteIntervalSeconds = 4
    const early = await write(one.path, 'three')
    assert.deepEqual([early.status, early.headers['retry-after']], [429, '4'])
    kit.pass(4)
    assert.equal((await write(one.path, 'three')).status, 201)
    kit.azure.arm.settings.credentialWriteIntervalSeconds = 0
  })

  test('answers what it was told to, and 405 and 404 for what it does not have', async () => {
    const path = kit.azure.scopes.resourceGroup
    kit.azure.arm.failNext({ count: 2, status: 503, code: 'ServerBusy', path: 'resourceGroups' })
    assert.equal((await kit.arm({ path: '/subscriptions' })).status, 200)
    assert.equal((await kit.arm({ path })).status, 503)
    assert.equal((await kit.arm({ path })).status, 503)
    assert.equal((await kit.arm({ path, method: 'PATCH' })).status, 405)
    assert.equal((await kit.arm({ path: `${path}/providers/Microsoft.Web/sites` })).status, 404)
  })
})
