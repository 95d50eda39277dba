// What a step is handed at compile time: an opaque request token bound to one policy entry and one
// build, or a refusal token that carries the reason to the person reading the step's log (Drone
// itself swallows an extension's error). Only hashes are stored.
import { createHmac } from 'node:crypto'

import { referenceTo, traceOf, type LedgerEvent } from '../audit/event.ts'
import type { Ledger } from '../audit/ledger.ts'
import type { Build } from '../ci/build.ts'
import { hashSecret } from '../core/digest.ts'
import { Fault, isFaultCode, type FaultCode } from '../core/fault.ts'
import type { Log } from '../core/log.ts'
import { Secret } from '../core/secret.ts'
import { needApplied } from '../policy/applied.ts'
import { checkMode, type Admission } from '../policy/decide.ts'
import type { Store } from '../store/store.ts'

/** What offering a token needs of the world. */
export type OfferDeps = {
  now: () => Date
  store: Pick<Store, 'addRequestToken' | 'findRequestToken'>
  ledger: Ledger
  /** Key that makes the same signed request yield the same token, on every replica. */
  tokenKey: Uint8Array
  log: Log
  /** Where steps exchange the token, and the pinned private CA if there is one. */
  service: { url: string; pin?: string }
}

/** A verified question of a runner, with the signature that proves it. */
export type Offer = {
  door: 'secret' | 'environ'
  runner: string
  build: Build
  signature: string
  /** Decides; its faults become refusal tokens. */
  decide: () => Admission
}

/** What the store keeps with a token's hash. */
export type TokenPayload =
  | { kind: 'grant'; entry: string; build: Build }
  | { kind: 'refusal'; code: FaultCode; sentence: string; hint: string; build: Build }

const slackMinutes = 5
const defaultTimeoutMinutes = 60

/** A token for the build: the ledger record and the stored hash are on disk when it returns. */
export async function offerToken(deps: OfferDeps, offer: Offer): Promise<Secret> {
  const payload = decidePayload(offer)
  const token = deriveToken(deps, offer, payload)
  const tokenHash = hashSecret(token)
  // The same request again (one step may name a secret twice) gets the same answer, once recorded.
  if (await deps.store.findRequestToken(tokenHash)) return token
  const issuedAt = deps.now()
  await deps.ledger.append(toEvent(offer, payload, tokenHash))
  await deps.store.addRequestToken({
    tokenHash,
    instance: offer.build.instance,
    buildId: offer.build.id,
    payload: JSON.stringify(payload),
    issuedAt,
    expiresAt: expiryOf(offer.build, issuedAt),
  })
  logOffer(deps.log, offer, payload)
  return token
}

/** When a token of this build is dead: its repository's time-out bounds it when the final webhook is lost. */
export function expiryOf(build: Build, issuedAt: Date): Date {
  const minutes = (build.repository.timeoutMinutes || defaultTimeoutMinutes) + slackMinutes
  return new Date(issuedAt.getTime() + minutes * 60_000)
}

/** Reads a stored payload back. */
export function parsePayload(text: string): TokenPayload {
  const payload = JSON.parse(text) as TokenPayload
  // A code of a newer release must not turn a refusal into a bug.
  if (payload.kind === 'refusal' && !isFaultCode(payload.code)) {
    return { ...payload, code: 'issuer_refused' }
  }
  return payload
}

function decidePayload(offer: Offer): TokenPayload {
  try {
    const admission = offer.decide()
    checkMode(admission)
    needApplied(admission.entry)
    return { kind: 'grant', entry: admission.entry.name, build: offer.build }
  } catch (error) {
    if (!(error instanceof Fault)) throw error
    const { code, message: sentence, hint } = error
    return { kind: 'refusal', code, sentence, hint, build: offer.build }
  }
}

function deriveToken(deps: OfferDeps, offer: Offer, payload: TokenPayload): Secret {
  const about = payload.kind === 'grant' ? payload.entry : payload.code
  const secret = createHmac('sha256', deps.tokenKey)
    .update(
      JSON.stringify([
        offer.door,
        offer.build.instance,
        offer.runner,
        offer.build.id,
        offer.signature,
        payload.kind,
        about,
      ]),
    )
    .digest('base64url')
  const where = Buffer.from(JSON.stringify(deps.service)).toString('base64url')
  return new Secret(`asd1.${where}.${secret}`)
}

function logOffer(log: Log, { door, runner, build }: Offer, payload: TokenPayload): void {
  const { slug: repository } = build.repository
  const about = { door, runner, repository, build: build.number, sha: build.sha }
  if (payload.kind === 'grant') log.info({ ...about, entry: payload.entry }, 'offered a token')
  else log.warn({ ...about, code: payload.code }, `refused a token: ${payload.sentence}`)
}

function toEvent(offer: Offer, payload: TokenPayload, tokenHash: string): LedgerEvent {
  const isGrant = payload.kind === 'grant'
  return {
    type: 'token.requested',
    decision: isGrant ? 'allow' : 'deny',
    ...(isGrant ? { rule: payload.entry } : { reasons: [payload.code], detail: payload.sentence }),
    trace: traceOf(offer.build),
    build: referenceTo(offer.build),
    token: { kind: isGrant ? 'request' : 'refusal', sha256: tokenHash },
    caller: { door: offer.door, runner: offer.runner },
  }
}
