// Every failure a person can cause, as a table: the code's first word is the room that finds it.
// A Fault carries one sentence (what happened and why) and a hint (what to do); anything else that
// is thrown is a bug and ends in exit 70.

import { backupFaults } from './backup-faults.ts'
import { cacheFaults } from './cache-faults.ts'
import { dashboardFaults } from './dashboard-faults.ts'
import type { FaultRow } from './fault-row.ts'
import { keysFaults } from './keys-faults.ts'
import { serviceFaults } from './service-faults.ts'
import { stepFaults } from './step-faults.ts'
import { trailFaults } from './trail-faults.ts'
import { trustFaults } from './trust-faults.ts'

const faultTable = {
  ...serviceFaults,
  ...backupFaults,
  ...keysFaults,
  ...stepFaults,
  ...trustFaults,
  ...trailFaults,
  ...dashboardFaults,
  ...cacheFaults,
}

/** Every code a Fault can carry, `<room>_<what>`. */
export type FaultCode = keyof typeof faultTable

/** The table itself, for generated documentation. */
export const faults: Readonly<Record<FaultCode, FaultRow>> = faultTable

/** One failure: a stable code, one sentence, what to do, and how programs should react. */
export class Fault extends Error {
  readonly code: FaultCode
  readonly hint: string
  /** Facts for logs and problem documents; never a secret. */
  readonly details: Readonly<Record<string, string | number>>

  constructor(
    code: FaultCode,
    sentence: string,
    more: { hint?: string; cause?: unknown; details?: Record<string, string | number> } = {},
  ) {
    super(sentence, more.cause === undefined ? {} : { cause: more.cause })
    this.name = 'Fault'
    this.code = code
    this.hint = more.hint ?? faultTable[code].hint
    this.details = more.details ?? {}
  }

  get status(): number {
    return faultTable[this.code].status
  }

  get exitCode(): number {
    return faultTable[this.code].exit
  }

  get isRetryable(): boolean {
    return faultTable[this.code].retry
  }
}

/** Whether a text (from another machine, say) is one of our codes. */
export function isFaultCode(text: string): text is FaultCode {
  return Object.hasOwn(faultTable, text)
}

/** The message of anything thrown, for sentences that quote a cause. */
export function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') {
    return error.errors.map((each) => messageOf(each)).join('; ')
  }
  return error instanceof Error ? error.message : String(error)
}
