// A condition's meaning for blobs, as far as the lab's storage can hold it: one container and the same
// path prefixes for every named action (facts/federation.md §3.3). Anything else is left unanswered.
import type { Condition } from './condition.ts'
import { containersAction, includesAction } from './role-definitions.ts'

/** What a condition leaves open; without prefixes every path. */
export type PathLimit = { container?: string; prefixes?: readonly string[] }

type Call = { action: string; isList: boolean }
type Comparison = Extract<Condition, { kind: 'compare' }>

const nameAttribute = `@Resource[${containersAction}:name]`
const pathAttribute = `@Resource[${containersAction}/blobs:path]`
const prefixAttribute = `@Request[${containersAction}/blobs:prefix]`

// Moves, tags and superuser rights are left out: storage holds the prefix for them in any case, which
// is stricter than a condition that does not name them.
const calls: readonly Call[] = [
  { action: `${containersAction}/blobs/read`, isList: false },
  { action: `${containersAction}/blobs/read`, isList: true },
  { action: `${containersAction}/blobs/write`, isList: false },
  { action: `${containersAction}/blobs/add/action`, isList: false },
  { action: `${containersAction}/blobs/delete`, isList: false },
]

/** The limit a condition sets on these data actions, or undefined when storage could not enforce it. */
export function findPathLimit(
  condition: Condition,
  allows: (action: string) => boolean,
): PathLimit | undefined {
  const limits = calls
    .filter(({ action }) => allows(action))
    .map((call) => readLimit(reduce(condition, call), call))
  const [first] = limits
  if (first === undefined) return undefined
  const isSame = (limit: PathLimit | undefined): boolean =>
    limit !== undefined &&
    limit.container === first.container &&
    String(limit.prefixes?.toSorted()) === String(first.prefixes?.toSorted())
  return limits.every((limit) => isSame(limit)) ? first : undefined
}

// What is left of a condition for one call: a truth, comparisons that must all hold, or nothing known.
type Rest = boolean | readonly Comparison[] | undefined

function reduce(condition: Condition, call: Call): Rest {
  if (condition.kind === 'action') return includesAction(condition.patterns, call.action)
  if (condition.kind === 'suboperation') {
    return call.isList && condition.patterns.includes('Blob.List')
  }
  if (condition.kind === 'compare') return [condition]
  if (condition.kind === 'exists') return undefined
  if (condition.kind === 'not') {
    const part = reduce(condition.part, call)
    return typeof part === 'boolean' ? !part : undefined
  }
  const parts = condition.parts.map((part) => reduce(part, call))
  return condition.kind === 'and' ? reduceAll(parts) : reduceAny(parts)
}

function reduceAll(parts: readonly Rest[]): Rest {
  if (parts.includes(false)) return false
  const comparisons: Comparison[] = []
  for (const part of parts) {
    if (part === undefined) return undefined
    if (typeof part !== 'boolean') comparisons.push(...part)
  }
  return comparisons.length === 0 ? true : comparisons
}

function reduceAny(parts: readonly Rest[]): Rest {
  if (parts.includes(true)) return true
  const open = parts.filter((part) => part !== false)
  if (open.length <= 1) return open.length === 0 ? false : open[0]
  // Alternatives are known only as further values of one comparison: path A or path B.
  const comparisons: Comparison[] = []
  for (const part of open) {
    if (typeof part !== 'object' || part.length !== 1) return undefined
    comparisons.push(...part)
  }
  const [first] = comparisons
  const isSame = comparisons.every(
    ({ attribute, operator }) => attribute === first?.attribute && operator === first.operator,
  )
  if (!first || !isSame || !/^String(StartsWith|Like|Equals)$/.test(first.operator))
    return undefined
  return [{ ...first, values: comparisons.flatMap(({ values }) => values) }]
}

function readLimit(left: Rest, { isList }: Call): PathLimit | undefined {
  if (left === true) return {}
  if (left === false || left === undefined) return undefined
  const limit: PathLimit = {}
  for (const comparison of left) {
    const container = readName(comparison)
    const prefixes = readPrefixes(comparison, isList ? prefixAttribute : pathAttribute)
    if (container !== undefined && limit.container === undefined) limit.container = container
    else if (prefixes && !limit.prefixes) limit.prefixes = prefixes
    else return undefined
  }
  return limit
}

function readName({ attribute, operator, values }: Comparison): string | undefined {
  const isName = attribute.toLowerCase() === nameAttribute.toLowerCase()
  return isName && operator === 'StringEquals' && values.length === 1 ? values[0] : undefined
}

function readPrefixes(
  { attribute, operator, values }: Comparison,
  wanted: string,
): readonly string[] | undefined {
  if (attribute.toLowerCase() !== wanted.toLowerCase()) return undefined
  if (operator === 'StringStartsWith') return values
  const areStarts = operator === 'StringLike' && values.every((value) => /^[^*?]*\*$/.test(value))
  return areStarts ? values.map((value) => value.slice(0, -1)) : undefined
}
