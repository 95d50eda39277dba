// Trying again, once for all rooms that talk to a network: how often, how long to wait in between,
// and that a server's Retry-After wins (facts/transfer.md §8 "Retry").

/** Waits; ends early, without an error, when the signal aborts. */
export type Sleep = (milliseconds: number, signal?: AbortSignal) => Promise<void>

/** What retrying needs: a way to wait and a number in [0, 1) for jitter. */
export type RetryDeps = { sleep: Sleep; random: () => number; signal?: AbortSignal }

/** Waits between tries in milliseconds; there is one try more than waits. */
export type RetryDelays = readonly number[]

/** Waits of a storage call: six tries in all. */
export const storageDelaysMs: RetryDelays = [200, 800, 2_000, 5_000, 10_000]

/** Waits of a token call: three tries in all. */
export const tokenDelaysMs: RetryDelays = [300, 1_500]

/** Says whether a failure is worth another try, and when the other side named a time. */
export type Verdict = { again: boolean; afterMs?: number }

/** Calls `attempt` until it succeeds, the judge says no, the tries are used up or the signal aborts. */
export async function retry<T>(
  deps: RetryDeps,
  delaysMs: RetryDelays,
  attempt: (tryNumber: number) => Promise<T>,
  judge: (error: unknown, tryNumber: number) => Verdict,
): Promise<T> {
  for (let tryNumber = 0; ; tryNumber++) {
    try {
      return await attempt(tryNumber)
    } catch (error) {
      const verdict = judge(error, tryNumber)
      if (!(await waitToRetry(deps, delaysMs[tryNumber], verdict))) throw error
    }
  }
}

/** Waits for the next try, `delayMs` or what the other side named; false when there is to be none. */
export async function waitToRetry(
  { sleep, random, signal }: RetryDeps,
  delayMs: number | undefined,
  { again, afterMs }: Verdict,
): Promise<boolean> {
  if (!again || delayMs === undefined || signal?.aborted) return false
  await sleep(afterMs ?? delayMs * (0.8 + 0.4 * random()), signal)
  return !signal?.aborted
}

/** Milliseconds of a Retry-After header (seconds or a date), at most a minute; undefined if absent. */
export function parseRetryAfterMs(header: string | undefined, now: Date): number | undefined {
  if (header === undefined) return undefined
  const text = header.trim()
  const waitMs = /^\d{1,9}$/.test(text) ? Number(text) * 1000 : Date.parse(text) - now.getTime()
  return Number.isFinite(waitMs) ? Math.min(Math.max(waitMs, 0), 60_000) : undefined
}
