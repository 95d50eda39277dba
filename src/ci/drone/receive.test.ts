// A request on its way in: headers, the whole body, and the bound on it.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { bodyLimitBytes, headersOf, readRequest } from './receive.ts'

const post = (pieces: Uint8Array[] | undefined, headers: Record<string, string> = {}) => {
  const rest = [...(pieces ?? [])]
  const pulled = { count: 0 }
  const body = new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        pulled.count += 1
        const piece = rest.shift()
        if (piece) controller.enqueue(piece)
        else controller.close()
      },
    },
    { highWaterMark: 0 },
  )
  const more = pieces ? ({ body, duplex: 'half' } as const) : {}
  const request = new Request('http://x.example/', { method: 'POST', headers, ...more })
  return { request, pulled }
}
const tooLarge = {
  code: 'ci_request_too_large',
  message: 'The request is larger than 4194304 bytes.',
}

test('request › is read whole, its headers in lower case', async () => {
  assert.equal(bodyLimitBytes, 4_194_304)
  const { request } = post([Buffer.from('ab'), Buffer.from('c')], { 'X-Some': 'Thing' })
  const { headers, body } = await readRequest(request)
  assert.equal(Buffer.from(body).toString(), 'abc')
  assert.deepEqual([...headers], [['x-some', 'Thing']])
  assert.deepEqual([...headersOf(request)], [['x-some', 'Thing']])
})

test('request › without a body has an empty one', async () => {
  assert.equal((await readRequest(post(undefined).request)).body.length, 0)
})

test('request › of exactly 4 MiB is read, in as many pieces as it comes', async () => {
  const half = Buffer.alloc(bodyLimitBytes / 2)
  const { request } = post([half, half], { 'content-length': String(bodyLimitBytes) })
  assert.equal((await readRequest(request)).body.length, bodyLimitBytes)
})

test('request › that says it is larger is refused before a byte is read', async () => {
  const { request, pulled } = post([Buffer.alloc(1)], {
    'content-length': String(bodyLimitBytes + 1),
  })
  await assert.rejects(readRequest(request), tooLarge)
  assert.equal(pulled.count, 0)
})

test('request › that is larger than it says is refused at the first byte too many', async () => {
  const { request, pulled } = post([Buffer.alloc(bodyLimitBytes), Buffer.alloc(1), Buffer.alloc(1)])
  await assert.rejects(readRequest(request), tooLarge)
  assert.equal(pulled.count, 2)
})
