// Token buckets: a burst at once, then so many a minute. Callers with a valid token have a bucket of
// their own; everybody else shares that of the address they come from, so that no stranger can use
// up what a runner needs. Memory is bounded.
import type { RateLimit } from '../config/service-config.ts'
import { Fault } from '../core/fault.ts'

/** Takes one call of a key's share; throws issuer_rate_limited with `retryAfterSeconds` in its details. */
export type RateLimiter = { take: (key: string) => void }

const maxBuckets = 10_000

type Bucket = { left: number; at: number }

/** A limiter that forgets the key it has not heard of for the longest time when there are too many. */
export function createRateLimiter(
  { now }: { now: () => Date },
  { burst, perMinute }: RateLimit,
): RateLimiter {
  const buckets = new Map<string, Bucket>()
  return {
    take: (key) => {
      const at = now().getTime()
      const known = buckets.get(key) ?? { left: burst, at }
      // A clock that is set back gives nothing, and takes nothing away.
      const refill = (Math.max(0, at - known.at) * perMinute) / 60_000
      const left = Math.min(burst, known.left + refill)
      buckets.delete(key)
      buckets.set(key, { left: left >= 1 ? left - 1 : left, at })
      const [oldest] = buckets.keys()
      if (buckets.size > maxBuckets && oldest !== undefined) buckets.delete(oldest)
      if (left >= 1) return
      const retryAfterSeconds = Math.max(1, Math.ceil(((1 - left) * 60) / perMinute))
      throw new Fault(
        'issuer_rate_limited',
        `Too many requests; the next is served in ${retryAfterSeconds} second(s).`,
        { details: { retryAfterSeconds } },
      )
    },
  }
}

type NodeBindings = { incoming?: { socket?: { remoteAddress?: string } } }

/** The bucket of a caller nobody knows: the peer of the connection, never what a header says. */
export function strangerKey(env: unknown): string {
  const address = (env as NodeBindings | undefined)?.incoming?.socket?.remoteAddress ?? 'unknown'
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '')
  return plain.includes(':') ? networkOf(plain) : plain
}

// Whoever has one IPv6 address has 2^64 of them.
function networkOf(address: string): string {
  const [head = '', tail] = address.split('::')
  const front = head === '' ? [] : head.split(':')
  const back = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : 8 - front.length - back.length
  return [...front, ...Array<string>(Math.max(0, zeros)).fill('0'), ...back].slice(0, 4).join(':')
}
