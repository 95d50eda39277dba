// The signing keys of the trust service: whether the one that signs is near its end, or past it, and
// whether another is there to follow (docs/keys.md). Pure.
import type { KeysAnswer } from './admin-api.ts'
import { foundAt, type ReviewFinding } from './review-rules.ts'

/** Days before its rotation in which a key without a successor is told: a review comes once a month. */
export const keyNoticeDays = 14

const dayMs = 24 * 60 * 60 * 1000

/** What is to be said of the keys; a sentence instead of them says why they are not known. */
export function reviewKeys(keys: KeysAnswer | string, now: Date): ReviewFinding[] {
  if (typeof keys === 'string') return [foundAt('review_key_unchecked', [], keys)]
  const active = keys.keys.find(({ state }) => state === 'active')
  if (!active) return [foundAt('review_key_due', [], 'The trust service has no key that signs.')]
  const { kid, rotatesAt } = active
  const dueAt = rotatesAt === undefined ? Infinity : Date.parse(rotatesAt)
  if (now.getTime() >= dueAt) {
    const message = `The signing key ${kid} was to be replaced on ${toDay(dueAt)}, and still signs.`
    return [foundAt('review_key_due', [], message)]
  }
  const hasNext = keys.keys.some(({ state }) => state === 'next')
  if (hasNext || now.getTime() < dueAt - keyNoticeDays * dayMs) return []
  const message = `The signing key ${kid} is to be replaced on ${toDay(dueAt)}, and no next key is published.`
  return [foundAt('review_key_due', [], message)]
}

function toDay(time: number): string {
  return new Date(time).toISOString().slice(0, 10)
}
