// Direct mode on the stage: policies wider than a file can be, so that the issuer has to refuse by itself.
import type { Policy } from '../policy/schema.ts'

/** The policy with the direct mode of every entry on, also where a file could not say so. */
export function allDirect(policy: Policy): Policy {
  const entries = [...policy.entries].map(
    ([name, entry]) => [name, { ...entry, isDirect: true }] as const,
  )
  return { ...policy, entries: new Map(entries) }
}
