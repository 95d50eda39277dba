// The life of keys as a pure state machine: next → active → retired → removed, and revoked for
// emergencies. A key signs only after the public URL has served it for a day, with two exceptions:
// the very first key, and an emergency (DESIGN §5.7).
import {
  activeKey,
  after,
  isRipe,
  nextKey,
  prepareAt,
  removableAt,
  ripeAt,
  secondsBetween,
  type Ring,
  type RingKey,
  type RotationRules,
} from './ring.ts'

/** What a person may order. */
export type RotationCommand =
  | { kind: 'prepare' }
  | { kind: 'activate'; isEmergency: boolean }
  | { kind: 'revoke'; kid: string }

/** A successful look at the public URL: the kids that every issuer served at that moment. */
export type Observation = { at: Date; served: ReadonlySet<string> }

/** One thing that happened to a key. */
export type KeyEvent = {
  what: 'created' | 'published' | 'activated' | 'retired' | 'removed' | 'revoked'
  kid: string
  /** One sentence on why, for the ledger. */
  why: string
}

/** Why an order was not carried out. */
export type RotationRefusal =
  | { kind: 'nothing-prepared' }
  | { kind: 'unripe'; kid: string; ripeAt: Date | undefined }
  | { kind: 'unknown-key'; kid: string }

/** What a step made of the ring. With `wantsKey` nothing was done: step again with a `freshKid`. */
export type RotationOutcome = {
  ring: Ring
  events: readonly KeyEvent[]
  refusal?: RotationRefusal
  wantsKey: boolean
}

/** What comes together in one step; without any of it only what is due by the clock is done. */
export type RotationInput = {
  observation?: Observation
  command?: RotationCommand
  /** The kid of a key made for this step, in case it needs one. */
  freshKid?: string
}

/** How long a revoked or removed key is remembered, so that a copy left in public can be named. */
export const rememberSeconds = 90 * 24 * 3600

const servedStepSeconds = 600

/** One step of the ring: the observation first, then the command, then what the clock says is due. */
export function stepRing(
  rules: RotationRules,
  ring: Ring,
  now: Date,
  input: RotationInput,
): RotationOutcome {
  const events: KeyEvent[] = []
  const fresh = { kid: input.freshKid, isWanted: false }
  const state: Step = {
    rules,
    now,
    events,
    fresh,
    ring: new Map(ring.map((key) => [key.kid, key])),
  }
  if (input.observation) observe(state, input.observation)
  const refusal = input.command && obey(state, input.command)
  keepSchedule(state)
  if (fresh.isWanted && input.freshKid === undefined) return { ring, events: [], wantsKey: true }
  return {
    ring: [...state.ring.values()],
    events,
    wantsKey: false,
    ...(refusal && { refusal }),
  }
}

type Step = {
  rules: RotationRules
  now: Date
  events: KeyEvent[]
  fresh: { kid: string | undefined; isWanted: boolean }
  ring: Map<string, RingKey>
}

function observe(state: Step, { at, served }: Observation): void {
  const { rules } = state
  for (const key of keysIn(state)) {
    const gap = key.lastServedAt ? secondsBetween(key.lastServedAt, at) : Infinity
    // Two processes look at different times; the older look says nothing new.
    if (gap < 0 || key.state === 'revoked' || key.state === 'removed') continue
    if (!served.has(key.kid)) {
      const { servedSince: _, ...unserved } = key
      put(state, unserved)
      continue
    }
    if (key.servedSince === undefined) {
      happened(state, key.kid, 'published', 'The public issuer URL serves it.')
    }
    const isBroken = key.servedSince === undefined || gap > rules.longestGapSeconds
    if (isBroken) put(state, { ...key, servedSince: at, lastServedAt: at })
    else if (gap >= servedStepSeconds) put(state, { ...key, lastServedAt: at })
  }
}

function obey(state: Step, command: RotationCommand): RotationRefusal | undefined {
  switch (command.kind) {
    case 'prepare':
      if (!nextKey(keysIn(state))) create(state, 'Ordered by hand.')
      return undefined
    case 'activate':
      return command.isEmergency ? activateNow(state) : activateRipe(state)
    case 'revoke':
      return revoke(state, command.kid)
    default:
      return command satisfies never
  }
}

function activateRipe(state: Step): RotationRefusal | undefined {
  const next = nextKey(keysIn(state))
  if (!next) return { kind: 'nothing-prepared' }
  if (!isRipe(state.rules, next, state.now)) {
    return { kind: 'unripe', kid: next.kid, ripeAt: ripeAt(state.rules, next) }
  }
  takeOver(state, next, 'Ordered by hand, after the public URL had served it for a day.')
  return undefined
}

function activateNow(state: Step): undefined {
  const next = nextKey(keysIn(state)) ?? create(state, 'An emergency rotation needs one.')
  if (next) takeOver(state, next, 'An emergency: not every relying party may know it yet.')
}

function revoke(state: Step, kid: string): RotationRefusal | undefined {
  const key = state.ring.get(kid)
  if (!key || key.state === 'revoked' || key.state === 'removed') {
    return { kind: 'unknown-key', kid }
  }
  put(state, { ...key, state: 'revoked', endedAt: state.now })
  happened(state, kid, 'revoked', `It was ${key.state} and is no longer published.`)
  if (key.state === 'active') {
    // Never the next key: it lay beside the one that is no longer trusted.
    const heir = create(state, 'The active key was revoked.')
    if (heir) takeOver(state, heir, 'The active key was revoked.')
  }
  return undefined
}

function keepSchedule(state: Step): void {
  const { rules, now } = state
  if (!activeKey(keysIn(state))) {
    const first = create(state, 'The first key of this issuer.')
    if (first) takeOver(state, first, 'The first key of this issuer.')
  }
  const next = nextKey(keysIn(state))
  if (next && isRipe(rules, next, now)) {
    takeOver(state, next, 'The public URL has served it for a day.')
  }
  const active = activeKey(keysIn(state))
  // A key made for the command is gone; the next step is soon enough for this one.
  const isFree = state.fresh.kid !== undefined || !state.fresh.isWanted
  if (active && isFree && !nextKey(keysIn(state)) && prepareAt(rules, active) <= now) {
    create(state, 'The active key is due for rotation.')
  }
  for (const key of keysIn(state)) {
    if (key.state === 'retired' && removableAt(rules, key) <= now) {
      put(state, { ...key, state: 'removed', endedAt: now })
      happened(state, key.kid, 'removed', 'No token of it can be alive any more.')
    }
    if (key.endedAt && after(key.endedAt, rememberSeconds) <= now) state.ring.delete(key.kid)
  }
}

// Undefined when there is no fresh key: the step is then taken again with one.
function create(state: Step, why: string): RingKey | undefined {
  const { fresh, now } = state
  const { kid } = fresh
  fresh.isWanted = true
  if (kid === undefined) return undefined
  fresh.kid = undefined
  const key: RingKey = { kid, state: 'next', createdAt: now }
  put(state, key)
  happened(state, kid, 'created', why)
  return key
}

function takeOver(state: Step, heir: RingKey, why: string): void {
  const active = activeKey(keysIn(state))
  if (active) {
    put(state, { ...active, state: 'retired', retiredAt: state.now })
    happened(state, active.kid, 'retired', `${heir.kid} signs from now on.`)
  }
  put(state, { ...heir, state: 'active', activatedAt: state.now })
  happened(state, heir.kid, 'activated', why)
}

function keysIn(state: Step): RingKey[] {
  return [...state.ring.values()]
}

function put(state: Step, key: RingKey): void {
  state.ring.set(key.kid, key)
}

function happened(state: Step, kid: string, what: KeyEvent['what'], why: string): void {
  state.events.push({ what, kid, why })
}
