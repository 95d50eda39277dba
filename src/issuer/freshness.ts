// Keeps the keys fresh while the service runs: takes over what the command line changed, looks at
// what the world reads, lets that and the clock move the ring, and knows why the issuer is not ready.
import type { LedgerEvent } from '../audit/event.ts'
import type { Ledger } from '../audit/ledger.ts'
import { Fault, messageOf } from '../core/fault.ts'
import type { Log } from '../core/log.ts'
import type { RecordKeyEvents, RingSigner } from '../keys/place-signer.ts'
import { activeKey, overdueSince, secondsBetween } from '../keys/ring.ts'
import type { KeyEvent } from '../keys/rotation.ts'
import {
  findDifferences,
  readPublished,
  servedKids,
  type Difference,
  type Send,
} from './published.ts'

/** A running keeper of keys. */
export type KeyKeeper = {
  /** Looks at every issuer and lets the ring move, now; the ticker does the same by itself. Never rejects. */
  tick(): Promise<void>
  /** Why tokens signed now might not be accepted: one sentence each, empty when all is well. */
  reasons(): readonly string[]
  /** Ends the ticker and waits for a look under way. */
  close(): Promise<void>
}

/** What the keeper watches, and how patient it is. */
export type KeeperOptions = {
  issuers: readonly string[]
  checkEverySeconds: number
  /** How long the active key may go unseen at the public URL; 1 h. */
  freshForSeconds?: number
  /** How often the key file is looked at for changes of others; 2 s. */
  refreshEverySeconds?: number
}

type Deps = { now: () => Date; send: Send; log: Log; signer: RingSigner }

// Right after a start or a change the answer is wanted soon.
const hurryMs = 15_000

/** Starts keeping keys: ticks at once, then every `checkEverySeconds`, sooner while the active key is unseen. */
export function startKeyKeeper(deps: Deps, options: KeeperOptions): KeyKeeper {
  const { signer, log, now } = deps
  const state: KeeperState = {
    seenAt: new Map(),
    said: '',
    lookTrouble: '',
    trouble: {},
    isClosed: false,
  }
  let timer: NodeJS.Timeout | undefined
  let running: Promise<void> | undefined

  const tick = (): Promise<void> => {
    running ??= look(deps, options, state).finally(() => {
      running = undefined
      if (state.isClosed) return
      clearTimeout(timer)
      const isSeen = state.seenAt.has(activeKey(signer.ring())?.kid ?? '')
      const everyMs = options.checkEverySeconds * 1000
      timer = setTimeout(() => void tick(), isSeen ? everyMs : Math.min(everyMs, hurryMs)).unref()
    })
    return running
  }
  const refresh = async (): Promise<void> => {
    try {
      const isChanged = await signer.refresh()
      delete state.trouble.file
      if (!isChanged || state.isClosed) return
      log.info({ kid: activeKey(signer.ring())?.kid }, 'the keys were changed by another process')
      await tick()
    } catch (error) {
      say(log, state, 'file', error)
    }
  }
  const refreshing = setInterval(
    () => void refresh(),
    (options.refreshEverySeconds ?? 2) * 1000,
  ).unref()
  void tick()
  return {
    tick,
    reasons: () => reasonsFor({ now, signer }, options, state),
    close: async () => {
      state.isClosed = true
      clearTimeout(timer)
      clearInterval(refreshing)
      await running
    },
  }
}

/** Tells the ledger what happens to keys: every event is on disk before the key file changes. */
export function createKeyRecorder({ ledger }: { ledger: Ledger }): RecordKeyEvents {
  return async (events) => {
    for (const event of events) {
      await ledger.append(toLedgerEvent(event))
    }
  }
}

/** A key event in the ledger's words: `key.<what>` with the kid. */
export function toLedgerEvent({ what, kid, why }: KeyEvent): LedgerEvent {
  return { type: `key.${what}`, decision: 'info', key: { kid }, detail: `${kid}: ${why}` }
}

type KeeperState = {
  /** When each kid was last seen at every issuer. */
  seenAt: Map<string, Date>
  /** What was said last of the differences, so that each is logged once. */
  said: string
  /** Why the last look saw nothing; empty when it did. */
  lookTrouble: string
  /** What keeps the ring from moving, or the file from being read. */
  trouble: { file?: string; ring?: string }
  isClosed: boolean
}

async function look(deps: Deps, options: KeeperOptions, state: KeeperState): Promise<void> {
  const { signer, log } = deps
  const at = deps.now()
  try {
    const expected = { keys: signer.publicKeys(), ring: signer.ring() }
    const seen = await Promise.all(options.issuers.map((issuer) => readPublished(deps, issuer)))
    const served = everywhere(seen.map((issuer) => servedKids(expected, issuer)))
    for (const kid of served ?? []) state.seenAt.set(kid, at)
    const differences = seen.flatMap((issuer) => findDifferences(expected, issuer))
    tellDifferences(log, state, differences)
    if (state.isClosed) return
    const refusal = await signer.change(served ? { observation: { at, served } } : {})
    if (refusal) log.error({ refusal: refusal.kind }, 'the ring refused to move')
    delete state.trouble.ring
  } catch (error) {
    say(log, state, 'ring', error)
  }
}

// A key counts as served when every issuer serves it; one silent issuer, and nothing is known.
function everywhere(sets: readonly (Set<string> | undefined)[]): Set<string> | undefined {
  const known = sets.filter((set) => set !== undefined)
  if (known.length < sets.length || sets.length === 0) return undefined
  return known.reduce((all, set) => all.intersection(set))
}

function tellDifferences(log: Log, state: KeeperState, differences: readonly Difference[]): void {
  const sentences = differences.map(({ sentence }) => sentence)
  state.lookTrouble = sentences[0] ?? ''
  const said = sentences.join(' ')
  if (said === state.said) return
  state.said = said
  if (said === '') log.info({}, 'the public issuer documents are those we sign for')
  else log.warn({ differences: sentences }, 'the public issuer documents are not as they should be')
}

function say(log: Log, state: KeeperState, what: 'file' | 'ring', error: unknown): void {
  const message = messageOf(error)
  const code = error instanceof Fault ? { code: error.code } : {}
  if (state.trouble[what] !== message) log.error({ ...code }, `keys: ${message}`)
  state.trouble[what] = message
}

function reasonsFor(
  { now, signer }: Pick<Deps, 'now' | 'signer'>,
  options: KeeperOptions,
  state: KeeperState,
): string[] {
  const ring = signer.ring()
  const active = activeKey(ring)
  const reasons = Object.values(state.trouble).map((why) => `The keys cannot be kept: ${why}`)
  if (!active) return [...reasons, 'There is no active key.']
  const seenAt = state.seenAt.get(active.kid) ?? active.lastServedAt
  const because = state.lookTrouble === '' ? '' : ` ${state.lookTrouble}`
  if (!seenAt) {
    reasons.push(`The public issuer URL has not served the active key ${active.kid} yet.${because}`)
  } else if (secondsBetween(seenAt, now()) > (options.freshForSeconds ?? 3600)) {
    const since = seenAt.toISOString()
    reasons.push(
      `The active key ${active.kid} was last seen at the public issuer URL at ${since}.${because}`,
    )
  }
  const overdue = overdueSince(signer.rules, ring, now())
  if (overdue) {
    reasons.push(
      `Rotation is overdue since ${overdue.toISOString()}: the next key has not been served for a day on end.${because}`,
    )
  }
  return reasons
}
