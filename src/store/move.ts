// Moves all of one store into another, and compares them record by record. What is there already must be
// what an earlier, interrupted move wrote: then this one goes on behind it.
import { Fault } from '../core/fault.ts'
import type { BuildRow, LedgerChain, LedgerRow, RequestTokenRow } from './store.ts'
import type { Store, StorePages } from './store.ts'

/** A store with all it can show. */
export type WholeStore = Store & StorePages

/** How much was found alike on both sides. */
export type Moved = {
  chains: LedgerChain[]
  records: number
  tokens: number
  builds: number
  documents: number
}

const pageSize = 1000

/** Copies what the target does not have yet; throws store_target_differs before anything is written. */
export async function copyStore(from: WholeStore, to: WholeStore): Promise<void> {
  const begun = new Map((await to.listChains()).map((chain) => [chain.node, chain]))
  await checkIsBeginning(from, to, begun)
  for await (const row of readTokens(from)) await to.addRequestToken(row)
  for await (const row of readBuilds(from)) await to.observeBuild(row)
  for (const { name, text } of await from.readDocuments()) {
    if (!(await to.readDocument(name))) await to.writeDocument(name, 0, text)
  }
  for (const { node } of await from.listChains()) {
    const first = (begun.get(node)?.seq ?? 0) + 1
    for await (const rows of readChain(from, node, first)) await to.appendLedger(node, () => rows)
  }
}

/** Compares both sides row by row, in either direction; throws store_target_differs at the first difference. */
export async function compareStores(from: WholeStore, to: WholeStore): Promise<Moved> {
  const chains = await from.listChains()
  const moved: Moved = { chains, records: 0, tokens: 0, builds: 0, documents: 0 }
  await checkIsSubset(from, to)
  await checkIsSubset(to, from)
  for await (const _ of readTokens(from)) moved.tokens += 1
  for await (const _ of readBuilds(from)) moved.builds += 1
  moved.documents = (await from.readDocuments()).length
  for (const { node, seq } of chains) {
    await checkChain(from, to, { node, upTo: seq })
    moved.records += seq
  }
  return moved
}

async function checkIsBeginning(
  from: WholeStore,
  to: WholeStore,
  begun: ReadonlyMap<string, LedgerChain>,
): Promise<void> {
  await checkIsSubset(to, from)
  for (const { node, seq } of begun.values()) await checkChain(to, from, { node, upTo: seq })
}

// All but the records of the ledger, which are compared in their order.
async function checkIsSubset(part: WholeStore, whole: WholeStore): Promise<void> {
  for await (const row of readTokens(part)) {
    const other = await whole.findRequestToken(row.tokenHash)
    needSame(row, other, `the token ${row.tokenHash.slice(0, 12)}...`)
  }
  for await (const row of readBuilds(part)) {
    const other = await whole.findBuild(row.instance, row.buildId)
    needSame(row, other, `the build ${row.instance}/${row.buildId}`)
  }
  for (const { name, text } of await part.readDocuments()) {
    needSame(text, (await whole.readDocument(name))?.text, `the document ${name}`)
  }
  const nodes = new Set((await whole.listChains()).map(({ node }) => node))
  for (const { node } of await part.listChains()) {
    if (!nodes.has(node)) throw differs(`the ledger chain of ${node}`)
  }
}

async function checkChain(
  one: WholeStore,
  other: WholeStore,
  { node, upTo }: { node: string; upTo: number },
): Promise<void> {
  for await (const rows of readChain(one, node, 1)) {
    const others = await other.readLedger(node, rows[0]?.seq ?? 0, rows.length)
    for (const [index, row] of rows.entries()) {
      if (row.seq > upTo) return
      needSame(row, others[index], `record ${row.seq} of ${node}`)
    }
  }
}

function needSame(row: unknown, other: unknown, what: string): void {
  if (JSON.stringify(row) !== JSON.stringify(other)) throw differs(what)
}

function differs(what: string): Fault {
  return new Fault(
    'store_target_differs',
    `The two databases differ: ${what} is not in both alike.`,
  )
}

/** Every token, in the order of their hashes. */
export async function* readTokens(
  store: Pick<StorePages, 'readRequestTokens'>,
): AsyncGenerator<RequestTokenRow> {
  for (let after = ''; ;) {
    const rows = await store.readRequestTokens(after, pageSize)
    yield* rows
    after = rows.at(-1)?.tokenHash ?? after
    if (rows.length < pageSize) return
  }
}

/** Every build, in the order of instance and id. */
export async function* readBuilds(store: Pick<StorePages, 'readBuilds'>): AsyncGenerator<BuildRow> {
  for (let after = { instance: '', buildId: -1 }; ;) {
    const rows = await store.readBuilds(after, pageSize)
    yield* rows
    after = rows.at(-1) ?? after
    if (rows.length < pageSize) return
  }
}

/** The records of a chain from `first` on, in runs. */
export async function* readChain(
  store: Pick<Store, 'readLedger'>,
  node: string,
  first: number,
): AsyncGenerator<LedgerRow[]> {
  for (let seq = first; ;) {
    const rows = await store.readLedger(node, seq, pageSize)
    if (rows.length > 0) yield rows
    seq = (rows.at(-1)?.seq ?? seq) + 1
    if (rows.length < pageSize) return
  }
}
