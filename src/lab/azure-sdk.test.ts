// Microsoft's own clients, unmodified, against the lab: they are the proof that it speaks Azure.
import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'

import { WorkloadIdentityCredential } from '@azure/identity'
import {
  AnonymousCredential,
  BlobServiceClient,
  type ContainerClient,
  RestError,
} from '@azure/storage-blob'

import { account, startStorageKit, type StorageKit } from './storage.fixture.ts'

let kit: StorageKit
let folder = ''

describe('azure sdk', () => {
  before(async () => {
    kit = await startStorageKit()
    folder = await mkdtemp(join(tmpdir(), 'azure-storage-drone-sdk-'))
  })
  beforeEach(() => kit.entraKit.renewApp())
  after(async () => {
    await kit.close()
    await rm(folder, { recursive: true })
  })

  async function openContainer(): Promise<ContainerClient> {
    const { app, authority, entra, issuer } = kit.entraKit
    const tokenFilePath = join(folder, app.clientId)
    await writeFile(tokenFilePath, await issuer.sign())
    const tlsOptions = { ca: authority.caPem }
    const credential = new WorkloadIdentityCredential({
      tenantId: app.tenantId,
      clientId: app.clientId,
      tokenFilePath,
      authorityHost: entra.url,
      disableInstanceDiscovery: true,
      tlsOptions,
      retryOptions: { maxRetries: 0 },
    })
    const endpoint = kit.storage.endpointOf(account)
    const options = { tlsOptions, retryOptions: { maxTries: 1 } }
    return new BlobServiceClient(endpoint, credential, options).getContainerClient('files')
  }

  function assignRole(): string {
    const principalId = kit.entraKit.app.objectId
    const role = 'Storage Blob Data Contributor'
    return kit.storage.assignRole({ principalId, role, account, container: 'files' })
  }

  test('WorkloadIdentityCredential and BlobServiceClient upload, list and download', async () => {
    assignRole()
    const container = await openContainer()
    const name = 'sdk/Übung 50% #1.txt'
    await container.getBlockBlobClient(name).uploadData(Buffer.from('hello'))
    const blocks = { blockSize: 1024 * 1024, maxSingleShotSize: 1024 * 1024 }
    const large = Buffer.alloc(5 * 1024 * 1024 + 1, 'z')
    await container.getBlockBlobClient('sdk/large').uploadData(large, blocks)
    const names: string[] = []
    for await (const blob of container.listBlobsFlat({ prefix: 'sdk/' })) names.push(blob.name)
    assert.deepEqual(names.toSorted(), ['sdk/large', name].toSorted())
    assert.equal((await container.getBlobClient(name).downloadToBuffer()).toString(), 'hello')
    assert.ok((await container.getBlobClient('sdk/large').downloadToBuffer()).equals(large))
    assert.equal(await container.getBlobClient('sdk/none').exists(), false)
    assert.equal(kit.storage.calls.at(-1)?.requesterAppId, kit.entraKit.app.clientId)
  })

  test('a removed role shows as AuthorizationPermissionMismatch', async () => {
    const roleId = assignRole()
    const blob = (await openContainer()).getBlockBlobClient('sdk/role')
    await blob.uploadData(Buffer.from('hello'))
    kit.storage.removeRole(roleId)
    const expected = { statusCode: 403, errorCode: 'AuthorizationPermissionMismatch' }
    const calls = [() => blob.uploadData(Buffer.from('again')), () => blob.downloadToBuffer()]
    for (const call of calls) {
      assert.deepEqual(await describeFailure(call), expected)
    }
  })

  test('a removed credential fails the next exchange', async () => {
    assignRole()
    const { app, issuer } = kit.entraKit
    app.removeCredential('main')
    const blob = (await openContainer()).getBlockBlobClient('sdk/credential')
    await assert.rejects(blob.uploadData(Buffer.from('hello')), /AADSTS70025/)
    app.addCredential({ name: 'other', issuer: `${issuer.url}/`, subject: 's', audience: 'a' })
    await assert.rejects(blob.uploadData(Buffer.from('hello')), /AADSTS700211/)
    assert.equal(kit.entraKit.entra.exchanges.at(-1)?.resultCode, 700211)
  })

  test('a client without a credential is told how to get one', async () => {
    const tlsOptions = { ca: kit.entraKit.authority.caPem }
    const options = { tlsOptions, retryOptions: { maxTries: 1 } }
    const endpoint = kit.storage.endpointOf(account)
    const service = new BlobServiceClient(endpoint, new AnonymousCredential(), options)
    const blob = service.getContainerClient('files').getBlobClient('sdk/none')
    const expected = { statusCode: 401, errorCode: 'NoAuthenticationInformation' }
    assert.deepEqual(await describeFailure(() => blob.downloadToBuffer()), expected)
  })
})

// Of a download the SDK does not parse the XML; the code is in `details` for every operation.
async function describeFailure(call: () => Promise<unknown>): Promise<unknown> {
  try {
    await call()
    return 'no failure'
  } catch (error) {
    if (!(error instanceof RestError)) throw error
    const details = error.details as { errorCode?: string }
    return { statusCode: error.statusCode, errorCode: details.errorCode }
  }
}
