// Rows of facts/peers.md §1a: who the step is, how it proves it, and how it reaches storage.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { get } from 'node:https'
import { join } from 'node:path'

import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from 'jose'

import { clouds, type CloudName } from '../../src/azure/clouds.ts'
import { Secret } from '../../src/core/secret.ts'
import { names } from '../../src/demo/trust-service.ts'
import type { Case, Scene, Unclaimed } from './case.ts'
import { type Gate, startGate } from './gate.ts'
import { ours } from './lab.ts'
import { readTree } from './look.ts'
import { startProxy } from './proxy.ts'

const file = { 'a.txt': 'a' }

/** Cases on identity and reach. */
export const identityRows: readonly Case[] = [
  {
    row: 'Works without a static secret',
    on: 'both',
    run: async ({ lab, place, root, workspace, fine, refused }) => {
      const up = { action: 'upload', source: '.', target: root }
      const mark = place.mark()
      await fine(up, workspace(file))
      const issued = new Set(lab.installation.entra.issuedTokens.map((token) => sha256(token)))
      const calls = place.callsSince(mark)
      assert.ok(calls.length > 0)
      for (const { authenticationHash } of calls) {
        assert.ok(issued.has(authenticationHash), 'every call has a token that Entra gave out')
      }
      for (const name of ['account_key', 'sas_token', 'connection_string', 'client_secret']) {
        const expected = { exit: 2, code: 'plugin_setting_(invalid|static_key)' }
        const log = await refused({ ...up, [name]: 'c2VjcmV0' }, workspace(file), expected)
        assert.match(log, /static key/)
        assert.doesNotMatch(log, /c2VjcmV0/)
      }
    },
  },
  {
    row: 'OIDC federation to cloud',
    on: 'both',
    run: async ({ lab, place, root, workspace, fine }) => {
      const { entra, app, repository } = lab.installation
      const mark = place.mark()
      await fine({ action: 'upload', source: '.', target: root }, workspace(file))
      const [call] = place.callsSince(mark)
      assert.equal(call?.requesterAppId, app.clientId)
      const subject = `repo:${repository.slug}@${repository.uid}:ref:refs/heads/main`
      assert.ok(entra.presentedAssertions.some((token) => decodeJwt(token).sub === subject))
      assert.ok(entra.exchanges.some(({ resultCode }) => resultCode === 0))
    },
  },
  {
    row: 'OIDC on OSS Drone / Woodpecker',
    aspect: 'Drone',
    on: 'once',
    run: async ({ lab }) => {
      const { installation, build } = lab
      const { drone, repository } = installation
      const answer = await drone.requestSecret(repository, build, names.entry)
      assert.equal(answer.status, 200, answer.body)
      assert.match(answer.body, /"data":"asd1\./)
      const stranger = installation.droneWith({ runnerToken: new Secret('x'.repeat(64)) })
      assert.equal((await stranger.requestSecret(repository, build, names.entry)).status, 401)
    },
  },
  {
    row: 'Ships the issuer (JWKS, discovery)',
    on: 'once',
    run: async ({ lab, root, workspace, fine }) => {
      const { issuer, entra, authority } = lab.installation
      await fine({ action: 'upload', source: '.', target: root }, workspace(file))
      const read = (url: string) => readJson(url, authority.caPem)
      const discovery = await read(`${issuer}/.well-known/openid-configuration`)
      assert.equal(discovery['issuer'], issuer)
      const keys = (await read(String(discovery['jwks_uri']))) as unknown as JSONWebKeySet
      const assertion = entra.presentedAssertions.at(-1) ?? ''
      const options = { issuer, audience: names.audience, algorithms: ['RS256'] }
      const { payload } = await jwtVerify(assertion, createLocalJWKSet(keys), options)
      assert.ok((payload.exp ?? 0) - (payload.iat ?? 0) <= 600)
    },
  },
  {
    row: 'Assertion re-fetched during a run',
    on: 'both',
    run: async ({ place, root, workspace, fine, lab }) => {
      const folder = workspace({ 'a.txt': 'a', 'b.txt': 'b', 'c.txt': 'c' })
      const presented = lab.installation.entra.presentedAssertions.length
      const mark = place.mark()
      place.failNext({ count: 1, status: 401, code: 'InvalidAuthenticationInfo' })
      await fine({ action: 'upload', source: '.', target: root, concurrency: '1' }, folder)
      const hashes = new Set(place.callsSince(mark).map((call) => call.authenticationHash))
      hashes.delete('')
      const mine = lab.installation.entra.presentedAssertions.slice(presented)
      assert.ok(mine.length >= 2, 'two assertions were presented')
      assert.equal(new Set(mine.map((token) => decodeJwt(token).jti)).size, mine.length)
      assert.equal((await place.list(root)).length, 3)
    },
  },
  {
    row: 'Sovereign clouds / authority host',
    on: 'both',
    run: async (scene) => {
      for (const cloud of ['usgov', 'china'] as const) await inCloud(scene, cloud, roundTrip)
    },
  },
  { row: 'Azure Blob', on: 'blob', run: (scene) => inCloud(scene, 'public', allActions) },
  {
    row: 'Azure Files (REST, OAuth `backup` intent)',
    on: 'files',
    run: (scene) => inCloud(scene, 'public', allActions),
  },
  {
    row: 'Proxy env honoured',
    on: 'both',
    run: async ({ place, root, workspace, fine, lab }) => {
      const up = { action: 'upload', source: '.', target: root }
      // A trust service with a private certificate authority is reached directly.
      const urls = [place.settings['endpoint'] ?? '', lab.installation.entra.url]
      const hosts = urls.map((url) => new URL(url).host)
      for (const name of ['HTTPS_PROXY', 'https_proxy']) {
        const proxy = await startProxy()
        try {
          await fine(up, workspace(file), { [name]: proxy.url })
          assert.deepEqual([...new Set(proxy.asked)].toSorted(), hosts.toSorted(), name)
          proxy.asked.splice(0)
          await fine(up, workspace(file), { [name]: proxy.url, NO_PROXY: 'example.org,localhost' })
          assert.deepEqual(proxy.asked, [])
        } finally {
          await proxy.close()
        }
      }
    },
  },
]

/** Rows that belong to later work. */
export const unclaimedRows: readonly Unclaimed[] = [
  {
    row: 'Windows / arm64 / rootless image',
    why: 'rootless is shown by the suite images; no arm64 image is tried',
  },
]

type InCloud = (
  scene: Scene,
  run: (settings: Record<string, string>, folder: string) => Promise<string>,
) => Promise<void>

// Nothing leads to the lab but names: endpoint and authority are the cloud's own.
async function inCloud(scene: Scene, cloud: CloudName, work: InCloud): Promise<void> {
  const { lab, place, fine } = scene
  const filesUrl = lab.files.url
  const target = { filesUrl, account: ours.account, cloud: clouds[cloud] }
  const gate: Gate = await startGate(lab.installation, target)
  try {
    const bare = { endpoint: '', authority_host: '', ...(cloud !== 'public' && asApp(lab, cloud)) }
    const env = { HTTPS_PROXY: gate.proxy.url, NO_PROXY: 'localhost' }
    await work(scene, (settings, folder) => fine({ ...settings, ...bare }, folder, env))
    const asked = new Set(gate.proxy.asked)
    const { login } = gate.hosts
    assert.deepEqual(asked, new Set([`${login}:443`, `${gate.hosts[place.service]}:443`]))
  } finally {
    await gate.close()
  }
}

function asApp(
  { cloudApps }: Scene['lab'],
  cloud: 'usgov' | 'china',
): { cloud: string; tenant_id: string; client_id: string } {
  const { tenantId, clientId } = cloudApps[cloud]
  return { cloud, tenant_id: tenantId, client_id: clientId }
}

async function roundTrip(...[{ root, workspace }, run]: Parameters<InCloud>): Promise<void> {
  const folder = workspace(file)
  await run({ action: 'upload', source: 'a.txt', target: root }, folder)
  await run({ action: 'download', source: `${root}/`, target: 'out' }, folder)
  assert.deepEqual(readTree(join(folder, 'out')), file)
}

async function allActions(...[scene, run]: Parameters<InCloud>): Promise<void> {
  const { root, workspace, place } = scene
  await roundTrip(scene, run)
  const folder = workspace({ 'b/c.txt': 'c' })
  await run({ action: 'sync', source: '.', target: root, delete: 'true' }, folder)
  assert.deepEqual(await place.list(root), [`${root}/b/c.txt`])
  assert.match(await run({ action: 'list', source: `${root}/` }, folder), /b\/c\.txt$/m)
  assert.match(await run({ action: 'verify', source: `${root}/` }, folder), /^verified 1 file/m)
  assert.match(await run({ action: 'remove', source: `${root}/` }, folder), /^removed \d file/m)
  assert.deepEqual(await place.list(root), [])
}

function sha256(token: string): string {
  return createHash('sha256').update(token).digest('hex').toUpperCase()
}

function readJson(url: string, ca: string): Promise<Record<string, unknown>> {
  return new Promise((resolve, reject) => {
    get(url, { ca, agent: false }, (answer) => {
      let text = ''
      answer.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
      answer.on('end', () => resolve(JSON.parse(text) as Record<string, unknown>))
    }).once('error', reject)
  })
}
