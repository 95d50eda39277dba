// The newest verification of the ledger that this process made, and another when somebody asks: one at a
// time, because it reads every record.
import { Fault, messageOf } from '../core/fault.ts'
import type { Clock } from '../core/time.ts'
import type { LedgerChain } from '../store/store.ts'
import type { Sources, Verification } from './sources.ts'

/** Keeps the newest verification; `verify` reads all chains and throws audit_chain_broken. */
export function createVerification(
  deps: { now: Clock; verify: () => Promise<{ chains: readonly LedgerChain[] }> },
  first: Verification | undefined,
): Sources['verification'] {
  let last = first
  let running: Promise<Verification> | undefined
  const run = async (): Promise<Verification> => {
    try {
      const { chains } = await deps.verify()
      last = { at: deps.now(), chains }
    } catch (error) {
      if (!(error instanceof Fault) || error.exitCode !== 6) throw error
      last = { at: deps.now(), chains: [], trouble: messageOf(error) }
    }
    return last
  }
  return {
    last: () => last,
    run: async () => {
      running ??= run()
      try {
        return await running
      } finally {
        running = undefined
      }
    },
  }
}
