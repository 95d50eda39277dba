// The federated credential that comes nearest to an ID token, and in what it differs: Entra compares
// issuer, subject and audience byte by byte (facts/federation.md §1.1).
import type { IdClaims, ListedCredential } from './facts.ts'

const fields = ['issuer', 'subject', 'audience'] as const

/** One difference: what the credential says, what it must say, and how they differ in words. */
export type Difference = {
  field: (typeof fields)[number]
  says: string
  must: string
  how: string
}

/** The nearest credential; no differences means that it matches. */
export type Nearest = { name: string; differences: readonly Difference[] }

/** Finds it; undefined when there are no credentials. */
export function findNearest(
  credentials: readonly ListedCredential[],
  claims: Pick<IdClaims, 'issuer' | 'subject' | 'audience'>,
): Nearest | undefined {
  const [best] = credentials
    .map((credential) => ({
      credential,
      rank: [
        fields.filter((field) => credential[field] !== claims[field]).length,
        Math.min(...fields.map((field) => -sameStart(credential[field], claims[field]))),
      ],
    }))
    .toSorted((a, b) => compare(a.rank, b.rank))
  if (!best) return undefined
  const { credential } = best
  return {
    name: credential.name,
    differences: fields
      .filter((field) => credential[field] !== claims[field])
      .map((field) => ({
        field,
        says: credential[field],
        must: claims[field],
        how: describeDifference(credential[field], claims[field]),
      })),
  }
}

/** How two texts differ, in the words of whoever has to correct one of them. */
export function describeDifference(says: string, must: string): string {
  if (says.trim() === must) return 'in blanks around it only'
  if (says.replace(/\/+$/, '') === must.replace(/\/+$/, '')) return 'in a slash at the end only'
  if (says.toLowerCase() === must.toLowerCase()) return 'in upper and lower case only'
  if (/[*?]/.test(says)) return 'and its * or ? stands for itself: Entra knows no patterns here'
  const at = sameStart(says, must)
  return at === 0 ? 'from the beginning' : `from character ${at + 1} on`
}

function sameStart(one: string, other: string): number {
  let at = 0
  while (at < one.length && one[at] === other[at]) at += 1
  return at
}

function compare(one: readonly number[], other: readonly number[]): number {
  const at = one.findIndex((value, index) => value !== other[index])
  return at < 0 ? 0 : (one[at] ?? 0) - (other[at] ?? 0)
}
