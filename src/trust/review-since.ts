// A review against an earlier one: what is new, what is known and since when, and what is gone. What could
// not be looked at this time is not called solved. Pure.
import * as z from 'zod'

import { Fault } from '../core/fault.ts'
import { reviewRules, type ReviewCode, type ReviewFinding } from './review-rules.ts'

const time = z.iso.datetime()
const isCode = (code: string): code is ReviewCode => Object.hasOwn(reviewRules, code)

const findingsForm = z.array(
  z.object({
    code: z.string().refine(isCode, 'is no finding of a review'),
    message: z.string(),
    knownSince: time.optional(),
  }),
)
const earlierForm = z.object({
  at: time,
  tenantId: z.string(),
  findings: findingsForm,
  // What that review could not look at is as open as what it found.
  unseen: findingsForm.default([]),
})

/** An earlier review, as far as a later one is compared with it. */
export type EarlierReview = {
  /** ISO 8601. */
  at: string
  tenantId: string
  findings: EarlierFinding[]
}

/** A finding of an earlier review; `knownSince` is when a review first told it. */
export type EarlierFinding = { code: ReviewCode; message: string; knownSince?: string | undefined }

/** What became of the findings of an earlier review. */
export type Comparison<Finding> = {
  /** With `knownSince`, unless they are new. */
  findings: (Finding & { knownSince?: string })[]
  solved: EarlierFinding[]
  /** Gone too, but of a kind that this review could not look at. */
  unseen: EarlierFinding[]
}

/** Reads the JSON of an earlier review; throws config_invalid. */
export function parseEarlierReview(text: string, file: string): EarlierReview {
  try {
    const { at, tenantId, findings, unseen } = earlierForm.parse(JSON.parse(text))
    return { at, tenantId, findings: [...findings, ...unseen] }
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : 'it is no JSON'
    throw new Fault('config_invalid', `${file} is no report of \`trust review\`: ${why}`, {
      cause,
      hint: 'Give --since what `trust review --format json` wrote.',
    })
  }
}

/** Marks the findings of a review by those of an earlier one. */
export function compareReviews<Finding extends Pick<ReviewFinding, 'code' | 'message'>>(
  findings: readonly Finding[],
  earlier: EarlierReview,
): Comparison<Finding> {
  const before = new Map(earlier.findings.map((each) => [keyOf(each), each]))
  const now = new Set(findings.map(keyOf))
  const blind = new Set(findings.flatMap(({ code }) => hiddenBy[code] ?? []))
  const gone = earlier.findings
    .filter((each) => !now.has(keyOf(each)))
    .map(({ code, message, knownSince = earlier.at }) => ({ code, message, knownSince }))
  return {
    findings: findings.map((each) => {
      const known = before.get(keyOf(each))
      return known ? { ...each, knownSince: known.knownSince ?? earlier.at } : each
    }),
    solved: gone.filter(({ code }) => !blind.has(code)),
    unseen: gone.filter(({ code }) => blind.has(code)),
  }
}

// What a review cannot tell while it has this note.
const hiddenBy: Partial<Record<ReviewCode, ReviewCode[]>> = {
  review_sign_ins_unread: ['review_credential_unused'],
  review_key_unchecked: ['review_key_due'],
  review_repositories_unchecked: [
    'review_repository_gone',
    'review_repository_renamed',
    'review_repository_replaced',
    'review_repository_inactive',
  ],
}

function keyOf({ code, message }: { code: ReviewCode; message: string }): string {
  return `${code} ${message}`
}
