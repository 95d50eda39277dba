// A signer whose key ring is a document in a KeyPlace: read at the start, taken over when others changed
// it, and changed by one process at a time. What the keys are made of is the concern of its `KeyKind`.

import type { JWK } from 'jose'

import { Fault } from '../core/fault.ts'
import type { KeyPlace } from './place.ts'
import { unusable } from './private-file.ts'
import { secondsBetween, type Ring, type RotationRules } from './ring.ts'
import { stepRing, type KeyEvent, type RotationInput, type RotationRefusal } from './rotation.ts'
import type { Signer } from './signer.ts'

/** What happens to keys is told to this before the document changes; when it rejects, nothing changes. */
export type RecordKeyEvents = (events: readonly KeyEvent[]) => Promise<void>

/** A signer whose keys can be looked at and changed. */
export type RingSigner = Signer & {
  ring(): Ring
  rules: RotationRules
  /** Takes over what another process wrote; true when there was something. Throws keys_unreadable. */
  refresh(): Promise<boolean>
  /** One step of the ring, in its place and here; a refusal is given back. Throws keys_* or what `record` threw. */
  change(input: RotationInput): Promise<RotationRefusal | undefined>
}

/** What a document says, and what else a kind of keys keeps with it. */
export type KeyContent = { ring: Ring }

/** Keys as they can be used: the public ones in the order of publication, and the way the active one signs. */
export type KeysInUse = {
  keys: readonly JWK[]
  kid: string
  /** The RS256 signature over these bytes. */
  sign: (input: Buffer) => Promise<Buffer>
}

/** A kind of keys: how they are written, made and used. */
export type KeyKind<Content extends KeyContent> = {
  /** What a place is taken for that holds nothing yet. */
  empty: () => Content
  /** Throws keys_unreadable. */
  parse: (text: string) => Promise<Content>
  format: (content: Content) => string
  /** Adds a fresh key, which is in no ring yet, and tells its kid. */
  addKey: (content: Content, at: Date) => Promise<{ content: Content; kid: string }>
  open: (content: Content) => KeysInUse
  /** What is to be done once the document says so, under the same lock; may be asked for again. */
  settle: (content: Content, hasEvents: boolean) => Promise<void>
}

/** How a place is opened. */
export type PlaceSignerOptions = {
  rules: RotationRules
  /** Refuses to make the document: for commands that only look. */
  mustExist?: boolean
}

type Deps<Content extends KeyContent> = {
  now: () => Date
  record?: RecordKeyEvents
  place: KeyPlace
  kind: KeyKind<Content>
}

type Held<Content> = { version: string; content: Content; inUse: KeysInUse; header: string }

/** A RingSigner, and the way to write its document anew in the same words or others. */
export type PlaceSigner<Content extends KeyContent> = RingSigner & {
  rewrite(format: (content: Content) => string): Promise<void>
}

/** Opens the ring of a place, which is made when there is none; throws keys_unreadable. */
export async function openPlaceSigner<Content extends KeyContent>(
  deps: Deps<Content>,
  { rules, mustExist = false }: PlaceSignerOptions,
): Promise<PlaceSigner<Content>> {
  const { now, record, place, kind } = deps
  const load = async (): Promise<Held<Content> | undefined> => {
    const found = await place.read()
    return found && hold(kind, found.version, await kind.parse(found.text))
  }
  const loadSurely = async (): Promise<Held<Content>> => {
    const found = await load()
    if (found) return found
    throw unusable(place.name, 'it is gone')
  }
  const make = async (): Promise<Held<Content>> => {
    const found = await load()
    if (found) return found
    if (mustExist) throw unusable(place.name, 'there is none')
    const first = await step(deps, rules, kind.empty(), {})
    await record?.(first.events)
    await place.write('', kind.format(first.content))
    return loadSurely()
  }

  let held = (await load()) ?? (await place.locked(make))
  let readAt = now()
  const takeOver = (found: Held<Content>): void => {
    held = found
    readAt = now()
  }
  const refresh = async (): Promise<boolean> => {
    const at = now()
    const before = held
    const version = await place.version()
    if (version === before.version) {
      readAt = at
      return false
    }
    const found = await loadSurely()
    // A change made here meanwhile is newer than what was read.
    if (held === before) takeOver(found)
    return true
  }
  const signWith = async ({ inUse, header }: Held<Content>, payload: string): Promise<string> => {
    const input = `${header}.${payload}`
    return `${input}.${(await inUse.sign(Buffer.from(input))).toString('base64url')}`
  }

  return {
    rules,
    async sign(claims) {
      // A replica that slept, or lost the place, may not know that its key was revoked.
      if (secondsBetween(readAt, now()) > place.trustedForSeconds) await refresh()
      const payload = encode(claims)
      const before = held
      try {
        return await signWith(before, payload)
      } catch (error) {
        // Revoked by another replica a moment ago: its successor is in the place already.
        if (!(error instanceof Fault) || error.code !== 'keys_vault_disabled') throw error
        await refresh()
        if (held.inUse.kid === before.inUse.kid) throw error
        return signWith(held, payload)
      }
    },
    publicKeys: () => held.inUse.keys,
    ring: () => held.content.ring,
    refresh,
    change: (input) =>
      place.locked(async () => {
        const { version, content } = await loadSurely()
        const next = await step(deps, rules, content, input)
        const recorded = await recordFirst(record, input, next.events)
        if (!isSame(content.ring, next.content.ring)) {
          await place.write(version, kind.format(next.content))
        }
        takeOver(await loadSurely())
        await kind.settle(held.content, next.events.length > 0)
        if (recorded instanceof Fault) throw recorded
        return next.refusal
      }),
    rewrite: (format) =>
      place.locked(async () => {
        const { version, content } = await loadSurely()
        await place.write(version, format(content))
        takeOver(await loadSurely())
      }),
  }
}

function hold<Content extends KeyContent>(
  kind: KeyKind<Content>,
  version: string,
  content: Content,
): Held<Content> {
  const inUse = kind.open(content)
  const header = encode({ alg: 'RS256', typ: 'JWT', kid: inUse.kid })
  return { version, content, inUse, header }
}

// A compact JWS (RFC 7515 §7.1). By hand, because JOSE libraries sign through WebCrypto, which takes
// twice the time on the main thread of node:crypto's own pool job (measured: docs/performance.md).
function encode(value: unknown): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}

type Stepped<Content> = {
  content: Content
  events: readonly KeyEvent[]
  refusal: RotationRefusal | undefined
}

// A key takes long to make, so one is made only when the step turns out to want it.
async function step<Content extends KeyContent>(
  { now, kind }: Deps<Content>,
  rules: RotationRules,
  content: Content,
  input: RotationInput,
): Promise<Stepped<Content>> {
  const at = now()
  const first = stepRing(rules, content.ring, at, input)
  if (!first.wantsKey) {
    const { ring, events, refusal } = first
    return { content: { ...content, ring }, events, refusal }
  }
  const fresh = await kind.addKey(content, at)
  const { ring, events, refusal } = stepRing(rules, content.ring, at, {
    ...input,
    freshKid: fresh.kid,
  })
  return { content: { ...fresh.content, ring }, events, refusal }
}

// A revocation must not wait for the ledger to be well; that it is not is told afterwards.
async function recordFirst(
  record: RecordKeyEvents | undefined,
  { command }: RotationInput,
  events: readonly KeyEvent[],
): Promise<Fault | undefined> {
  if (!record || events.length === 0) return undefined
  const isUrgent =
    command?.kind === 'revoke' || (command?.kind === 'activate' && command.isEmergency)
  try {
    await record(events)
    return undefined
  } catch (error) {
    if (isUrgent && error instanceof Fault) return error
    throw error
  }
}

function isSame(one: Ring, other: Ring): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}
