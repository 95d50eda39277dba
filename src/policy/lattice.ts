// Rights as a lattice: they can be intersected and compared, so "may only narrow" and "the agent never
// exceeds the person" are computed, not hoped for (DESIGN §5.6). No right at all is `undefined`.
import {
  closeVerbs,
  serviceOf,
  verbs as allVerbs,
  type StorageService,
  type Verb,
} from './grant.ts'

/** What may be done below one prefix of one container, and for how long a token for it may live. */
export type Right = {
  account: string
  service: StorageService
  container: string
  /** `''` or a path that ends in `/`, decoded. */
  prefix: string
  /** In the one order, closed, never empty. */
  verbs: readonly Verb[]
  lifetimeSeconds: number
}

/** A right in its one spelling; undefined when it permits nothing. */
export function toRight(right: Right): Right | undefined {
  const { account, service, container, prefix, lifetimeSeconds } = right
  const verbs = closeVerbs(right.verbs).filter((verb) => serviceOf(verb) === service)
  if (verbs.length === 0 || lifetimeSeconds <= 0) return undefined
  return { account, service, container, prefix, verbs, lifetimeSeconds }
}

/** What both rights permit; undefined when that is nothing. */
export function intersect(one: Right | undefined, other: Right | undefined): Right | undefined {
  if (!one || !other || !isSamePlace(one, other)) return undefined
  const prefix = reaches(one.prefix, other.prefix)
    ? other.prefix
    : reaches(other.prefix, one.prefix)
      ? one.prefix
      : undefined
  if (prefix === undefined) return undefined
  return toRight({
    ...one,
    prefix,
    verbs: allVerbs.filter((verb) => one.verbs.includes(verb) && other.verbs.includes(verb)),
    lifetimeSeconds: Math.min(one.lifetimeSeconds, other.lifetimeSeconds),
  })
}

/** Whether everything the narrow right permits is permitted by the wide one. */
export function contains(wide: Right | undefined, narrow: Right | undefined): boolean {
  if (!narrow) return true
  if (!wide || !isSamePlace(wide, narrow)) return false
  return (
    reaches(wide.prefix, narrow.prefix) &&
    narrow.verbs.every((verb) => wide.verbs.includes(verb)) &&
    narrow.lifetimeSeconds <= wide.lifetimeSeconds
  )
}

/** What both lists of rights permit: each right of the one with each of the other, none twice. */
export function intersectAll(ones: readonly Right[], others: readonly Right[]): Right[] {
  const found: Right[] = []
  for (const one of ones) {
    for (const other of others) {
      const both = intersect(one, other)
      if (both && !found.some((each) => contains(each, both))) found.push(both)
    }
  }
  return found.filter(
    (each, index) =>
      !found.some(
        (other, place) => place !== index && contains(other, each) && !contains(each, other),
      ),
  )
}

/** The parts of the new rights, verb by verb, that no old right contains. */
export function subtract(news: readonly Right[], olds: readonly Right[]): Right[] {
  return news.flatMap((right) => {
    const verbs = right.verbs.filter(
      (verb) => !olds.some((old) => contains(old, { ...right, verbs: [verb] })),
    )
    return verbs.length > 0 ? [{ ...right, verbs }] : []
  })
}

/** Whether a prefix (`''` or ending in `/`) has the path, or another prefix, below it. */
export function reaches(prefix: string, path: string): boolean {
  return path.startsWith(prefix)
}

function isSamePlace(one: Right, other: Right): boolean {
  return (
    one.account === other.account &&
    one.service === other.service &&
    one.container === other.container
  )
}
