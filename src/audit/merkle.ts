// Merkle trees as RFC 9162 §2.1 has them (those of RFC 6962): roots, inclusion and consistency proofs. Hashes
// are lower-case hex. A tree may begin behind a boundary of which only the peaks are known.
import { hash } from 'node:crypto'

/** The complete subtrees that some first leaves make, largest first: enough to go on from. */
export type Frontier = { size: number; peaks: readonly string[] }

/** The frontier of no leaves. */
export const emptyFrontier: Frontier = { size: 0, peaks: [] }

/** The hash of a leaf with these bytes, given in hex. */
export function hashLeaf(dataHex: string): string {
  return hash('sha256', Buffer.from(`00${dataHex}`, 'hex'))
}

/** The hash of a node over two others. */
export function hashNode(left: string, right: string): string {
  return hash('sha256', Buffer.from(`01${left}${right}`, 'hex'))
}

/** The frontier with more leaves behind it, given by their hashes. */
export function extend({ size, peaks }: Frontier, leaves: Iterable<string>): Frontier {
  const stack = [...peaks]
  let count = size
  for (const leaf of leaves) {
    let top = leaf
    // Two trees of one height are one of the next: as many as the number has ones at its end.
    for (let rest = count; rest % 2 === 1; rest = (rest - 1) / 2) {
      top = hashNode(stack.pop() ?? '', top)
    }
    stack.push(top)
    count += 1
  }
  return { size: count, peaks: stack }
}

/** The root of the tree whose frontier this is. */
export function rootOf({ peaks }: Frontier): string {
  if (peaks.length === 0) return hash('sha256', '')
  return peaks.reduceRight((right, left) => hashNode(left, right))
}

/** The places of the peaks of so many leaves: where each begins and ends. */
export function peakRanges(size: number): { from: number; to: number }[] {
  const ranges = []
  for (let from = 0; from < size;) {
    const to = from + 2 ** Math.floor(Math.log2(size - from))
    ranges.push({ from, to })
    from = to
  }
  return ranges
}

/** A tree that proves: `begin` is what lies before the first leaf given; throws RangeError for what it does not know. */
export type ProvingTree = {
  /** Root of the first `size` leaves. */
  root(size: number): string
  /** The path from leaf `index`, counted from 0, to the root of the first `size` leaves. */
  proveInclusion(index: number, size: number): string[]
  /** The proof that the first `older` leaves are the beginning of the first `size`. */
  proveConsistency(older: number, size: number): string[]
}

// Smaller subtrees are hashed again when they are asked for again.
const rememberFrom = 64

/** A tree over leaf hashes behind a frontier. */
export function createProvingTree(begin: Frontier, leaves: readonly string[]): ProvingTree {
  const known = new Map<string, string>()
  for (const [index, { from, to }] of peakRanges(begin.size).entries()) {
    known.set(`${from} ${to}`, begin.peaks[index] ?? '')
  }
  const end = begin.size + leaves.length
  const hashOf = (from: number, to: number): string => {
    if (from >= to || to > end) throw new RangeError(`there are no leaves ${from} to ${to}`)
    const name = `${from} ${to}`
    const found = known.get(name)
    if (found !== undefined) return found
    if (to - from === 1) {
      const leaf = leaves[from - begin.size]
      if (leaf === undefined) throw new RangeError(`leaf ${from} lies before the boundary`)
      return leaf
    }
    const middle = from + splitOf(to - from)
    const made = hashNode(hashOf(from, middle), hashOf(middle, to))
    if (to - from >= rememberFrom) known.set(name, made)
    return made
  }
  const pathOf = (index: number, from: number, to: number): string[] => {
    if (to - from === 1) return []
    const middle = from + splitOf(to - from)
    return index < middle
      ? [...pathOf(index, from, middle), hashOf(middle, to)]
      : [...pathOf(index, middle, to), hashOf(from, middle)]
  }
  // RFC 9162 §2.1.4.1: the older tree's own root need not be told, as long as it is a whole subtree.
  const consistencyOf = (older: number, from: number, to: number, isWhole: boolean): string[] => {
    if (older === to) return isWhole ? [] : [hashOf(from, to)]
    const middle = from + splitOf(to - from)
    return older <= middle
      ? [...consistencyOf(older, from, middle, isWhole), hashOf(middle, to)]
      : [...consistencyOf(older, middle, to, false), hashOf(from, middle)]
  }
  return {
    root: (size) => (size === 0 ? rootOf(emptyFrontier) : hashOf(0, size)),
    proveInclusion: (index, size) => {
      if (index < 0 || index >= size || size > end) {
        throw new RangeError(`there is no leaf ${index} of ${size}`)
      }
      return pathOf(index, 0, size)
    },
    proveConsistency: (older, size) => {
      if (older < 1 || older > size) throw new RangeError(`${older} leaves are no part of ${size}`)
      return consistencyOf(older, 0, size, true)
    },
  }
}

/** Whether a leaf is the one at `index` of the tree with this root (RFC 9162 §2.1.3.2). */
export function verifyInclusion(
  { index, size, root }: { index: number; size: number; root: string },
  leaf: string,
  proof: readonly string[],
): boolean {
  if (index < 0 || index >= size) return false
  let [node, last, made] = [index, size - 1, leaf]
  for (const sibling of proof) {
    if (last === 0) return false
    if (node % 2 === 1 || node === last) {
      made = hashNode(sibling, made)
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)]
    } else {
      made = hashNode(made, sibling)
    }
    ;[node, last] = [half(node), half(last)]
  }
  return last === 0 && made === root
}

/** Whether the tree of one size and root begins with that of the other (RFC 9162 §2.1.4.2). */
export function verifyConsistency(
  older: { size: number; root: string },
  newer: { size: number; root: string },
  proof: readonly string[],
): boolean {
  if (older.size < 1 || older.size > newer.size) return false
  if (older.size === newer.size) return proof.length === 0 && older.root === newer.root
  const path = Number.isInteger(Math.log2(older.size)) ? [older.root, ...proof] : proof
  const roots = foldPath(older.size - 1, newer.size - 1, path)
  return roots?.older === older.root && roots.newer === newer.root
}

// The roots that a path makes of both trees; undefined when it has not the right length.
function foldPath(
  lastOfOlder: number,
  lastOfNewer: number,
  path: readonly string[],
): { older: string; newer: string } | undefined {
  let [node, last] = [lastOfOlder, lastOfNewer]
  while (node % 2 === 1) [node, last] = [half(node), half(last)]
  const [first, ...siblings] = path
  if (first === undefined) return undefined
  let [older, newer] = [first, first]
  for (const sibling of siblings) {
    if (last === 0) return undefined
    if (node % 2 === 1 || node === last) {
      older = hashNode(sibling, older)
      newer = hashNode(sibling, newer)
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)]
    } else {
      newer = hashNode(newer, sibling)
    }
    ;[node, last] = [half(node), half(last)]
  }
  return last === 0 ? { older, newer } : undefined
}

// The largest power of two that is smaller.
function splitOf(size: number): number {
  return 2 ** (Math.ceil(Math.log2(size)) - 1)
}

function half(value: number): number {
  return Math.floor(value / 2)
}
