// What can be used once, or no more: one-time links and ended sessions. Kept like request tokens, by
// hash and until they expire, so that every replica knows.
import { sha256Hex } from '../core/digest.ts'
import type { Clock } from '../core/time.ts'
import type { Store } from '../store/store.ts'

/** The list of what is spent. */
export type Spent = {
  /** Spends an id; false when it was spent before. Throws store_unavailable. */
  spend: (id: string, expiresAt: Date) => Promise<boolean>
  isSpent: (id: string) => Promise<boolean>
}

/** The list that a store keeps. */
export function createSpent({
  now,
  store,
}: {
  now: Clock
  store: Pick<Store, 'addRequestToken' | 'findRequestToken'>
}): Spent {
  // No bearer token has a line break in it, so none can have this hash.
  const hashOf = (id: string) => sha256Hex(`spent at the dashboard\n${id}`)
  return {
    spend: (id, expiresAt) =>
      store.addRequestToken({
        tokenHash: hashOf(id),
        // No CI server has a name with a blank in it.
        instance: 'the dashboard',
        buildId: 0,
        payload: '{}',
        issuedAt: now(),
        expiresAt,
      }),
    isSpent: async (id) => (await store.findRequestToken(hashOf(id))) !== undefined,
  }
}
