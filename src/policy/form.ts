// Checks data against a zod schema and words its issues as problems for people, with "did you mean".
import * as z from 'zod'

import type { Problem } from './source.ts'
import { didYouMean, quote } from './spelling.ts'

/** Data of good form, or every problem of its form. */
export type Checked<Value> = { value: Value; problems: [] } | { problems: Problem[] }

/** Checks data; `keysAt` names the keys that may stand in the map at a path. */
export function checkForm<Schema extends z.ZodType>(
  schema: Schema,
  data: unknown,
  keysAt: (path: readonly PropertyKey[]) => string[],
): Checked<z.output<Schema>> {
  const result = schema.safeParse(data, { reportInput: true })
  if (result.success) return { value: result.data, problems: [] }
  return { problems: result.error.issues.flatMap((issue) => toProblems(issue, keysAt)) }
}

function toProblems(
  issue: z.core.$ZodIssue,
  keysAt: (path: readonly PropertyKey[]) => string[],
): Problem[] {
  const { path } = issue
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => ({
        path: [...path, key],
        on: 'key',
        message: `unknown key${didYouMean(key, keysAt(path))}`,
      }))
    case 'invalid_key':
      return [{ path, on: 'key', message: issue.issues[0]?.message ?? issue.message }]
    case 'invalid_value':
      return [{ path, message: explainValue(issue) }]
    case 'invalid_type':
      return [{ path, message: issue.input === undefined ? explainMissing(issue) : issue.message }]
    default:
      return [{ path, message: issue.message }]
  }
}

function explainValue(issue: z.core.$ZodIssueInvalidValue): string {
  const known = issue.values.map(String)
  if (typeof issue.input !== 'string' || known.length < 2) return issue.message
  return `${quote(issue.input)} is none of ${known.join(', ')}${didYouMean(issue.input, known)}`
}

function explainMissing(issue: z.core.$ZodIssueInvalidType): string {
  return issue.message.startsWith('Invalid input') ? 'is missing' : `is missing; ${issue.message}`
}
