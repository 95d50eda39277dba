import assert from 'node:assert/strict'
import { request as httpsRequest } from 'node:https'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'

import { send } from './issuer.fixture.ts'
import { listenTls } from './listen.ts'
import { answerRefusal, StorageRefusal } from './storage-errors.ts'
import { createForwarder } from './storage-forward.ts'
import { account, startStorageKit, type StorageKit } from './storage.fixture.ts'

const mebibyte = 1024 * 1024
const sizeBytes = 256 * mebibyte

let kit: StorageKit

describe('storage streams', () => {
  before(async () => {
    kit = await startStorageKit()
  })
  after(() => kit.close())

  // Client and front share this process, so its memory bounds what either of them holds.
  test('256 MiB pass up and down without being held in memory', async () => {
    const token = await kit.entraKit.entra.mintOwnerToken()
    let peakBytes = 0
    const startBytes = process.memoryUsage().rss
    const timer = setInterval(() => {
      peakBytes = Math.max(peakBytes, process.memoryUsage().rss)
    }, 20)
    try {
      assert.equal(await transfer(token, 'PUT'), 0)
      assert.equal(await transfer(token, 'GET'), sizeBytes)
    } finally {
      clearInterval(timer)
    }
    const grownMebibytes = (peakBytes - startBytes) / mebibyte
    assert.ok(grownMebibytes < 128, `memory grew by ${grownMebibytes.toFixed()} MiB`)
    const [up, down] = kit.storage.calls
    assert.deepEqual([up?.requestBytes, down?.responseBytes], [sizeBytes, sizeBytes])
  })

  test('an upload that breaks off leaves no blob', async () => {
    const token = await kit.entraKit.entra.mintOwnerToken()
    const { hostname, port } = new URL(kit.storage.url)
    const path = `/${account}/files/broken`
    const headers = { authorization: `Bearer ${token}`, 'x-ms-version': '2025-11-05' }
    const request = httpsRequest({
      ca: kit.entraKit.authority.caPem,
      agent: false,
      hostname,
      port,
      method: 'PUT',
      path,
      headers: { ...headers, 'x-ms-blob-type': 'BlockBlob', 'content-length': mebibyte },
    })
    request.write(Buffer.alloc(mebibyte / 2))
    await sleep(200)
    const closed = new Promise((resolve) => request.once('close', resolve))
    request.once('error', () => {}) // our own hanging up
    request.destroy()
    await closed
    await sleep(200)
    assert.equal((await kit.call(token, { path: '/files/broken' })).status, 404)
  })

  test('a service that is gone is answered with 500, not with silence', async () => {
    const { authority, time } = kit.entraKit
    const forwarder = createForwarder(authority, { host: '127.0.0.1', port: 1 })
    const watcher = { onAnswer() {}, onRequestBytes() {}, onResponseBytes() {} }
    const context = { now: time, requestId: 'id', tenantId: 'tenant' }
    const front = await listenTls({ authority }, (request, response) => {
      forwarder.forward(request, response, watcher).catch((error: unknown) => {
        assert.ok(error instanceof StorageRefusal)
        answerRefusal(context, request, response, error)
      })
    })
    const call = { method: 'PUT', path: '/a/b/c', body: 'x'.repeat(mebibyte) }
    const answer = await send(authority.caPem, front.url, call)
    await front.close()
    assert.deepEqual([answer.status, answer.headers['x-ms-error-code']], [500, 'InternalError'])
  })

  async function transfer(token: string, method: 'PUT' | 'GET'): Promise<number> {
    const { hostname, port } = new URL(kit.storage.url)
    const request = httpsRequest({
      ca: kit.entraKit.authority.caPem,
      agent: false,
      hostname,
      port,
      method,
      path: `/${account}/files/large`,
      headers: {
        authorization: `Bearer ${token}`,
        'x-ms-version': '2025-11-05',
        ...(method === 'PUT' && { 'x-ms-blob-type': 'BlockBlob', 'content-length': sizeBytes }),
      },
    })
    const answered = new Promise<number>((resolve, reject) => {
      let received = 0
      request.once('error', reject)
      request.once('response', (response) => {
        response.on('data', (chunk: Buffer) => void (received += chunk.length))
        response.once('end', () => {
          if ((response.statusCode ?? 500) < 300) resolve(received)
          else reject(new Error(`answered ${response.statusCode}`))
        })
      })
    })
    const chunk = Buffer.alloc(64 * 1024, 'x')
    const chunks =
      method === 'PUT' ? Array.from({ length: sizeBytes / chunk.length }, () => chunk) : []
    await pipeline(Readable.from(chunks), request)
    return answered
  }
})
