// The API and the key of a Woodpecker server that really listens, signs, checks the token and changes.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'

import { Secret } from '../../core/secret.ts'
import type { LabPipeline } from '../../lab/woodpecker-json.ts'
import { beginWoodpecker, repository, userToken } from '../../lab/woodpecker.fixture.ts'
import { contradictions, isLive, isRunning } from '../build.ts'
import { callOnce } from '../drone/call.ts'
import { toSecretsAnswer } from './answer.ts'
import { createWoodpeckerApi } from './api.ts'
import { origin } from './payload.fixture.ts'
import { parseSecretsRequest } from './payload.ts'
import {
  fingerprintOf,
  followKey,
  keyQuestionSeconds,
  parsePublicKey,
  pinKey,
} from './public-key.ts'
import { otherKeys } from './signature.fixture.ts'
import { verifyBody, verifyHead } from './signature.ts'

async function begin(t: TestContext, changes: Partial<LabPipeline> = {}, token = userToken) {
  const lab = await beginWoodpecker(t)
  const run = await lab.server.create(repository, changes)
  const [request] = lab.heard
  assert.ok(request)
  const claimed = parseSecretsRequest(origin, request.body).build
  const endpoint = { url: lab.server.url, token, ca: lab.authority.caPem }
  const deps = { now: lab.now, call: callOnce }
  const api = createWoodpeckerApi(deps, endpoint, origin)
  const later = () => (lab.clock.time += 3000)
  return { ...lab, ...run, request, claimed, endpoint, deps, api, later }
}

test('woodpecker API › agrees with the signed request about every kind of pipeline', async (t) => {
  const { server, request, api, claimed } = await begin(t)
  const told = await api(claimed)
  assert.ok(told)
  assert.deepEqual(contradictions(claimed, told), [])
  assert.equal(request.target, '/wood/woodpecker/secrets?v=1')
  assert.deepEqual(server.requests, ['GET /api/repos/9', 'GET /api/repos/9/pipelines/1'])
})

test('woodpecker API › says running only while it runs', async (t) => {
  const fork = { event: 'pull_request', ref: 'refs/pull/7/head', from_fork: true }
  const { server, pipeline, api, claimed, later } = await begin(t, fork)
  const state = async () => {
    later()
    const { status = '' } = (await api(claimed)) ?? {}
    return [status, isLive(status), isRunning(status)]
  }
  assert.deepEqual(await state(), ['blocked', true, false])
  await server.approve(pipeline)
  assert.deepEqual(await state(), ['pending', true, false])
  server.start(pipeline)
  assert.deepEqual(await state(), ['running', true, true])
  server.cancel(pipeline)
  assert.deepEqual(await state(), ['killed', false, false])
})

for (const status of [
  'declined',
  'canceled',
  'skipped',
  'error',
  'success',
  'failure',
  'killed',
  'new',
]) {
  test(`woodpecker API › a pipeline that is ${status} is over`, () => {
    assert.deepEqual([isLive(status), isRunning(status)], [false, false])
  })
}

test('woodpecker API › is asked once in three seconds for a build', async (t) => {
  const { server, pipeline, api, claimed, later } = await begin(t)
  server.start(pipeline)
  assert.equal(await api(claimed), await api(claimed))
  assert.equal(server.requests.length, 2)
  server.finish(pipeline, 'success')
  later()
  assert.equal((await api(claimed))?.status, 'success')
})

test('woodpecker API › a restart is another build, and contradicts the first', async (t) => {
  const { server, pipeline, api, claimed } = await begin(t)
  const again = await server.restart(pipeline)
  const told = await api({ ...claimed, number: again.pipeline.number })
  assert.ok(told)
  assert.deepEqual(contradictions(claimed, told), ['id', 'number', 'parent', 'trigger', 'params'])
})

test('woodpecker API › knows no other repository, pipeline or server', async (t) => {
  const { api, claimed } = await begin(t)
  const { repository: own } = claimed
  assert.equal(await api({ ...claimed, number: 2 }), undefined)
  assert.equal(
    await api({ ...claimed, repository: { ...own, slug: 'octo/other', serverId: 8 } }),
    undefined,
  )
  const { serverId: _, ...nameless } = own
  assert.equal(
    await api({ ...claimed, repository: { ...nameless, slug: 'octo/third' } }),
    undefined,
  )
})

test('woodpecker API › in trouble or with another token it confirms nothing', async (t) => {
  const { server, api, claimed, deps, endpoint } = await begin(t)
  const stranger = { ...endpoint, token: new Secret('another token of thirty-two bytes') }
  await assert.rejects(createWoodpeckerApi(deps, stranger, origin)(claimed), {
    code: 'ci_api_denied',
  })
  for (const kind of ['fails', 'speaks nonsense'] as const) {
    server.trouble(kind)
    await assert.rejects(api(claimed), { code: 'ci_api_unavailable' })
  }
  server.trouble(undefined)
  assert.equal((await api(claimed))?.number, 1)
  const untrusted = { url: endpoint.url, token: userToken }
  await assert.rejects(createWoodpeckerApi(deps, untrusted, origin)(claimed), {
    code: 'ci_api_unavailable',
  })
})

test('woodpecker key › pinned, it does not follow the server', async (t) => {
  const { server, request, now } = await begin(t)
  const keys = pinKey(parsePublicKey(server.publicKeyPem()))
  await verifyHead({ now, keys }, request)
  verifyBody(request)
  server.renewKey()
  const stranger = pinKey(parsePublicKey(server.publicKeyPem()))
  await assert.rejects(verifyHead({ now, keys: stranger }, request), {
    code: 'ci_signature_invalid',
  })
})

test('woodpecker key › followed, a new one is taken when a signature does not fit, asked for rarely', async (t) => {
  const { server, heard, request, clock, now, deps, endpoint } = await begin(t)
  const taken: string[] = []
  const keys = followKey({ ...deps, noteKey: (fingerprint) => taken.push(fingerprint) }, endpoint)
  const questions = () => server.requests.filter((line) => line.endsWith('/public-key')).length
  await verifyHead({ now, keys }, request)
  assert.equal(questions(), 1)

  server.renewKey()
  await server.create(repository)
  const changed = heard.at(-1)
  assert.ok(changed)
  await assert.rejects(verifyHead({ now, keys }, changed), { code: 'ci_signature_invalid' })
  assert.equal(questions(), 1)
  clock.time += keyQuestionSeconds * 1000
  await verifyHead({ now, keys }, changed)
  await assert.rejects(verifyHead({ now, keys }, request), { code: 'ci_signature_invalid' })
  assert.equal(questions(), 2)

  clock.time += keyQuestionSeconds * 1000
  server.trouble('fails')
  await verifyHead({ now, keys }, changed)
  await assert.rejects(verifyHead({ now, keys }, request), { code: 'ci_signature_invalid' })
  await verifyHead({ now, keys }, changed)
  assert.equal(questions(), 3)
  assert.equal(taken.length, 2)
  assert.equal(taken[1], fingerprintOf(parsePublicKey(server.publicKeyPem())))
})

test('woodpecker key › while the server tells none, nothing is believed', async (t) => {
  const { server, request, now, clock, deps, endpoint } = await begin(t)
  const keys = followKey({ ...deps, noteKey: () => {} }, endpoint)
  for (const [kind, code] of [
    ['fails', 'ci_api_unavailable'],
    ['speaks nonsense', 'ci_key_invalid'],
  ] as const) {
    server.trouble(kind)
    await assert.rejects(verifyHead({ now, keys }, request), { code })
    clock.time += keyQuestionSeconds * 1000
  }
  server.trouble(undefined)
  await verifyHead({ now, keys }, request)
})

test('woodpecker key › only the public half of an ed25519 key is one', () => {
  const spki = otherKeys.publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const pkcs8 = otherKeys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  assert.equal(parsePublicKey(spki).equals(otherKeys.publicKey), true)
  const rsa =
    '-----BEGIN PUBLIC KEY-----\nMFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAKj34GkxFhD90vcNLYLInFEX6Ppy1tPf\n9Cnzj4p4WGeKLs1Pt8QuKUpRKfFLfRYC9AIKjbJTWit+CqvjWYzvQwECAwEAAQ==\n-----END PUBLIC KEY-----'
  for (const text of ['', 'key', rsa, pkcs8]) {
    assert.throws(() => parsePublicKey(text), { code: 'ci_key_invalid' })
  }
})

test('woodpecker answer › restricts every secret to the plugin and to the event of the pipeline', () => {
  const tokens = [
    { entry: 'hello-artifacts', token: new Secret('asd1.one') },
    { entry: 'releases', token: new Secret('asd1.two') },
  ]
  assert.deepEqual(JSON.parse(toSecretsAnswer('pull_request', ['octo/plugin'], tokens)), {
    secrets: [
      {
        name: 'azure_hello-artifacts',
        value: 'asd1.one',
        images: ['octo/plugin'],
        events: ['pull_request'],
      },
      {
        name: 'azure_releases',
        value: 'asd1.two',
        images: ['octo/plugin'],
        events: ['pull_request'],
      },
    ],
  })
})
