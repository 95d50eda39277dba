// Health for machines: `/healthz` says whether the process can work at all, `/readyz` whether what it
// issues would be accepted: keys the world can read, rotated in time, and a ledger that can be written.
import { Hono } from 'hono'

import { messageOf } from '../core/fault.ts'
import type { Signer } from '../keys/signer.ts'
import type { Store } from '../store/store.ts'
import type { KeyKeeper } from './freshness.ts'
import type { PolicyState } from './policy-source.ts'

/** Answers 200 when all is well and 503 with the reasons when not; without a keeper, keys are not judged. */
export function createHealthApp(deps: {
  store: Store
  signer: Signer
  version: string
  keeper?: Pick<KeyKeeper, 'reasons'>
  policy?: () => PolicyState
}): Hono {
  const { store, signer, version, keeper, policy } = deps
  const app = new Hono()
  app.get('/healthz', async (context) => {
    try {
      await store.readLedger(1, 1)
      const state = policy && { policy: policy() }
      return context.json({ status: 'ok', version, keys: signer.publicKeys().length, ...state })
    } catch (error) {
      return context.json({ status: 'failing', reason: messageOf(error) }, 503)
    }
  })
  app.get('/readyz', async (context) => {
    const ledger = await ledgerTrouble(store)
    const reasons = [...ledger, ...(keeper?.reasons() ?? [])]
    const [active] = signer.publicKeys()
    return reasons.length === 0
      ? context.json({ status: 'ready', version, kid: active?.kid })
      : context.json({ status: 'unready', version, reasons }, 503)
  })
  return app
}

// Appends nothing, but takes the lock and reads the end of the chain as an append would.
async function ledgerTrouble(store: Store): Promise<string[]> {
  try {
    await store.appendLedger(() => [])
    return []
  } catch (error) {
    return [`The ledger cannot be written: ${messageOf(error)}`]
  }
}
