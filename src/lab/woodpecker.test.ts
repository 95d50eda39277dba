// The lab's Woodpecker against a verifier of RFC 9421 that nobody here wrote, and its rules for secrets.
import assert from 'node:assert/strict'
import { createHash, createPublicKey, verify } from 'node:crypto'
import { test } from 'node:test'

import { verifySignature } from 'http-message-sig'

import { beginWoodpecker, repository } from './woodpecker.fixture.ts'
import { giveSecret } from './woodpecker.ts'

test('lab Woodpecker › signs so that http-message-sig accepts it', async (t) => {
  const { server, heard, clock } = await beginWoodpecker(t)
  const { answer, secrets } = await server.create(repository)
  assert.deepEqual([answer.status, secrets], [204, []])
  const [request] = heard
  assert.ok(request)
  const key = createPublicKey(server.publicKeyPem())
  const fields = [...request.headers].map(([name, value]) => ({ name, value }))
  const verified = await verifySignature(
    {
      kind: 'request',
      method: 'POST',
      targetUri: `http://127.0.0.1${request.target}`,
      requestTarget: request.target,
      fields,
    },
    {
      label: 'woodpecker-ci-extensions',
      policy: {
        algorithms: ['ed25519'],
        requiredComponents: ['@request-target', 'content-digest'],
        requiredParameters: ['created', 'alg'],
        now: clock.time / 1000,
        maxAge: 60,
      },
      resolveVerifier: () => ({
        algorithm: 'ed25519',
        verify: (data, signature) => verify(undefined, data, key, signature),
      }),
    },
  )
  assert.deepEqual(verified.parameters, { created: clock.time / 1000, alg: 'ed25519' })
  const digest = createHash('sha256').update(request.body).digest('base64')
  assert.equal(request.headers.get('content-digest'), `sha-256=:${digest}:`)
  assert.match(request.body.toString(), /a \\u003cb\\u003e \\u0026 more.*\n$/)
})

test('lab Woodpecker › asks before approval, after it, and at a restart, and tells where a pipeline is', async (t) => {
  const { server, heard } = await beginWoodpecker(t)
  const told = () =>
    heard.map(({ body }) => {
      const { pipeline } = JSON.parse(body.toString()) as {
        pipeline: { number: number; parent: number; status: string }
      }
      return [pipeline.number, pipeline.parent, pipeline.status]
    })
  const { pipeline } = await server.create(repository, { event: 'pull_request', from_fork: true })
  assert.throws(() => server.start(pipeline), /blocked/)
  await server.approve(pipeline)
  server.start(pipeline)
  server.cancel(pipeline)
  assert.throws(() => server.finish(pipeline, 'success'), /killed/)
  await server.restart(pipeline)
  assert.deepEqual(told(), [
    [1, 0, 'blocked'],
    [1, 0, 'pending'],
    [2, 1, 'pending'],
  ])
})

test('lab Woodpecker › gives a secret to the plugins and events it is for, and to every step without a list', async (t) => {
  const { server, answer } = await beginWoodpecker(t)
  const limited = { name: 'azure_a', value: 'one', images: ['octo/plugin'], events: ['push'] }
  answer.secrets = [limited, { name: 'open', value: 'two' }]
  const run = await server.create(repository)
  const plugin = { image: 'octo/plugin:1', isPlugin: true }
  assert.equal(giveSecret(run, plugin, 'AZURE_a'), 'one')
  assert.equal(giveSecret(run, { image: 'evil', isPlugin: false }, 'open'), 'two')
  assert.throws(() => giveSecret(run, { ...plugin, isPlugin: false }, 'azure_a'), /only .* plugins/)
  assert.throws(() => giveSecret(run, { ...plugin, image: 'evil/plugin' }, 'azure_a'), /image/)
  assert.throws(() => giveSecret(run, plugin, 'azure_b'), /not found/)
  const other = { ...run, pipeline: { ...run.pipeline, event: 'tag' } }
  assert.throws(() => giveSecret(other, plugin, 'azure_a'), /event "tag"/)
  const closed = { ...run, pipeline: { ...run.pipeline, event: 'pull_request_closed' } }
  const forPulls = { ...closed, secrets: [{ ...limited, events: ['pull_request'] }] }
  assert.equal(giveSecret(forPulls, plugin, 'azure_a'), 'one')
})
