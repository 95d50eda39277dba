// Microsoft's own client, unmodified, against the lab's vault: it is the proof that the lab speaks Key Vault.
import assert from 'node:assert/strict'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { WorkloadIdentityCredential } from '@azure/identity'
import { KeyClient } from '@azure/keyvault-keys'

import { send } from './issuer.fixture.ts'
import { startVaultKit, type VaultKit } from './key-vault.fixture.ts'

let kit: VaultKit

describe('lab Key Vault', () => {
  before(async () => {
    kit = await startVaultKit()
  })
  after(() => kit.close())

  const openClient = (credential = kit.credential) =>
    new KeyClient(kit.vault.url, credential, {
      tlsOptions: { ca: kit.entraKit.authority.caPem },
      disableChallengeResourceVerification: true,
      retryOptions: { maxRetries: 0 },
    })

  const digest = createHash('sha256').update('signed').digest()

  test('challenges first, and takes the token that workload identity then gets', async (t) => {
    const { app, authority, entra, issuer } = kit.entraKit
    const folder = mkdtempSync(join(tmpdir(), 'azure-storage-drone-vault-'))
    t.after(() => rmSync(folder, { recursive: true }))
    const tokenFilePath = join(folder, 'token')
    writeFileSync(tokenFilePath, await issuer.sign())
    const { tenantId, clientId } = app
    const credential = new WorkloadIdentityCredential({
      tenantId,
      clientId,
      tokenFilePath,
      authorityHost: entra.url,
      disableInstanceDiscovery: true,
      tlsOptions: { ca: authority.caPem },
    })
    const made = await openClient(credential).createKey('first', 'RSA', { keySize: 2048 })
    assert.equal(made.name, 'first')
    assert.equal(entra.exchanges.at(-1)?.resource, 'https://vault.azure.net')
    const answer = await send(authority.caPem, kit.vault.url, {
      path: '/keys/first?api-version=7.6',
    })
    assert.equal(answer.status, 401)
    assert.match(
      String(answer.headers['www-authenticate']),
      /^Bearer authorization="https:\/\/localhost:\d+\/[\da-f-]{36}", resource="https:\/\/vault\.azure\.net"$/,
    )
  })

  test('signs so that the public key of that version agrees', async () => {
    const client = openClient()
    const versions = [await client.createKey('k', 'RSA'), await client.createKey('k', 'RSA')]
    for (const { key, properties } of versions) {
      const { version = '' } = properties
      const signer = client.getCryptographyClient('k', { keyVersion: version })
      const { result, keyID } = await signer.sign('RS256', digest)
      assert.equal(keyID, `${kit.vault.url}/keys/k/${version}`)
      const [n, e] = [key?.n, key?.e].map((part) => Buffer.from(part ?? []).toString('base64url'))
      const jwk = { kty: 'RSA', n, e } as { kty: string; n: string; e: string }
      const publicKey = createPublicKey({ key: jwk, format: 'jwk' })
      assert.ok(verify('sha256', Buffer.from('signed'), publicKey, result))
    }
    assert.equal((await client.getKey('k')).properties.version, versions[1]?.properties.version)
  })

  test('lists versions page by page, with tags and states', async () => {
    const client = openClient()
    for (let count = 0; count < 27; count += 1) {
      await client.createKey('many', 'RSA', { tags: { count: String(count) } })
    }
    const first = kit.vault.versions.find(({ name }) => name === 'many')?.version ?? ''
    await client.updateKeyProperties('many', first, { enabled: false })
    const rows = []
    for await (const row of client.listPropertiesOfKeyVersions('many')) rows.push(row)
    assert.deepEqual(
      rows.map(({ tags }) => tags?.['count']),
      Array.from({ length: 27 }, (_, index) => String(index)),
    )
    assert.deepEqual(new Set(rows.slice(1).map(({ enabled }) => enabled)), new Set([true]))
    assert.equal(rows[0]?.enabled, false)
    const signer = client.getCryptographyClient('many', { keyVersion: first })
    await assert.rejects(signer.sign('RS256', digest), { statusCode: 403, code: 'Forbidden' })
  })

  test('lets nobody do what no role of theirs says', async () => {
    const { app } = kit.entraKit
    const client = openClient()
    await client.createKey('guarded', 'RSA')
    kit.vault.allow(app.objectId, ['sign/action'])
    await client.getCryptographyClient('guarded').sign('RS256', digest)
    const refused = [
      () => client.createKey('guarded', 'RSA'),
      () => client.getKey('guarded'),
      () => client.updateKeyProperties('guarded', { enabled: false }),
    ]
    for (const call of refused) await assert.rejects(call, { statusCode: 403, code: 'Forbidden' })
    kit.vault.allow(app.objectId, ['read', 'create/action'])
    const signing = client.getCryptographyClient('guarded').sign('RS256', digest)
    await assert.rejects(signing, { statusCode: 403, message: /sign\/action/ })
    kit.vault.allow(app.objectId, ['create/action', 'read', 'update/action', 'sign/action'])
  })

  test('refuses a token for another resource, and one that is over', async () => {
    const { entra, app } = kit.entraKit
    const ask = async (token: string) => {
      const headers = { authorization: `Bearer ${token}` }
      const path = '/keys/k?api-version=2025-07-01'
      return (await send(kit.entraKit.authority.caPem, kit.vault.url, { path, headers })).status
    }
    assert.equal(await ask(await entra.mintToken(app, 'https://vault.azure.net')), 200)
    assert.equal(await ask(await entra.mintToken(app, 'https://storage.azure.com')), 401)
    const token = await entra.mintToken(app, 'https://vault.azure.net')
    const { time } = kit.entraKit
    kit.entraKit.time = new Date(time.getTime() + 3_700_000)
    assert.equal(await ask(token), 401)
    kit.entraKit.time = time
  })

  test('throttles on command, and says for how long', async () => {
    const client = openClient()
    kit.vault.failNext({ count: 1, status: 429, code: 'Throttled', retryAfterSeconds: 3 })
    await assert.rejects(client.getKey('k'), (error: { response?: { headers: Headers } }) => {
      assert.equal(error.response?.headers.get('retry-after'), '3')
      return true
    })
    assert.equal((await client.getKey('k')).name, 'k')
  })

  test('knows nothing of a key that was deleted', async () => {
    const client = openClient()
    await client.createKey('gone', 'RSA')
    kit.vault.deleteKey('gone')
    await assert.rejects(client.getKey('gone'), { statusCode: 404, code: 'KeyNotFound' })
  })
})
