// Compares Azure's storage logs with the ledger: calls by our identities that no step told of, and steps that
// told of calls that Azure does not know. The hash of the token is the evidence; what clients say in headers
// is a hint, and told as one.
import type { TrailTables } from '../store/trail-tables.ts'
import type { AzureCall } from './azure-calls.ts'
import { readRecord } from './project.ts'
import { text } from './query.ts'
import { findByMark } from './read-builds.ts'
import type { BuildKey } from './trail.ts'

/** Calls with one token from one address that no record explains. */
export type ForeignCalls = {
  kind: 'foreign'
  authenticationHash: string
  appId: string
  objectId: string
  callerIp: string
  count: number
  firstAt: Date
  lastAt: Date
  operations: string[]
  /** The first of them. */
  example: { uri: string; requestId: string; userAgent: string }
  /** A build of ours that the request ids name; anybody can write them. */
  claims?: BuildKey
}

/** A receipt whose tokens no call of the logs was made with. */
export type UnseenReceipt = {
  kind: 'unseen'
  record: { node: string; seq: number }
  at: Date
  build: string
  place: string
  files: number
}

/** What comparing came to. */
export type Reconciled = {
  calls: number
  /** Of them by identities of ours. */
  ours: number
  receipts: number
  findings: (ForeignCalls | UnseenReceipt)[]
}

/** Whose calls are looked at. */
export type OurIdentities = { appIds: ReadonlySet<string>; objectIds: ReadonlySet<string> }

/** Compares calls of a span of time with the receipts of it; ids are compared without regard to case. */
export async function reconcile(
  store: Pick<TrailTables, 'selectTrail'>,
  calls: AsyncIterable<AzureCall> | Iterable<AzureCall>,
  { identities, from, to }: { identities: OurIdentities; from: Date; to: Date },
): Promise<Reconciled> {
  const known = new Map<string, boolean>()
  const seen = new Set<string>()
  const foreign = new Map<string, ForeignCalls>()
  let [total, ours] = [0, 0]
  for await (const call of calls) {
    if (call.at < from || call.at >= to) continue
    total += 1
    if (!isOurs(call, identities)) continue
    ours += 1
    const { authenticationHash: hash } = call
    seen.add(hash)
    const isKnown = known.get(hash) ?? (await isOnRecord(store, hash))
    known.set(hash, isKnown)
    if (!isKnown) await addForeign(store, foreign, call)
  }
  const receipts = await readReceipts(store, from, to)
  const unseen = receipts.filter(
    ({ hashes, finding }) => finding.files > 0 && !hashes.some((hash) => seen.has(hash)),
  )
  return {
    calls: total,
    ours,
    receipts: receipts.length,
    findings: [...foreign.values(), ...unseen.map(({ finding }) => finding)],
  }
}

function isOurs({ appId, objectId }: AzureCall, { appIds, objectIds }: OurIdentities): boolean {
  return appIds.has(appId.toLowerCase()) || objectIds.has(objectId.toLowerCase())
}

async function isOnRecord(store: Pick<TrailTables, 'selectTrail'>, hash: string): Promise<boolean> {
  return hash !== '' && (await findByMark(store, hash)) !== undefined
}

async function addForeign(
  store: Pick<TrailTables, 'selectTrail'>,
  foreign: Map<string, ForeignCalls>,
  call: AzureCall,
): Promise<void> {
  const { at, authenticationHash, appId, objectId, operation, uri, requestId, userAgent } = call
  // Azure adds the port, which is another for every connection.
  const callerIp = call.callerIp.replace(/:\d+$/, '')
  const key = `${authenticationHash} ${callerIp} ${appId}`
  const known = foreign.get(key)
  if (!known) {
    const claims = await findByMark(store, call.clientRequestId)
    foreign.set(key, {
      kind: 'foreign',
      authenticationHash,
      appId,
      objectId,
      callerIp,
      count: 1,
      firstAt: at,
      lastAt: at,
      operations: [operation],
      example: {
        uri: uri.replace(/\?.*$/s, ''),
        requestId,
        userAgent,
      },
      ...(claims && { claims }),
    })
    return
  }
  known.count += 1
  if (at < known.firstAt) known.firstAt = at
  if (at > known.lastAt) known.lastAt = at
  if (!known.operations.includes(operation)) known.operations.push(operation)
}

type Receipt = { finding: UnseenReceipt; hashes: readonly string[] }

async function readReceipts(
  store: Pick<TrailTables, 'selectTrail'>,
  from: Date,
  to: Date,
): Promise<Receipt[]> {
  const rows = await store.selectTrail(
    `SELECT ledger.record FROM trail_event
     JOIN ledger ON ledger.node = trail_event.node AND ledger.seq = trail_event.seq
     WHERE type = 'transfer.receipt' AND at >= $1 AND at < $2 ORDER BY at`,
    [from.getTime(), to.getTime()],
  )
  return rows.flatMap((row) => {
    const record = readRecord({ record: text(row, 'record') })
    if (record?.receipt?.page !== 1) return []
    const { node, seq, ts, build, receipt } = record
    const { account, container, prefix, files } = receipt
    const finding: UnseenReceipt = {
      kind: 'unseen',
      record: { node, seq },
      at: new Date(ts),
      build: `${build?.repo ?? '?'}#${build?.number ?? 0}`,
      place: `${account}/${container}${prefix === '' ? '' : `/${prefix}`}`,
      files,
    }
    return [{ finding, hashes: receipt.access_token_sha256 }]
  })
}
