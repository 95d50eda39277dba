// Microsoft's own management clients, unmodified, against the lab's ARM: its shapes are theirs.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, test } from 'node:test'

import { AuthorizationManagementClient } from '@azure/arm-authorization'
import { ManagedServiceIdentityClient } from '@azure/arm-msi'
import { StorageManagementClient } from '@azure/arm-storage'
import { ClientSecretCredential } from '@azure/identity'

import { type AzureKit, names, startAzureKit } from '../azure.fixture.ts'

let kit: AzureKit

describe('azure management clients', () => {
  before(async () => {
    kit = await startAzureKit()
  })
  after(() => kit.close())

  function signIn(): ClientSecretCredential {
    const { administrator, authority, entra, tenantId } = kit.azure
    return new ClientSecretCredential(
      tenantId,
      administrator.app.clientId,
      administrator.clientSecret,
      {
        authorityHost: entra.url,
        disableInstanceDiscovery: true,
        tlsOptions: { ca: authority.caPem },
      },
    )
  }

  function optionsFor(): {
    endpoint: string
    tlsOptions: { ca: string }
    retryOptions: { maxRetries: number }
  } {
    const { arm, authority } = kit.azure
    return {
      endpoint: arm.url,
      tlsOptions: { ca: authority.caPem },
      retryOptions: { maxRetries: 0 },
    }
  }

  test('AuthorizationManagementClient assigns, lists and removes a role', async () => {
    const { scopes, subscriptionId } = kit.azure
    const client = new AuthorizationManagementClient(signIn(), subscriptionId, optionsFor())
    const scope = scopes.container(names.account, names.container)
    const roles = []
    const filter = "roleName eq 'Storage Blob Data Reader'"
    for await (const role of client.roleDefinitions.list(scope, { filter })) roles.push(role)
    const [role] = roles
    assert.equal(role?.roleName, 'Storage Blob Data Reader')
    const { principalId } = await kit.createApp()
    const name = randomUUID()
    const made = await client.roleAssignments.create(scope, name, {
      roleDefinitionId: role.id ?? '',
      principalId,
      principalType: 'ServicePrincipal',
    })
    assert.equal(made.scope, scope)
    kit.azure.arm.settings.pageSize = 1
    const found = []
    const listed = client.roleAssignments.listForScope(scope, {
      filter: `assignedTo('${principalId}')`,
    })
    for await (const each of listed) found.push(each.name)
    kit.azure.arm.settings.pageSize = 100
    assert.deepEqual(found, [name])
    const twin = client.roleAssignments.create(scope, randomUUID(), {
      roleDefinitionId: role.id ?? '',
      principalId,
    })
    await assert.rejects(twin, { code: 'RoleAssignmentExists', statusCode: 409 })
    await client.roleAssignments.delete(scope, name)
  })

  test('ManagedServiceIdentityClient makes an identity and its credentials', async () => {
    const { resourceGroup, location, subscriptionId } = kit.azure
    const client = new ManagedServiceIdentityClient(signIn(), subscriptionId, optionsFor())
    const name = `drone-${randomUUID()}`
    const identity = await client.userAssignedIdentities.createOrUpdate(resourceGroup, name, {
      location,
    })
    assert.ok(identity.principalId)
    const credential = {
      issuer: kit.issuer.url,
      subject: 'repo:sdk',
      audiences: ['api://AzureADTokenExchange'],
    }
    const { federatedIdentityCredentials } = client
    await federatedIdentityCredentials.createOrUpdate(resourceGroup, name, 'main', credential)
    const found = []
    for await (const each of federatedIdentityCredentials.list(resourceGroup, name)) {
      found.push(each.subject)
    }
    assert.deepEqual(found, ['repo:sdk'])
    assert.equal((await kit.exchange(identity.clientId ?? '', { sub: 'repo:sdk' })).status, 200)
    await federatedIdentityCredentials.delete(resourceGroup, name, 'main')
  })

  test('StorageManagementClient reads the account, its containers and shares', async () => {
    const { resourceGroup, subscriptionId } = kit.azure
    const client = new StorageManagementClient(signIn(), subscriptionId, optionsFor())
    const account = await client.storageAccounts.getProperties(resourceGroup, names.account)
    assert.equal(account.allowSharedKeyAccess, false)
    assert.equal(account.publicNetworkAccess, 'Enabled')
    const containers = []
    for await (const each of client.blobContainers.list(resourceGroup, names.account)) {
      containers.push(each.name)
    }
    assert.deepEqual(containers, [names.container, names.other])
    const share = await client.fileShares.get(resourceGroup, names.account, names.share)
    assert.equal(share.name, names.share)
  })
})
