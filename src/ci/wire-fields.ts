// Fields of a CI server's JSON as every parser of it bounds them.
import * as z from 'zod'

// Go writes no lone surrogate, and neither a subject nor a ledger record can hold one.
/** Text that decides something: too much of it is refused. */
export const line = z
  .string()
  .max(1024)
  .refine((value) => value.isWellFormed())

/** Text that decides nothing: unusable, it is left empty. */
export const text = z
  .string()
  .max(4096)
  .refine((value) => value.isWellFormed())
  .catch('')

/** A whole number that is not negative. */
export const count = z.number().int().nonnegative()

// z.record() would drop a variable called `__proto__`, and the build would pass for one without any.
/** Variables by name; their values are nobody's business here. */
export const variables = z.custom<Record<string, unknown>>(
  (value) => typeof value === 'object' && value !== null && !Array.isArray(value),
)

// A year: what lies beyond is nobody's build, and far beyond no Date can say when it ends.
const longestTimeoutMinutes = 525_600

/** Longest time of a build in minutes, a year at most. */
export const timeoutMinutes = count
  .default(0)
  .transform((minutes) => Math.min(minutes, longestTimeoutMinutes))

/** A repository's full name, such as `octo/hello`. */
export const slug = line.regex(/^[^/\s]+(\/[^/\s]+)+$/)
