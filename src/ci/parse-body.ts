// A CI server's JSON held to a schema: what is wrong is told by the names of the fields, never by their
// values, which may be secrets.
import type * as z from 'zod'

import { type Fault, messageOf } from '../core/fault.ts'
import { parseStrictJson } from './strict-json.ts'

/** The body as the schema reads it; throws what `fail` makes of the reason. */
export function parseBody<Schema extends z.ZodType>(
  schema: Schema,
  body: Uint8Array,
  fail: (why: string) => Fault,
): z.output<Schema> {
  const result = schema.safeParse(readJson(body, fail))
  if (result.success) return result.data
  const fields = result.error.issues.map((issue) => issue.path.join('.') || 'the body').join(', ')
  throw fail(`unusable ${fields}`)
}

function readJson(body: Uint8Array, fail: (why: string) => Fault): unknown {
  try {
    return parseStrictJson(body)
  } catch (error) {
    throw fail(messageOf(error))
  }
}
