// The service is restarted again and again while steps exchange their request tokens: none may fail.
import assert from 'node:assert/strict'
import { resolve } from 'node:path'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'

import { Secret } from '../../src/core/secret.ts'
import { fetchToken } from '../../src/demo/step.ts'
import { names, startTrustService } from '../../src/demo/trust-service.ts'
import { openHttp } from '../../src/http/open.ts'
import { requestIdToken } from '../../src/plugin/id-token.ts'
import { sendToService } from '../../src/plugin/identity.ts'
import { parseRequestToken } from '../../src/plugin/request-token.ts'
import { useInstallation } from './lab.ts'

const e2e = useInstallation()

const steps = 8
const restarts = 3

test('steps that exchange while the service is restarted all get their ID token', async (t) => {
  const lab = e2e.lab()
  const ending = new AbortController()
  const http = openHttp({ maxConnections: steps })
  t.after(() => http.close())
  let [waits, longestMs] = [0, 0]
  const exchanges: string[] = []
  // What the plugin does, with its own client: pinned, a new connection each time.
  const exchange = async (bearer: string): Promise<void> => {
    const token = parseRequestToken(new Secret(bearer))
    const deps = {
      send: sendToService({ send: http.send, openHttp }, token),
      now: () => new Date(),
      random: Math.random,
      sleep: async (ms: number) => {
        waits += 1
        await wait(ms)
      },
      userAgent: 'restart-test',
    }
    const startedAt = performance.now()
    const { value } = await requestIdToken(deps, token, names.audience)
    longestMs = Math.max(longestMs, performance.now() - startedAt)
    exchanges.push(value.reveal())
  }
  const tokens = await Promise.all(
    Array.from({ length: steps }, async () => {
      const { token } = await fetchToken(lab, await e2e.newBuild())
      return token
    }),
  )
  const working = Promise.all(
    tokens.map(async (token) => {
      while (!ending.signal.aborted) {
        await exchange(token)
        // A step asks once, and others come: far from the limits for one address.
        await wait(50)
      }
    }),
  )
  const command = [process.execPath, resolve('dist/service.mjs')]
  let service = lab.service
  t.after(() => service.stop())
  const restarting = (async () => {
    for (let count = 0; count < restarts; count += 1) {
      // In full swing again, so that every restart meets exchanges under way.
      const enough = exchanges.length + 5 * steps
      while (exchanges.length < enough) await Promise.race([working, wait(20)])
      await service.stop()
      service = await startTrustService(lab, command, lab.app)
    }
  })().finally(() => ending.abort())
  // A failed exchange ends the test with what it met.
  await Promise.all([working, restarting])
  assert.equal(new Set(exchanges).size, exchanges.length, 'every ID token is another one')
  assert.ok(exchanges.length >= 5 * steps * restarts)
  assert.ok(waits > 0, 'no exchange met the restarts: nothing was tried')
  t.diagnostic(
    `${exchanges.length} exchanges over ${restarts} restarts, 0 failed, ${waits} tries again, longest ${Math.round(longestMs)} ms`,
  )
})
