// The connection that is opened before anybody asks for it.
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'

import { failureOf, withServer } from '../contract.fixture.ts'
import type { HttpClient } from '../http.ts'
import { createLeanHttp } from './lean.ts'

describe('a connection opened ahead', () => {
  const connectionsAfter = async (use: (client: HttpClient, origin: URL) => Promise<void>) => {
    const sockets = new Set<unknown>()
    const client = createLeanHttp({ maxConnections: 4 })
    await withServer(
      { open: createLeanHttp },
      (request, response) => {
        sockets.add(request.socket)
        response.end()
      },
      async ({ origin }) => {
        await use(client, origin)
        client.close()
      },
    )
    return sockets.size
  }
  const get = (client: HttpClient, origin: URL) =>
    client.send({ method: 'GET', origin, path: '/', headers: {} })
  const never = new AbortController().signal

  it('sends the first request over the connection that was opened ahead', async () => {
    const count = await connectionsAfter(async (client, origin) => {
      client.warm(origin, never)
      client.warm(origin, never)
      assert.equal((await get(client, origin)).status, 200)
      client.warm(origin, never)
      assert.equal((await get(client, origin)).status, 200)
    })
    assert.equal(count, 1)
  })

  it('opens more beside the one ahead when more is asked at once', async () => {
    const count = await connectionsAfter(async (client, origin) => {
      client.warm(origin, never)
      await Promise.all([1, 2, 3].map(() => get(client, origin)))
    })
    assert.equal(count, 3)
  })

  it('tells the request what went wrong with the connection ahead, and is free after an abort', async () => {
    const client = createLeanHttp({ maxConnections: 1 })
    const nobody = new URL('http://127.0.0.1:1')
    client.warm(nobody, never)
    const failure = await failureOf(get(client, nobody))
    assert.equal(failure.code, 'ECONNREFUSED')
    client.warm(nobody, AbortSignal.abort())
    await turn()
    assert.equal((await failureOf(get(client, nobody))).code, 'ECONNREFUSED')
  })
})
