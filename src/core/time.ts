// The clock as a value: rooms take it as an argument, only a door passes the real one.

/** The present moment; injected so that tests can stand still or jump. */
export type Clock = () => Date

/** `10m`, `90s`, `2h`, `90d` as whole seconds; undefined when the text is not of that form. */
export function parseDurationSeconds(text: string): number | undefined {
  const match = /^([1-9]\d{0,5})(s|m|h|d)$/.exec(text)
  if (!match) return undefined
  const unit = { s: 1, m: 60, h: 3600, d: 86_400 }[match[2] as 's' | 'm' | 'h' | 'd']
  return Number(match[1]) * unit
}

/** Seconds since 1970 as JWTs write them (RFC 7519 NumericDate, whole seconds). */
export function toNumericDate(date: Date): number {
  return Math.floor(date.getTime() / 1000)
}
