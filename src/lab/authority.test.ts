import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { test } from 'node:test'

import { createAuthority } from './authority.ts'
import { send } from './issuer.fixture.ts'
import { listenTls } from './listen.ts'

test('authority › issues certificates that clients with its CA accept, by name and by address', async () => {
  const authority = await createAuthority()
  const server = await listenTls({ authority }, (_, response) => void response.end('hello'))
  try {
    for (const base of [server.url, server.url.replace('localhost', '127.0.0.1')]) {
      assert.equal((await send(authority.caPem, base, { path: '/' })).text, 'hello')
    }
  } finally {
    await server.close()
  }
})

test('authority › is not trusted by a client that knows another authority', async () => {
  const authority = await createAuthority()
  const other = await createAuthority()
  const server = await listenTls({ authority }, (_, response) => void response.end('hello'))
  try {
    await assert.rejects(send(other.caPem, server.url, { path: '/' }), /certificate/)
  } finally {
    await server.close()
  }
})

test('authority › gives a chain whose CA may sign and whose leaf may only serve', async () => {
  const authority = await createAuthority()
  const { certPem } = await authority.issue(['blob.test', '127.0.0.1'])
  const leaf = new X509Certificate(certPem)
  const ca = new X509Certificate(authority.caPem)
  assert.ok(certPem.endsWith(authority.caPem))
  assert.equal(ca.ca, true)
  assert.equal(leaf.ca, false)
  assert.ok(leaf.checkIssued(ca) && leaf.verify(ca.publicKey))
  assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1'])
  assert.equal(leaf.checkHost('blob.test'), 'blob.test')
  assert.equal(leaf.checkHost('other.test'), undefined)
})

test('authority › refuses a certificate for nobody', async () => {
  const authority = await createAuthority()
  await assert.rejects(authority.issue([]), RangeError)
})
