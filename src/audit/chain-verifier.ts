// Follows one chain row by row: each continues the one before it, the chain is one node's, and what its
// signed checkpoints state is what was read. It can go on for as long as the chain grows.
import { genesisHash, type LedgerChain, type LedgerRow } from '../store/store.ts'
import { brokenAt, isSealed, readRecord, type Break } from './chain.ts'
import type { CheckpointReference, LedgerRecord } from './event.ts'
import { emptyFrontier, extend, hashLeaf, rootOf, type Frontier } from './merkle.ts'
import { nameBreak } from './name-break.ts'
import type { NoteKey } from './signed-note.ts'
import { followEndorsements, openStatement, readStatement, type Statement } from './statement.ts'

/** Where following begins: the first record, or behind a checkpoint that is trusted. */
export type Beginning = {
  frontier: Frontier
  head: string
  /** The checkpoint it is behind, with the id of the key that signed it. */
  last?: SeenCheckpoint
}

/** A checkpoint that was found right. */
export type SeenCheckpoint = {
  reference: CheckpointReference
  statement: Statement
  /** The key that signed it; unknown when signatures could not be judged. */
  keyId?: string
}

/** What one node saw of another's chain. */
export type Sighting = LedgerChain & { by: string; at: string }

/** Follows one chain; the state is what it has read. */
export type ChainVerifier = {
  readonly node: string
  /** End of what was read. */
  end(): LedgerChain
  /** The end when all was read; throws audit_chain_broken when it was never this node's. */
  finish(): LedgerChain
  /** Takes the next rows; throws audit_chain_broken. */
  take(rows: readonly LedgerRow[], readAt: ReadAt): Promise<void>
  /** The tree over all that was read. */
  tree(): Frontier
  /** The newest checkpoint that was found right. */
  last(): SeenCheckpoint | undefined
  /** Records since the last checkpoint that are none themselves. */
  newsCount(): number
  checkpoints(): number
  sightings(): readonly Sighting[]
  /** Segments it read were moved to an archive, of whatever node. */
  archived(): readonly { node: string; last: number }[]
  /** The keys it trusts by now. */
  keys(): readonly NoteKey[]
}

type ReadAt = (seq: number) => Promise<LedgerRow | undefined>

// Longest list of hashes that wait to be put into the tree; a checkpoint states something younger.
const longestWait = 200_000

/**
 * A verifier of the chain of a node. With `keys`, checkpoints that none of them signed are a fork; without,
 * only what checkpoints state is compared.
 */
export function createChainVerifier(
  node: string,
  keys: readonly NoteKey[] | undefined,
  beginning: Beginning,
): ChainVerifier {
  const name = `The ledger of ${node}`
  let { frontier, head } = beginning
  // The hash of the last record that is in the tree.
  let treeHead = head
  let seq = frontier.size
  let waiting: string[] = []
  let trusted = keys ?? []
  let last = beginning.last
  let [newsCount, checkpoints, isOwn] = [0, 0, seq > 0]
  const sightings = new Map<string, Sighting>()
  const archived: { node: string; last: number }[] = []

  const fold = (count: number) => {
    treeHead = waiting[count - 1] ?? treeHead
    frontier = extend(frontier, waiting.slice(0, count).map(hashLeaf))
    waiting = waiting.slice(count)
  }
  const checkCheckpoint = (at: number, found: CheckpointReference) => {
    const opened = keys && openStatement(found.note, trusted)
    const statement = opened ?? readStatement(found.note)
    if (!statement || (keys && !opened)) {
      throw forkAt(at, 'no key of this ledger signed its checkpoint')
    }
    const { size, root, head: stated } = statement
    const from = (last?.statement.size ?? 0) + 1
    const where = `what was signed at ${statement.at} is not what is there`
    if (statement.node !== node || size >= at) throw forkAt(at, where)
    if (size < frontier.size) throw forkAt(at, 'its checkpoint is older than the one before it')
    fold(size - frontier.size)
    if (treeHead !== stated || rootOf(frontier) !== root) {
      throw forkAt(Math.min(from, size), `${where}: records ${from} to ${size}`)
    }
    last = { reference: found, statement, ...(opened && { keyId: opened.key.id }) }
    checkpoints += 1
  }
  const look = (row: LedgerRow) => {
    // From the end, where it is near: most of the time goes into looking through texts.
    const typeAt = row.record.lastIndexOf('"type":"')
    const isLedgers = row.record.startsWith('"type":"ledger.', typeAt)
    if (!isLedgers) newsCount += 1
    // Before there was a chain for each node, a renamed node went on with the one there was.
    const isNodes = row.record.includes(`"node":"${node}"`)
    if (!isLedgers && isNodes && isOwn) return
    const record = readRecord(row)
    if (!record) return
    if (isOwn && record.node !== node) {
      throw forkAt(record.seq, `it was written by ${record.node}`)
    }
    isOwn ||= record.node === node
    if (isLedgers) lookAtOurs(record)
  }
  // What the ledger says of itself.
  const lookAtOurs = (record: LedgerRecord) => {
    collectSightings(record, sightings)
    if (record.type === 'ledger.archived') {
      newsCount += 1
      if (record.segment) archived.push(record.segment)
    }
    const { endorsement } = record.ledger_key ?? {}
    if (endorsement !== undefined) trusted = followEndorsements(trusted, [endorsement])
    if (!record.checkpoint) return
    checkCheckpoint(record.seq, record.checkpoint)
    newsCount = 0
  }
  const forkAt = (at: number, why: string) => brokenAt(name, { seq: at, kind: 'fork', why })
  return {
    node,
    end: () => ({ node, seq, hash: head }),
    take: async (rows, readAt) => {
      for (const row of rows) {
        if (row.seq !== seq + 1 || !isSealed(head, row)) {
          const expected = { seq: seq + 1, prev: head }
          throw brokenAt(name, laterThan(beginning, await nameBreak(expected, row, readAt)))
        }
        look(row)
        head = row.hash
        seq = row.seq
        waiting.push(row.hash)
        if (waiting.length > longestWait) fold(longestWait / 2)
      }
    },
    finish: () => {
      if (seq > 0 && !isOwn) throw forkAt(seq, `no record of it was written by ${node}`)
      return { node, seq, hash: head }
    },
    tree: () => {
      fold(waiting.length)
      return frontier
    },
    last: () => last,
    newsCount: () => newsCount,
    checkpoints: () => checkpoints,
    sightings: () => [...sightings.values()],
    archived: () => archived,
    keys: () => trusted,
  }
}

/** Where a chain begins that is read from its first record. */
export const wholeChain: Beginning = { frontier: emptyFrontier, head: genesisHash }

// What lies before the beginning is vouched for.
function laterThan({ frontier }: Beginning, found: Break): Break {
  return found.seq > frontier.size ? found : { ...found, seq: frontier.size + 1 }
}

function collectSightings(record: LedgerRecord, sightings: Map<string, Sighting>): void {
  for (const head of record.heads ?? []) {
    // Two that saw different things at one place are both kept; one of them will be wrong.
    const key = `${head.node} ${head.seq} ${head.hash}`
    if (!sightings.has(key)) sightings.set(key, { ...head, by: record.node, at: record.ts })
  }
}
