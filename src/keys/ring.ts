// The key ring: which keys there are, in what state, and since when the world can read them. Pure;
// the keys themselves are in the key file (facts/federation.md §5, the rotation runbook).

/** Next, active and retired keys are published; revoked and removed ones are remembered, no more. */
export type KeyState = 'next' | 'active' | 'retired' | 'revoked' | 'removed'

/** One key by its `kid` (RFC 7638 thumbprint) and what happened to it. */
export type RingKey = {
  kid: string
  state: KeyState
  createdAt: Date
  /** Since when every look at the public URL has found it there; absent when the last one did not. */
  servedSince?: Date
  /** When it was last seen there; moves in steps of ten minutes, so that not every look is a write. */
  lastServedAt?: Date
  activatedAt?: Date
  retiredAt?: Date
  /** When it was revoked or removed. */
  endedAt?: Date
}

/** All keys; exactly one is active and at most one is next, once there is any. */
export type Ring = readonly RingKey[]

/** How long things take, in seconds. */
export type RotationRules = {
  /** Age at which the active key gives way to the next. */
  rotateAfterSeconds: number
  /** How long the public URL must have served a key before it signs. */
  ripeAfterSeconds: number
  /** Unobserved time after which the count towards ripeness begins anew. */
  longestGapSeconds: number
  /** The longest life of a token: how long a retired key is needed by those who cache nothing. */
  longestTokenSeconds: number
}

const day = 24 * 3600

/** Keys turn over every 90 days; nothing a relying party caches is expected to live longer than a day. */
export const defaultRules: RotationRules = {
  rotateAfterSeconds: 90 * day,
  ripeAfterSeconds: day,
  longestGapSeconds: 3600,
  longestTokenSeconds: 600,
}

/** The key that signs; undefined only while the ring is empty. */
export function activeKey(ring: Ring): RingKey | undefined {
  return ring.find((key) => key.state === 'active')
}

/** The key that will sign next, if it is made already. */
export function nextKey(ring: Ring): RingKey | undefined {
  return ring.find((key) => key.state === 'next')
}

const publishedOrder: readonly KeyState[] = ['active', 'next', 'retired']

/** What a key set holds, the active key first (Ceph looks at no other), then the next, then the newest retired. */
export function publishedKeys(ring: Ring): readonly RingKey[] {
  const newestFirst = (one: RingKey, other: RingKey) =>
    (other.retiredAt?.getTime() ?? 0) - (one.retiredAt?.getTime() ?? 0)
  return publishedOrder.flatMap((state) =>
    ring.filter((key) => key.state === state).toSorted(newestFirst),
  )
}

/** The moment from which a key may sign if nothing interrupts; undefined while nobody serves it. */
export function ripeAt(rules: RotationRules, key: RingKey): Date | undefined {
  return key.servedSince && after(key.servedSince, rules.ripeAfterSeconds)
}

/** Whether a key may sign now: served for long enough, and seen lately. */
export function isRipe(rules: RotationRules, key: RingKey, now: Date): boolean {
  const from = ripeAt(rules, key)
  if (from === undefined || key.lastServedAt === undefined) return false
  return from <= now && secondsBetween(key.lastServedAt, now) <= rules.longestGapSeconds
}

/** When the next key has to be made so that it is ripe when the active one is due. */
export function prepareAt(rules: RotationRules, active: RingKey): Date {
  // An hour more than ripening takes: somebody has to publish it first.
  const ahead = Math.min(rules.ripeAfterSeconds + 3600, rules.rotateAfterSeconds)
  return after(bornAt(active), rules.rotateAfterSeconds - ahead)
}

/** When a retired key may go: its last token is over, and so is everything a party may cache. */
export function removableAt(rules: RotationRules, key: RingKey): Date {
  const since = key.retiredAt ?? key.createdAt
  return after(since, rules.longestTokenSeconds + rules.ripeAfterSeconds)
}

const patienceSeconds = 3 * day

/** Since when rotation is overdue; undefined while it is not. A ring just taken over gets three days. */
export function overdueSince(rules: RotationRules, ring: Ring, now: Date): Date | undefined {
  const active = activeKey(ring)
  if (!active) return undefined
  const due = after(bornAt(active), rules.rotateAfterSeconds)
  const prepared = nextKey(ring)?.createdAt
  const from = prepared !== undefined && prepared > due ? prepared : due
  const since = after(from, patienceSeconds)
  return since < now ? since : undefined
}

/** A moment some seconds later. */
export function after(date: Date, seconds: number): Date {
  return new Date(date.getTime() + seconds * 1000)
}

/** Seconds from one moment to a later one; negative when it is earlier. */
export function secondsBetween(from: Date, to: Date): number {
  return (to.getTime() - from.getTime()) / 1000
}

function bornAt(key: RingKey): Date {
  return key.activatedAt ?? key.createdAt
}
