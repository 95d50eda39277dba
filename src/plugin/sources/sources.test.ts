// Sources of an identity against what really hands it out: the lab's IMDS, Arc agent and Entra, and a
// program that answers as Azure CLI documents it.
import assert from 'node:assert/strict'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'

import { decodeJwt } from 'jose'

import { Secret } from '../../core/secret.ts'
import { openHttp } from '../../http/open.ts'
import { type EntraKit, startEntraKit } from '../../lab/entra.fixture.ts'
import { type LabManagedIdentity, startManagedIdentity } from '../../lab/managed-identity.ts'
import type { Credential } from '../credential.ts'
import { askAzureCli } from './azure-cli.ts'
import { readGivenAssertion } from './given-assertion.ts'
import { askManagedIdentity } from './managed-identity.ts'

const folder = mkdtempSync(join(tmpdir(), 'asd-sources-'))
const keyFolder = join(folder, 'tokens')
const who = { tenantId: 'tenant', clientId: 'client' }
let kit: EntraKit
let imds: LabManagedIdentity
let arc: LabManagedIdentity

before(async () => {
  mkdirSync(keyFolder)
  kit = await startEntraKit()
  const identities = [kit.app]
  imds = await startManagedIdentity(kit, { identities })
  arc = await startManagedIdentity(kit, { identities, keyFolder })
})
after(async () => {
  await imds.close()
  await arc.close()
  await kit.close()
  rmSync(folder, { recursive: true })
})

const deps = { openHttp, now: () => new Date(), sleep: async () => undefined, random: () => 0 }
const path = '/metadata/identity/oauth2/token'
const managed = (by: 'IMDS' | 'Azure Arc', url: string, more: { clientId?: string } = {}) => ({
  source: 'managed identity' as const,
  endpoint: { by, url: `${url}${path}` },
  ...more,
})

describe('a managed identity', () => {
  it('gets a storage token of the machine from IMDS, with the end that the token has', async () => {
    const { token, expiresAt, says } = await askManagedIdentity(deps, managed('IMDS', imds.url))
    const { appid, aud, exp } = decodeJwt(token.reveal())
    assert.deepEqual([appid, aud], [kit.app.clientId, 'https://storage.azure.com'])
    assert.equal(expiresAt.getTime(), Number(exp) * 1000)
    assert.ok(says.includes(kit.app.clientId))
  })

  it('names a user-assigned identity, and is told when the machine has none of this name', async () => {
    const { clientId } = kit.app
    await askManagedIdentity(deps, managed('IMDS', imds.url, { clientId }))
    assert.equal(imds.granted.at(-1)?.get('client_id'), clientId)
    await assert.rejects(
      askManagedIdentity(deps, managed('IMDS', imds.url, { clientId: 'other' })),
      { code: 'plugin_managed_identity_refused', message: /Identity not found/, exitCode: 3 },
    )
  })

  it('tries again while IMDS is being changed or busy, and gives up with exit 5', async () => {
    for (const status of [404, 410, 429, 500]) {
      imds.failNext(2, status)
      await askManagedIdentity(deps, managed('IMDS', imds.url))
    }
    imds.failNext(9, 503)
    await assert.rejects(askManagedIdentity(deps, managed('IMDS', imds.url)), {
      code: 'plugin_managed_identity_unreachable',
      exitCode: 5,
    })
    imds.failNext(0, 500)
  })

  it('says so when nobody is there', async () => {
    await assert.rejects(askManagedIdentity(deps, managed('IMDS', 'http://127.0.0.1:9')), {
      code: 'plugin_managed_identity_unreachable',
      message: /127\.0\.0\.1:9/,
    })
  })

  it('reads the challenge of the Arc agent, and leaves no key behind', async () => {
    const { token } = await askManagedIdentity(
      { ...deps, keyFolder },
      managed('Azure Arc', arc.url),
    )
    assert.equal(decodeJwt(token.reveal())['appid'], kit.app.clientId)
    assert.deepEqual(readdirSync(keyFolder), [])
  })

  it('reads no other file for whoever answers in the agent’s place', async () => {
    await assert.rejects(
      askManagedIdentity({ ...deps, keyFolder: '/elsewhere' }, managed('Azure Arc', arc.url)),
      { code: 'plugin_managed_identity_refused', message: /is no \.key file in \/elsewhere/ },
    )
  })
})

describe('an assertion that is simply there', () => {
  const tokenFile = join(folder, 'token')
  const file: Credential = { source: 'token file', path: tokenFile, who }
  const clock = { now: () => kit.time }

  it('is read from its file at each call, since somebody renews it', async () => {
    for (const jti of ['first', 'second']) {
      writeFileSync(tokenFile, `${await kit.issuer.sign({ claims: { jti } })}\n`)
      const { value } = await readGivenAssertion(clock, file)
      assert.equal(decodeJwt(value.reveal())['jti'], jti)
    }
  })

  it('is refused before Entra is asked when it is over, no JWT, or not there', async () => {
    writeFileSync(tokenFile, await kit.issuer.sign({ claims: { exp: 1 } }))
    await assert.rejects(readGivenAssertion(clock, file), { code: 'plugin_assertion_expired' })
    for (const text of ['', '***', '"a.b.c"', 'a.b.c']) {
      writeFileSync(tokenFile, text)
      await assert.rejects(readGivenAssertion(clock, file), { code: 'plugin_assertion_malformed' })
    }
    rmSync(tokenFile)
    await assert.rejects(readGivenAssertion(clock, file), { code: 'plugin_assertion_absent' })
  })

  it('of Harness cannot be renewed, and says so at its end', async () => {
    const idToken = new Secret(await kit.issuer.sign())
    const credential: Credential = { source: 'Harness ID token', idToken, who }
    assert.deepEqual((await readGivenAssertion(clock, credential)).who, who)
    const later = { now: () => new Date(kit.time.getTime() + 3_600_000) }
    await assert.rejects(readGivenAssertion(later, credential), {
      code: 'plugin_assertion_expired',
      hint: /Harness gives a step one ID token/,
    })
  })
})

describe('Azure CLI', () => {
  const bin = join(folder, 'bin')
  const env = { PATH: `${bin}:${process.env['PATH']}` }
  const az = (script: string) => {
    mkdirSync(bin, { recursive: true })
    writeFileSync(join(bin, 'az'), `#!/bin/sh\n${script}\n`)
    chmodSync(join(bin, 'az'), 0o755)
  }
  const ask = (more: { tenantId?: string } = {}) =>
    askAzureCli(deps, { source: 'Azure CLI', env, ...more })

  it('gives the token of whoever is signed in, for storage and the tenant asked for', async () => {
    az(`echo "$@" > ${folder}/words
echo '{"accessToken":"t","expiresOn":"2026-01-01 00:00:00.000000","expires_on":4102444800,"subscription":"s","tenant":"acme","tokenType":"Bearer"}'`)
    const { token, expiresAt, says } = await ask({ tenantId: 'acme' })
    assert.equal(token.reveal(), 't')
    assert.equal(expiresAt.toISOString(), '2100-01-01T00:00:00.000Z')
    assert.match(says, /acme/)
    assert.equal(
      readFileSync(join(folder, 'words'), 'utf8'),
      'account get-access-token --output json --resource https://storage.azure.com/ --tenant acme\n',
    )
  })

  it('of an old version tells the end as a local time', async () => {
    az(`echo '{"accessToken":"t","expiresOn":"2100-01-01 00:00:00.000000","tenant":"acme"}'`)
    const { expiresAt } = await ask()
    assert.equal(expiresAt.getTime(), new Date('2100-01-01 00:00:00').getTime())
  })

  it('says what to do when nobody is signed in, and when it is not installed', async () => {
    az(`echo "ERROR: Please run 'az login' to setup account." >&2; exit 1`)
    await assert.rejects(ask(), {
      code: 'plugin_azure_cli_refused',
      message: /Please run 'az login'/,
    })
    await assert.rejects(
      askAzureCli(deps, { source: 'Azure CLI', env: { PATH: join(folder, 'nowhere') } }),
      { code: 'plugin_azure_cli_absent', hint: /AZURE_STORAGE_DRONE_TOKEN/ },
    )
  })
})
