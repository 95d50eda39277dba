// Whether the service can do its work at all: its ledger answers and a key is there to sign with.
import { Hono } from 'hono'

import { messageOf } from '../core/fault.ts'
import type { Signer } from '../keys/signer.ts'
import type { Store } from '../store/store.ts'

/** Answers 200 when tokens can be issued and 503 with the reason when not. */
export function createHealthApp(deps: { store: Store; signer: Signer; version: string }): Hono {
  const app = new Hono()
  app.get('/healthz', async (context) => {
    try {
      await deps.store.readLedger(1, 1)
      const keys = deps.signer.publicKeys().length
      return context.json({ status: 'ok', version: deps.version, keys })
    } catch (error) {
      return context.json({ status: 'failing', reason: messageOf(error) }, 503)
    }
  })
  return app
}
