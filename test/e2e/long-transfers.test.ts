// Storage tokens that live for seconds: the step asserts its identity again as often as it must.
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'

import { uploadAll, useInstallation } from './lab.ts'

const e2e = useInstallation({ accessTokenLifetimeSeconds: 2 })

test('an upload that outlives its storage token renews it and ends well', async () => {
  const lab = e2e.lab()
  const files = Object.fromEntries(
    Array.from({ length: 40 }, (_, index) => [`file-${index}.bin`, randomBytes(64 * 1024)]),
  )
  // Busy answers stretch the transfer over more than one life of a token.
  lab.storage.failNext({ count: 3, status: 503, code: 'ServerBusy', retryAfterSeconds: 3 })
  const finished = await e2e.step(
    await e2e.newBuild(),
    { ...uploadAll('octo/hello/long'), concurrency: '1' },
    e2e.workspace(files),
  )
  assert.equal(finished.exitCode, 0, finished.output)
  const good = lab.entra.exchanges.filter(({ resultCode }) => resultCode === 0)
  assert.ok(good.length >= 2, `the step exchanged ${good.length} times`)
  assert.equal(
    new Set(good.map(({ jti }) => jti)).size,
    good.length,
    'each with an ID token of its own',
  )
})
