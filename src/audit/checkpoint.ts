// Checkpoints: every node signs its chain at its start, every minute there is news, and at its end, and
// writes down where it saw the others' chains end. What was signed or seen cannot be changed or cut off any
// more without being missed. What is signed was verified first, so a changed record is found, not blessed.
import { messageOf, Fault } from '../core/fault.ts'
import type { Log } from '../core/log.ts'
import type { LedgerChain, Store } from '../store/store.ts'
import type { ChainVerifier } from './chain-verifier.ts'
import type { CheckpointReference, LedgerEvent } from './event.ts'
import type { Keyring } from './keyring.ts'
import type { Ledger } from './ledger.ts'
import { rootOf } from './merkle.ts'
import { signStatement } from './statement.ts'
import { readToEnd } from './verify.ts'

/** Milliseconds between two looks at the chains. */
export const checkpointEveryMs = 60_000

/** Looks at the chains now; resolves when what is new of them is on record. */
export type WriteCheckpoint = () => Promise<void>

/** What a node signs its own chain with; `verifier` has read the chain and goes on. */
export type Signing = {
  now: () => Date
  verifier: ChainVerifier
  keyring: Keyring
  /** Brings a note to where nobody here can change it; what goes wrong is its own to tell. */
  anchor: (note: string) => Promise<void>
  /** A segment is closed when it has this many records, or its month is over. */
  segmentRecords: number
}

type Deps = {
  store: Pick<Store, 'listChains' | 'readLedger'>
  ledger: Ledger
  log: Log
  signing?: Signing
}

/** A writer of checkpoints for one node; what goes wrong is logged, and tried again the next time. */
export function createCheckpoints(deps: Deps, node: string): WriteCheckpoint {
  let last: ReadonlyMap<string, LedgerChain> = new Map()
  let underway: Promise<void> | undefined
  const write = async () => {
    const heads = await findNews(deps, node, last)
    const signed = deps.signing && (await signChain(deps, deps.signing, heads.length > 0))
    if (heads.length === 0 && !signed) return
    const event: LedgerEvent = { type: 'ledger.checkpoint', decision: 'info' }
    await deps.ledger.append({ ...event, ...(heads.length > 0 && { heads }), ...signed })
    last = new Map([...last, ...heads.map((head) => [head.node, head] as const)])
    if (signed?.checkpoint) await deps.signing?.anchor(signed.checkpoint.note)
  }
  return () => {
    underway ??= write()
      .catch((error: unknown) => {
        const code = error instanceof Fault ? { code: error.code, ...error.details } : {}
        const about = { ...code, error: messageOf(error) }
        deps.log.error(about, 'the ledger checkpoint could not be written')
      })
      .finally(() => {
        underway = undefined
      })
    return underway
  }
}

type Signed = Pick<LedgerEvent, 'checkpoint' | 'segment'> & { type?: LedgerEvent['type'] }

async function signChain(
  { store, ledger }: Pick<Deps, 'store' | 'ledger'>,
  { now, verifier, keyring, segmentRecords }: Signing,
  hasOther: boolean,
): Promise<Signed | undefined> {
  await readToEnd(store, verifier)
  await keyring.refresh()
  const { verifier: key } = keyring.signer()
  const last = verifier.last()
  if (!hasOther && verifier.newsCount() === 0 && last?.keyId === key.id) return undefined
  if (last?.keyId !== key.id) {
    const endorsement = keyring.endorsement()
    await ledger.append({
      type: 'ledger.key',
      decision: 'info',
      ledger_key: { verifier: key.text, ...(endorsement !== undefined && { endorsement }) },
    })
    await readToEnd(store, verifier)
  }
  const { node, seq: size, hash: head } = verifier.end()
  const frontier = verifier.tree()
  const at = now().toISOString()
  const statement = { node, size, head, at, root: rootOf(frontier) }
  const note = signStatement(keyring.signer(), statement)
  const open = last?.reference.segment ?? (await firstSegment(store, node, at))
  const checkpoint = { note, frontier: frontier.peaks }
  const isClosing =
    size - open.first + 1 >= segmentRecords || open.since.slice(0, 7) !== at.slice(0, 7)
  if (!isClosing || size < open.first) return { checkpoint: { ...checkpoint, segment: open } }
  return {
    type: 'ledger.closed',
    segment: { node, first: open.first, last: size },
    checkpoint: { ...checkpoint, segment: { first: size + 1, since: at } },
  }
}

async function firstSegment(
  store: Pick<Store, 'readLedger'>,
  node: string,
  now: string,
): Promise<CheckpointReference['segment']> {
  const [first] = await store.readLedger(node, 1, 1)
  return { first: first?.seq ?? 1, since: now }
}

// Where the other chains end, as far as that is new; what was there and is gone is told at once.
async function findNews(
  deps: Deps,
  node: string,
  last: ReadonlyMap<string, LedgerChain>,
): Promise<LedgerChain[]> {
  const chains = await deps.store.listChains()
  const others = chains.filter((chain) => chain.node !== node)
  for (const { node: other, seq } of last.values()) {
    if (others.some((chain) => chain.node === other && chain.seq >= seq)) continue
    const about = { code: 'audit_chain_broken', node: other, seq }
    deps.log.error(about, `the ledger of ${other} had a record ${seq}, and it is gone`)
  }
  const news = await Promise.all(
    others.map((chain) => isNews(deps.store, last.get(chain.node)?.seq ?? 0, chain)),
  )
  return others.filter((_, index) => news[index])
}

// Longest run of records that is looked through.
const glance = 16

// Checkpoints about checkpoints would go to and fro for ever while nothing happens.
async function isNews(
  store: Pick<Store, 'readLedger'>,
  knownSeq: number,
  { node, seq }: LedgerChain,
): Promise<boolean> {
  if (seq <= knownSeq) return false
  if (seq > knownSeq + glance) return true
  const rows = await store.readLedger(node, knownSeq + 1, glance)
  return rows.some(({ record }) => !/"type":"ledger\.(checkpoint|closed|key)"/.test(record))
}
