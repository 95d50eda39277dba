// Microsoft's own Graph client, unmodified, against the lab's Graph: its shapes are theirs.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { request as httpsRequest } from 'node:https'
import { after, before, describe, test } from 'node:test'

import { Client, GraphError, PageIterator } from '@microsoft/microsoft-graph-client'

import { type AzureKit, startAzureKit } from '../azure.fixture.ts'

let kit: AzureKit

describe('graph client', () => {
  before(async () => {
    kit = await startAzureKit()
  })
  after(() => kit.close())

  // Its last middleware is replaced by one that trusts the lab's authority: fetch cannot be told to.
  function openClient(): Client {
    const { graph, administrator, authority } = kit.azure
    return Client.initWithMiddleware({
      baseUrl: graph.url,
      customHosts: new Set(['localhost']),
      middleware: {
        async execute(context) {
          const { method = 'GET', body, headers } = context.options ?? {}
          const token = await administrator.graphToken()
          context.response = await send(authority.caPem, String(context.request), {
            method,
            headers: {
              ...Object.fromEntries(new Headers(headers)),
              authorization: `Bearer ${token}`,
            },
            ...(typeof body === 'string' && { body }),
          })
        },
      },
    })
  }

  test('makes an application, its principal and credentials, and pages through them', async () => {
    const client = openClient()
    const app = (await client.api('/applications').post({ displayName: 'sdk' })) as {
      id: string
      appId: string
    }
    await client.api('/servicePrincipals').post({ appId: app.appId })
    const path = `/applications/${app.id}/federatedIdentityCredentials`
    for (const name of ['one', 'two', 'three']) {
      await client
        .api(`${path}(name='${name}')`)
        .header('Prefer', 'create-if-missing')
        .patch({
          issuer: kit.issuer.url,
          subject: `repo:${name}`,
          audiences: ['api://AzureADTokenExchange'],
        })
    }
    kit.azure.graph.settings.pageSize = 2
    const found: string[] = []
    const iterator = new PageIterator(
      client,
      await client.api(path).get(),
      (each: { name: string }) => {
        found.push(each.name)
        return true
      },
    )
    await iterator.iterate()
    kit.azure.graph.settings.pageSize = 100
    assert.deepEqual(found, ['one', 'two', 'three'])
    assert.equal((await kit.exchange(app.appId, { sub: 'repo:two' })).status, 200)
  })

  test('reads the code of an error', async () => {
    const failed = openClient().api("/applications(appId='none')").get()
    await assert.rejects(failed, (error) => {
      assert.ok(error instanceof GraphError)
      assert.deepEqual([error.statusCode, error.code], [404, 'Request_ResourceNotFound'])
      return true
    })
  })
})

async function send(
  ca: string,
  url: string,
  call: { method: string; headers: Record<string, string>; body?: string },
): Promise<Response> {
  const { method, headers, body } = call
  const request = httpsRequest(url, { ca, agent: false, method, headers })
  request.end(body)
  const [answer] = (await once(request, 'response')) as [import('node:http').IncomingMessage]
  const pieces: Buffer[] = []
  for await (const piece of answer as AsyncIterable<Buffer>) pieces.push(piece)
  const status = answer.statusCode ?? 0
  const type = answer.headers['content-type']
  return new Response(status === 204 ? null : Buffer.concat(pieces), {
    status,
    headers: type === undefined ? {} : { 'content-type': type },
  })
}
