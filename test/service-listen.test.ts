import assert from 'node:assert/strict'
import { Agent, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'

import { Hono } from 'hono'

import { closeServer, listen } from '../bin/service-listen.ts'

// Otherwise a client that always has another request would keep a closing service from its end.
test('a door › that closes answers what it has begun, and ends the connection with it', async () => {
  const app = new Hono()
  const { promise: held, resolve: release } = Promise.withResolvers<void>()
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  app.get('/', async (context) => {
    begin()
    await held
    return context.text('here')
  })
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const server = await listen({ host: '127.0.0.1', port: 0, tls: undefined }, app, log, 'steps')
  const { port } = server.address() as AddressInfo
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const ask = () =>
    new Promise<unknown[]>((resolve, reject) => {
      get({ host: '127.0.0.1', port, agent }, (answer) => {
        answer.resume()
        answer.once('end', () => resolve([answer.statusCode, answer.headers.connection]))
      }).once('error', reject)
    })
  const answered = ask()
  await begun
  const closed = closeServer(server)
  release()
  assert.deepEqual(await answered, [200, 'keep-alive'])
  assert.deepEqual(await ask(), [200, 'close'])
  await closed
  agent.destroy()
})

test('a door › that closes cuts off a caller who never comes to an end', async () => {
  const app = new Hono()
  const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
  app.get('/', async () => {
    begin()
    return new Promise<Response>(() => undefined)
  })
  const log = { info: () => undefined, warn: () => undefined, error: () => undefined }
  const server = await listen({ host: '127.0.0.1', port: 0, tls: undefined }, app, log, 'steps')
  const { port } = server.address() as AddressInfo
  const cut = new Promise<NodeJS.ErrnoException>((resolve) => {
    get({ host: '127.0.0.1', port }).once('error', resolve)
  })
  await begun
  await closeServer(server, 1)
  assert.equal((await cut).code, 'ECONNRESET')
})
