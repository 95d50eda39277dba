// How far clocks are apart, by Date headers (RFC 9110 §6.6.1) and by the times Entra names when it
// refuses an ID token as out of date (AADSTS700024).
import type { ClockFact, Party } from './facts.ts'

/** From here on a difference is worth a word: Date headers are in seconds, and answers take time. */
export const notableSkewMs = 30_000

/** The times in a refusal, milliseconds since 1970; undefined when it names none. */
export function readRefusedTimes(
  text: string,
): { nowMs: number; fromMs: number; toMs: number } | undefined {
  const form =
    /Current time: (.+?), assertion valid from (.+?), expiry time of assertion (.+?Z|.+?[AP]M)/
  const [, now = '', from = '', to = ''] = form.exec(text) ?? []
  const [nowMs = Number.NaN, fromMs = Number.NaN, toMs = Number.NaN] = [now, from, to].map(
    parseTime,
  )
  return [nowMs, fromMs, toMs].some((time) => Number.isNaN(time))
    ? undefined
    : { nowMs, fromMs, toMs }
}

/** How far a Date header is before the middle of the time the call took; undefined without one. */
export function readDateHeader(
  header: string | undefined,
  { sentAtMs, answeredAtMs }: { sentAtMs: number; answeredAtMs: number },
): number | undefined {
  const dateMs = Date.parse(header ?? '')
  // The header is cut to the second: on average half of one is missing.
  return Number.isNaN(dateMs) ? undefined : dateMs + 500 - (sentAtMs + answeredAtMs) / 2
}

/** The clock of a party, as the last reading has it. */
export function aheadOf(clocks: readonly ClockFact[], who: Party): number | undefined {
  return clocks.findLast((clock) => clock.who === who)?.aheadMs
}

/** How far the trust service is before Entra; undefined when one of them is unknown. */
export function serviceBeforeEntra(clocks: readonly ClockFact[]): number | undefined {
  const service = aheadOf(clocks, 'trust service')
  const entra = aheadOf(clocks, 'Entra')
  return service === undefined || entra === undefined ? undefined : service - entra
}

/** `600 s ahead of`, `12 s behind`. */
export function showSkew(aheadMs: number): string {
  const seconds = Math.round(Math.abs(aheadMs) / 1000)
  return `${seconds} s ${aheadMs < 0 ? 'behind' : 'ahead of'}`
}

// `2026-01-02T03:04:05.1234567Z`, or the American form of older answers, which is in UTC too.
function parseTime(text: string): number {
  return Date.parse(/[AP]M$/.test(text) ? `${text} UTC` : text)
}
