// An answer that is kept for some seconds: who looks from page to page need not have everything counted
// again for each.
import type { Clock } from '../core/time.ts'

/** Asks again only when the last answer is older than this; one that failed is not kept. */
export function keepRecent<Value>(
  { now }: { now: Clock },
  ask: () => Promise<Value>,
  seconds: number,
): () => Promise<Value> {
  let kept: { until: number; answer: Promise<Value> } | undefined
  return () => {
    const at = now().getTime()
    if (kept && at < kept.until) return kept.answer
    const answer = ask()
    const mine = { until: at + seconds * 1000, answer }
    kept = mine
    answer.catch(() => {
      if (kept === mine) kept = undefined
    })
    return answer
  }
}
