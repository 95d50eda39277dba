// Something tried several times: whether the answer is always the same tells what spreads or is flaky
// from what is refused.
import { Fault, type FaultCode, faults } from '../core/fault.ts'
import { type Attempt, type FaultFact, toFact } from './facts.ts'

/** Refusals of Entra that come and go while a change makes its way through it. */
export const spreadingCodes: ReadonlySet<FaultCode> = new Set<FaultCode>([
  'azure_entra_credential_absent',
  'azure_entra_issuer_unknown',
  'azure_entra_subject_unknown',
  'azure_entra_subject_case',
  'azure_entra_audience_unknown',
  'azure_entra_app_unknown',
  'azure_entra_app_disabled',
  'azure_entra_key_unknown',
])

/** The fault that tells most: the last one that is no passing trouble, or else the last. */
export function findTelling(attempts: readonly Attempt[]): FaultFact | undefined {
  const found = attempts.flatMap(({ fault }) => fault ?? [])
  return found.findLast(({ details }) => details['trouble'] !== 'flaky') ?? found.at(-1)
}

/** `2 of 5`, and when it first worked if it did not at first. */
export function describeMixture(attempts: readonly Attempt[]): string {
  const failed = attempts.filter(({ fault }) => fault).length
  const first = attempts.find(({ fault }) => !fault)
  const seconds = Math.round((first?.atMs ?? 0) / 1000)
  const after = attempts[0]?.fault && seconds > 0 ? `, and it first worked after ${seconds} s` : ''
  return `${failed} of ${attempts.length} tries failed${after}`
}

/** How long and how often something is tried. */
export type Patience = {
  /** Tries in a row. */
  tries: number
  /** How long refusals are tried again after that. */
  waitMs: number
}

/** Tries something several times; a Fault is an attempt that failed, and what is no Fault is thrown. */
export async function tryOften(
  { now, sleep }: { now: () => Date; sleep: (milliseconds: number) => Promise<void> },
  { tries, waitMs }: Patience,
  attempt: () => Promise<unknown>,
): Promise<Attempt[]> {
  const startedAt = now().getTime()
  const attempts: Attempt[] = []
  const pauseMs = Math.min(15_000, Math.max(1_000, waitMs / 20))
  for (;;) {
    const atMs = now().getTime() - startedAt
    const fault = await findFault(attempt)
    attempts.push(fault ? { atMs, fault } : { atMs })
    // Nobody there: every further try would wait as long.
    if (fault?.code.endsWith('_unreachable')) return attempts
    const works = attempts.some((each) => !each.fault)
    if (attempts.length < tries) continue
    if (works || !fault || !mayPass(fault.code)) return attempts
    if (now().getTime() - startedAt + pauseMs > waitMs) return attempts
    await sleep(pauseMs)
  }
}

function mayPass(code: FaultCode): boolean {
  const isRole = code === 'azure_storage_role_missing' || code === 'azure_storage_network_blocked'
  return isRole || spreadingCodes.has(code) || faults[code].retry
}

/** The Fault of one try; undefined when it went well. */
export async function findFault(attempt: () => Promise<unknown>): Promise<FaultFact | undefined> {
  try {
    await attempt()
    return undefined
  } catch (error) {
    if (error instanceof Fault) return toFact(error)
    throw error
  }
}

/** The same for what answers at once. */
export function catchFault(attempt: () => void): FaultFact | undefined {
  try {
    attempt()
    return undefined
  } catch (error) {
    if (error instanceof Fault) return toFact(error)
    throw error
  }
}
