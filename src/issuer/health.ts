// Health for machines: `/healthz` says whether the process can work at all, `/readyz` whether what it
// issues would be accepted: keys the world can read, rotated in time, and a ledger that can be written.
import { Hono } from 'hono'

import type { OpenLedger } from '../audit/ledger.ts'
import { messageOf } from '../core/fault.ts'
import type { Signer } from '../keys/signer.ts'
import type { Store } from '../store/store.ts'
import type { Reviews } from './admin-reviews.ts'
import type { KeyKeeper } from './freshness.ts'
import type { PolicyState } from './policy-source.ts'

/** Answers 200 when all is well and 503 with the reasons when not; without a keeper, keys are not judged. */
export function createHealthApp(deps: {
  store: Pick<Store, 'listChains'>
  ledger: Pick<OpenLedger, 'check'>
  signer: Signer
  version: string
  keeper?: Pick<KeyKeeper, 'reasons'>
  policy?: () => PolicyState
  reviews?: Pick<Reviews, 'notes'>
}): Hono {
  const { store, ledger, signer, version, keeper, policy, reviews } = deps
  const app = new Hono()
  app.get('/healthz', async (context) => {
    try {
      await store.listChains()
      const state = policy && { policy: policy() }
      return context.json({ status: 'ok', version, keys: signer.publicKeys().length, ...state })
    } catch (error) {
      return context.json({ status: 'failing', reason: messageOf(error) }, 503)
    }
  })
  app.get('/readyz', async (context) => {
    const reasons = [...(await ledgerTrouble(ledger)), ...(keeper?.reasons() ?? [])]
    const [active] = signer.publicKeys()
    // What a person should see to, and no load balancer.
    const notes = reviews?.notes() ?? []
    const more = notes.length > 0 ? { notes } : {}
    return reasons.length === 0
      ? context.json({ status: 'ready', version, kid: active?.kid, ...more })
      : context.json({ status: 'unready', version, reasons, ...more }, 503)
  })
  return app
}

async function ledgerTrouble(ledger: Pick<OpenLedger, 'check'>): Promise<string[]> {
  try {
    await ledger.check()
    return []
  } catch (error) {
    return [messageOf(error)]
  }
}
