// Tests of a policy as data: builds in few words, an entry, and the subject or code they must give.
import * as z from 'zod'

import { Fault, isFaultCode } from '../core/fault.ts'
import { parseSubject } from '../identity/subject.ts'
import { decide, decideAlone } from './decide.ts'
import { checkForm } from './form.ts'
import type { Policy, PolicyMode } from './schema.ts'
import { readYaml, toFault, type Problem } from './source.ts'
import { toBuild, wordsSchema, type BuildWords } from './words.ts'

const caseSchema = z.strictObject({
  name: z.string().min(1).optional(),
  build: z.record(z.string(), z.unknown()),
  entry: z.string().min(1).optional(),
  expect: z.string().min(1),
  mode: z.enum(['enforce', 'audit']).optional(),
})

const casesSchema = z.strictObject({
  version: z.literal(1),
  defaults: z.record(z.string(), z.unknown()).optional(),
  cases: z.array(caseSchema).min(1),
})

/** One case: what is asked, and the subject or fault code that must be the answer. */
export type PolicyCase = {
  name: string
  build: BuildWords
  /** Without one the build must be admitted by exactly one entry, as with the environ extension. */
  entry: string | undefined
  expect: string
  mode: PolicyMode
}

/** A case that was run; `got` is a subject or a code, `audit ` before it for an entry on trial. */
export type CaseResult = { name: string; expected: string; got: string; ok: boolean }

/** Reads a cases file; throws config_invalid with every mistake in it. */
export function parseCases(text: string): PolicyCase[] {
  const what = 'cases file'
  const source = readYaml(text, what)
  const checked = checkForm(casesSchema, source.value, keysAt)
  if (!('value' in checked)) throw toFault(what, source, checked.problems)
  const problems: Problem[] = []
  const cases = checked.value.cases.map((each, index) => {
    const words = checkForm(wordsSchema, { ...checked.value.defaults, ...each.build }, () =>
      Object.keys(wordsSchema.shape),
    )
    const at = ['cases', index]
    problems.push(...words.problems.map((one) => ({ ...one, path: [...at, 'build', ...one.path] })))
    if (!isFaultCode(each.expect) && !parseSubject(each.expect)) {
      const message = 'is neither a subject nor a code such as policy_ref_denied'
      problems.push({ path: [...at, 'expect'], message })
    }
    const build = 'value' in words ? words.value : undefined
    return { ...each, entry: each.entry, mode: each.mode ?? ('enforce' as const), build, index }
  })
  if (problems.length > 0) throw toFault(what, source, problems)
  return cases.flatMap(({ build, index, ...rest }) => {
    if (!build) return []
    const { entry, expect, mode } = rest
    const name = rest.name ?? `case ${index + 1}: ${build.event} of ${build.repository}`
    return [{ name, build, entry, expect, mode }]
  })
}

/** Runs one case. */
export function runCase(
  policy: Policy,
  { name, build, entry, expect, mode }: PolicyCase,
): CaseResult {
  const expected = mode === 'audit' ? `audit ${expect}` : expect
  const got = answer(policy, build, entry)
  return { name, expected, got, ok: got === expected }
}

function answer(policy: Policy, words: BuildWords, entry: string | undefined): string {
  const build = toBuild(words)
  try {
    const { mode, subject } =
      entry === undefined ? decideAlone(policy, build) : decide(policy, build, entry)
    return mode === 'audit' ? `audit ${subject}` : subject
  } catch (error) {
    if (error instanceof Fault) return error.code
    throw error
  }
}

function keysAt(path: readonly PropertyKey[]): string[] {
  return Object.keys(path.length === 0 ? casesSchema.shape : caseSchema.shape)
}
