// One access token for a whole run, renewed before it ends: a long upload outlives a token, and
// every renewal asks the trust service for a fresh ID token, which is refused once the build is over.
import { Fault } from '../core/fault.ts'
import type { Secret } from '../core/secret.ts'
import type { Clock } from '../core/time.ts'
import type { AccessToken } from './entra.ts'

/** Gives a usable access token at any time. */
export type TokenSource = {
  /** The token to send now; renewed first when it is close to its end. */
  get: () => Promise<Secret>
  /** Another token than `stale`, which storage has just refused. */
  refresh: (stale: Secret) => Promise<Secret>
}

const renewBeforeMs = 5 * 60_000

/** A cache over `acquire` (ID token, then exchange) that runs at most one acquisition at a time. */
export function createTokenSource({
  acquire,
  now,
}: {
  acquire: () => Promise<AccessToken>
  now: Clock
}): TokenSource {
  let current: (AccessToken & { renewAt: number }) | undefined
  let underway: Promise<Secret> | undefined

  const renew = () => {
    underway ??= acquireNew().finally(() => {
      underway = undefined
    })
    return underway
  }
  const acquireNew = async () => {
    const startedAt = now().getTime()
    const fresh = await acquire()
    const lifetimeMs = fresh.expiresAt.getTime() - startedAt
    const marginMs = Math.min(renewBeforeMs, lifetimeMs / 5)
    current = { ...fresh, renewAt: fresh.expiresAt.getTime() - marginMs }
    return fresh.token
  }
  const isAlive = (token: AccessToken) => token.expiresAt.getTime() > now().getTime()

  return {
    get: async () => {
      const held = current
      if (held && now().getTime() < held.renewAt) return held.token
      try {
        return await renew()
      } catch (error) {
        // Trouble on the way to a new token is no reason to drop a good one.
        if (held && isAlive(held) && error instanceof Fault && error.isRetryable) return held.token
        throw error
      }
    },
    refresh: async (stale) => {
      if (current && current.token !== stale) return current.token
      return renew()
    },
  }
}
