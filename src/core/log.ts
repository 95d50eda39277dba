// What rooms may say to the operator's log; pino fits it, and so does a test's array.

/** A structured log: fields first, then a sentence. */
export type Log = {
  info(fields: Record<string, unknown>, message: string): void
  warn(fields: Record<string, unknown>, message: string): void
  error(fields: Record<string, unknown>, message: string): void
}
