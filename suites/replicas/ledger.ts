// What the shared ledger has to show after the load: each delivered token once, chains that verify and
// are joined, and no tail that could be cut off unseen.
import type { LedgerRecord } from '../../src/audit/event.ts'
import { verifyLedger } from '../../src/audit/verify.ts'
import type { LedgerChain, Store } from '../../src/store/store.ts'
import type { Tally } from './load.ts'

type Check = (holds: boolean, sentence: string) => void

/** Checks the ledger against what was delivered; resolves to the number of records. */
export async function checkLedger(store: Store, tally: Tally, check: Check): Promise<number> {
  const { count, chains } = await verifyLedger(store)
  const records = (
    await Promise.all(chains.map(({ node, seq }) => store.readLedger(node, 1, seq)))
  ).map((rows) => rows.map(({ record }) => JSON.parse(record) as LedgerRecord))
  const issued = new Map<string, string | undefined>()
  for (const { type, token } of records.flat()) {
    if (type !== 'token.issued') continue
    const jti = token?.jti ?? ''
    check(!issued.has(jti), `the jti ${jti} is on record twice`)
    issued.set(jti, token?.sha256)
  }
  for (const [jti, sha256] of tally.delivered) {
    check(issued.get(jti) === sha256, `the delivered token ${jti} has no ledger record`)
  }
  check(
    issued.size > tally.delivered.size,
    'no kill fell between a record and its token, which proves little',
  )
  for (const chain of chains) await checkJoined(store, records.flat(), chain, check)
  return count
}

async function checkJoined(
  store: Store,
  records: readonly LedgerRecord[],
  { node }: LedgerChain,
  check: Check,
): Promise<void> {
  const sightings = records
    .filter((record) => record.node !== node)
    .flatMap(({ heads }) => heads ?? [])
    .filter((head) => head.node === node)
  check(sightings.length > 0, `no other chain has seen that of ${node}`)
  const last = Math.max(0, ...sightings.map(({ seq }) => seq))
  const cut: Pick<Store, 'readLedger' | 'listChains'> = {
    listChains: () => store.listChains(),
    readLedger: async (name, fromSeq, limit) => {
      const rows = await store.readLedger(name, fromSeq, limit)
      return name === node ? rows.filter(({ seq }) => seq < last) : rows
    },
  }
  const isFound = await verifyLedger(cut).then(
    () => false,
    () => true,
  )
  check(isFound, `a tail cut off the chain of ${node} at ${last} is not found`)
}
