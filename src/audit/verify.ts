// Verifies the ledger: every chain from its first record or from its newest signed checkpoint, and that each
// chain still has what the others and the anchors say they saw of it. So a tail that was cut off one is
// found in another, and what was written anew is found against what was signed.
import type { LedgerChain, LedgerRow, Store } from '../store/store.ts'
import {
  createChainVerifier,
  wholeChain,
  type Beginning,
  type ChainVerifier,
  type SeenCheckpoint,
  type Sighting,
} from './chain-verifier.ts'
import { brokenAt, readRecord } from './chain.ts'
import type { CheckpointReference } from './event.ts'
import { rootOf } from './merkle.ts'
import type { NoteKey } from './signed-note.ts'
import { openStatement, readStatement } from './statement.ts'

/** Where records are read from: a store, an archive, or both as one. */
export type LedgerSource = Pick<Store, 'readLedger' | 'listChains'> & {
  /** The checkpoint that lies before the first record there is of a node, when it is known. */
  beginning?: (node: string) => CheckpointReference | undefined
}

/** What verifying read: all records, where each chain ended, and up to where it is signed. */
export type Verified = {
  count: number
  chains: LedgerChain[]
  verifiers: readonly ChainVerifier[]
}

/** The keys that may sign for a node; undefined when nobody knows any, and signatures cannot be judged. */
export type KeysOf = (node: string) => readonly NoteKey[] | undefined

const pageSize = 1000

/**
 * Reads and checks all chains whole, also while they grow, and holds them to checkpoints that were kept
 * elsewhere; throws audit_chain_broken.
 */
export async function verifyLedger(
  source: LedgerSource,
  keysOf: KeysOf = () => undefined,
  notes: Iterable<string> = [],
): Promise<Verified> {
  const begin = (node: string) => findBeginning(source, node, keysOf(node))
  const verified = await verifyFrom(source, keysOf, begin)
  await checkAnchored(source, keysOf, notes)
  for (const verifier of verified.verifiers) {
    const { node } = verifier
    if (verifier.last() || !keysOf(node)) continue
    const why = 'none of its checkpoints is signed by a key of this ledger'
    throw brokenAt(`The ledger of ${node}`, { seq: 1, kind: 'fork', why })
  }
  return verified
}

/** Holds a store to its word: what is not there any more was archived on record; throws audit_chain_broken. */
export async function checkArchived(
  source: Pick<LedgerSource, 'readLedger'>,
  { verifiers }: Verified,
): Promise<void> {
  const archived = verifiers.flatMap((verifier) => verifier.archived())
  for (const { node } of verifiers) {
    const [first] = await source.readLedger(node, 1, 1)
    const last = (first?.seq ?? 1) - 1
    if (last === 0 || archived.some((each) => each.node === node && each.last === last)) continue
    const why = `records 1 to ${last} are not there, and no record says that they were archived`
    throw brokenAt(`The ledger of ${node}`, { seq: 1, kind: 'drop', why })
  }
}

/** The same from the newest checkpoint of each chain on, which takes no longer as the ledger grows. */
export async function verifyTails(source: LedgerSource, keysOf: KeysOf): Promise<Verified> {
  return verifyFrom(source, keysOf, async (node) => {
    const keys = keysOf(node)
    const found = keys && (await findNewest(source, node, keys))
    return found ?? findBeginning(source, node, keys)
  })
}

async function verifyFrom(
  source: LedgerSource,
  keysOf: KeysOf,
  begin: (node: string) => Promise<Beginning>,
): Promise<Verified> {
  const verifiers: ChainVerifier[] = []
  for (const { node } of await source.listChains()) {
    const verifier = createChainVerifier(node, keysOf(node), await begin(node))
    await readToEnd(source, verifier)
    verifier.finish()
    verifiers.push(verifier)
  }
  for (const verifier of verifiers) {
    for (const sighting of verifier.sightings()) await checkSighting(source, sighting)
  }
  const chains = verifiers.map((verifier) => verifier.end())
  return { count: chains.reduce((sum, { seq }) => sum + seq, 0), chains, verifiers }
}

/** Lets a verifier read all there is by now; throws audit_chain_broken. */
export async function readToEnd(
  source: Pick<LedgerSource, 'readLedger'>,
  verifier: ChainVerifier,
): Promise<void> {
  const readAt = async (seq: number): Promise<LedgerRow | undefined> => {
    const [row] = await source.readLedger(verifier.node, seq, 1)
    return row?.seq === seq ? row : undefined
  }
  for (;;) {
    const rows = await source.readLedger(verifier.node, verifier.end().seq + 1, pageSize)
    await verifier.take(rows, readAt)
    if (rows.length < pageSize) return
    // Others have a turn: a service signs while it serves.
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  }
}

/** Holds the chains to checkpoints that were kept elsewhere; throws audit_chain_broken. */
export async function checkAnchored(
  source: LedgerSource,
  keysOf: KeysOf,
  notes: Iterable<string>,
): Promise<number> {
  const chains = await source.listChains()
  let count = 0
  for (const note of notes) {
    const keys = keysOf(readStatement(note)?.node ?? '')
    const statement = keys ? openStatement(note, keys) : readStatement(note)
    if (!statement) continue
    const { node, size: seq, head: hash, at } = statement
    const end = chains.find((chain) => chain.node === node)?.seq ?? 0
    if (seq > end) {
      const why = `the ledger had ${seq} records when it was signed at ${at}, and they are gone`
      throw brokenAt(`The ledger of ${node}`, { seq: end + 1, kind: 'truncate', why })
    }
    if (seq > 0) await checkSighting(source, { node, seq, hash, by: 'the anchor', at })
    count += 1
  }
  return count
}

async function checkSighting(
  source: LedgerSource,
  { node, seq, hash, by, at }: Sighting,
): Promise<void> {
  const [row] = await source.readLedger(node, seq, 1)
  // What was archived is vouched for by the checkpoint that the chain now begins behind.
  if (row && row.seq > seq && (await isArchived(source, node, row))) return
  if (row?.seq === seq && row.hash === hash) return
  const name = `The ledger of ${node}`
  if (row?.seq === seq) {
    throw brokenAt(name, { seq, kind: 'fork', why: `${by} saw another one there at ${at}` })
  }
  const end = (await source.listChains()).find((chain) => chain.node === node)?.seq ?? 0
  throw brokenAt(name, {
    seq: end + 1,
    kind: 'truncate',
    why: `${by} saw record ${seq} at ${at}, and it is gone`,
  })
}

async function isArchived(source: LedgerSource, node: string, row: LedgerRow): Promise<boolean> {
  const [first] = await source.readLedger(node, 1, 1)
  return first?.seq === row.seq
}

/** The first record of a chain, or the checkpoint before the first there is when older ones were archived. */
export async function findBeginning(
  source: Pick<LedgerSource, 'readLedger' | 'beginning'>,
  node: string,
  keys: readonly NoteKey[] | undefined,
): Promise<Beginning> {
  const [first] = await source.readLedger(node, 1, 1)
  if (!first || first.seq === 1) return wholeChain
  const size = first.seq - 1
  const told = source.beginning?.(node)
  const known = told && toBeginning(told, keys)
  if (known?.frontier.size === size) return known
  for (let from = first.seq; ;) {
    const rows = await source.readLedger(node, from, pageSize)
    for (const row of rows) {
      const found = readBeginning(row, keys)
      if (found?.frontier.size === size) return found
      if (found && found.frontier.size > size) return wholeChain
    }
    if (rows.length < pageSize) return wholeChain
    from += rows.length
  }
}

async function findNewest(
  source: LedgerSource,
  node: string,
  keys: readonly NoteKey[],
): Promise<Beginning | undefined> {
  const end = (await source.listChains()).find((chain) => chain.node === node)?.seq ?? 0
  for (let to = end; to > 0; to -= pageSize) {
    const rows = await source.readLedger(
      node,
      Math.max(to - pageSize + 1, 1),
      Math.min(to, pageSize),
    )
    for (const row of rows.toReversed()) {
      const found = row.seq <= to ? readBeginning(row, keys) : undefined
      if (found && (await isHead(source, node, found))) return found
    }
  }
  return undefined
}

async function isHead(source: LedgerSource, node: string, found: Beginning): Promise<boolean> {
  const [row] = await source.readLedger(node, found.frontier.size, 1)
  return row?.seq !== found.frontier.size || row.hash === found.head
}

function readBeginning(
  row: LedgerRow,
  keys: readonly NoteKey[] | undefined,
): Beginning | undefined {
  if (!row.record.includes('"frontier":[')) return undefined
  const checkpoint = readRecord(row)?.checkpoint
  return checkpoint && toBeginning(checkpoint, keys)
}

// Peaks are nobody's word: they make the root that was signed, or they are none.
function toBeginning(
  reference: CheckpointReference,
  keys: readonly NoteKey[] | undefined,
): Beginning | undefined {
  const opened = keys && openStatement(reference.note, keys)
  const statement = keys ? opened : readStatement(reference.note)
  if (!statement) return undefined
  const frontier = { size: statement.size, peaks: reference.frontier }
  if (rootOf(frontier) !== statement.root) return undefined
  const last: SeenCheckpoint = { reference, statement, ...(opened && { keyId: opened.key.id }) }
  return { frontier, head: statement.head, last }
}
