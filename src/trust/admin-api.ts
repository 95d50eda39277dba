// What people and the trust service say to each other at the admin door (`listen.admin`; docs/service.md):
// trials, signing keys and reviews, as JSON. The service and its client read the same schemas.
import * as z from 'zod'

const time = z.iso.datetime()
// A lone surrogate could not be sealed into the ledger.
const line = z
  .string()
  .min(1)
  .max(400)
  .refine((text) => text.isWellFormed(), 'is not valid Unicode text')
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be a SHA-256 in lower-case hex')
const count = z.int().min(0)

/** Paths of the admin door, below its origin. */
export const adminPaths = {
  trials: '/v1/trials',
  keys: '/v1/keys',
  rotateKeys: '/v1/keys/rotate',
  reviews: '/v1/reviews',
  lastReview: '/v1/reviews/last',
  signInLinks: '/v1/sign-in-links',
} as const

/** `POST /v1/trials`: try a subject that builds of this entry can have; without an audience, the first that the entry names for Entra. */
export const trialRequestSchema = z.strictObject({
  entry: line,
  subject: line,
  /** The CI server, where builds of several have this subject; the first of them when absent. */
  instance: line.optional(),
  audience: line.optional(),
  /** Whether a probe is made and removed as well, where a grant allows both. */
  write: z.boolean().optional(),
})

/** A trial as it is asked for. */
export type TrialRequest = z.output<typeof trialRequestSchema>

/** One thing that a trial did. */
export const trialStepSchema = z.object({
  what: z.enum(['mint', 'exchange', 'read', 'write']),
  /** `ACCOUNT/blob/CONTAINER/PREFIX` or `ACCOUNT/files/SHARE/PREFIX`. */
  place: z.string().optional(),
  outcome: z.enum(['ok', 'refused', 'not_yet', 'blocked', 'unreachable', 'skipped']),
  code: z.string().optional(),
  sentence: z.string().optional(),
})

/** One thing that a trial did, and how it went. */
export type TrialStep = z.output<typeof trialStepSchema>

/** The answer to a trial: what became of it, why, and what to do; never a token. */
export const trialAnswerSchema = z.object({
  jti: z.string(),
  subject: z.string(),
  audience: z.string(),
  /** `not_yet` is worth waiting for; `blocked` is a firewall or a policy of the tenant. */
  verdict: z.enum(['works', 'not_yet', 'refused', 'blocked', 'unreachable']),
  sentence: z.string(),
  hint: z.string(),
  steps: z.array(trialStepSchema),
})

/** What became of a trial. */
export type TrialAnswer = z.output<typeof trialAnswerSchema>

/** `GET /v1/keys`, and what `POST /v1/keys/rotate` answers: the keys that are published. */
export const keysAnswerSchema = z.object({
  keys: z.array(
    z.object({
      kid: z.string(),
      state: z.enum(['next', 'active', 'retired']),
      createdAt: time,
      activatedAt: time.optional(),
      /** When a next key takes over by itself, or an active one is replaced. */
      rotatesAt: time.optional(),
      removableAt: time.optional(),
    }),
  ),
})

/** The signing keys and when what happens to them. */
export type KeysAnswer = z.output<typeof keysAnswerSchema>

/** `POST /v1/keys/rotate`: by the ordinary rules, or at once. */
export const rotateRequestSchema = z.strictObject({ emergency: z.boolean().optional() })

/** A rotation as it is asked for. */
export type RotateRequest = z.output<typeof rotateRequestSchema>

/** `POST /v1/reviews`: that `trust review` was run, and what it counted; the answer is a `recordedReviewSchema`. */
export const reviewSchema = z.strictObject({
  at: time,
  tenantId: z.guid(),
  policySha256: sha256,
  reportSha256: sha256,
  errors: count,
  warnings: count,
  notes: count,
})

/** A review that took place. */
export type Review = z.output<typeof reviewSchema>

/** `GET /v1/reviews/last`: the newest review and who recorded it. */
export const recordedReviewSchema = reviewSchema.extend({ by: z.string() })

/** A review as the service has it on record. */
export type RecordedReview = z.output<typeof recordedReviewSchema>

/** What `POST /v1/sign-in-links` answers: where a one-time link leads, below the origin of the door. */
export const signInLinkSchema = z.object({ path: z.string(), expiresInSeconds: z.number() })

/** A one-time link for an admin. */
export type SignInLink = z.output<typeof signInLinkSchema>

/** A refusal at the admin door (problem details, RFC 9457). */
export const problemSchema = z.looseObject({
  code: z.string().optional(),
  detail: z.string(),
  hint: z.string().optional(),
})
