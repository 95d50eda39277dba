// Records in the Open Cybersecurity Schema Framework 1.3: tokens as Authorize Session (3003), receipts as
// Datastore Activity (6005), all else as API Activity (6003). What it has no place for is in `unmapped`.
import type { LedgerRecord, ReceiptReference } from '../../audit/event.ts'
import { describe } from '../sentence.ts'

type Class = { uid: 3003 | 6003 | 6005; category: 3 | 6; activity: number }

/** One record as an OCSF event. */
export function toOcsf(record: LedgerRecord): string {
  const { uid, category, activity } = classOf(record)
  const { build, receipt, reasons: [reason] = [], hash, prev } = record
  return JSON.stringify({
    class_uid: uid,
    category_uid: category,
    activity_id: activity,
    type_uid: uid * 100 + activity,
    time: Date.parse(record.ts),
    message: describe(record),
    severity_id: record.decision === 'deny' ? 3 : 1,
    status_id: statusOf(record),
    status_code: reason,
    metadata: {
      version: '1.3.0',
      uid: `${record.node}/${record.seq}`,
      sequence: record.seq,
      correlation_uid: record.trace,
      event_code: record.type,
      product: { name: 'azure-storage-drone', vendor_name: 'azure-storage-drone' },
    },
    ...partiesOf(record, uid),
    ...(receipt && { databucket: bucketOf(receipt), duration: receipt.duration_ms }),
    unmapped: { build, token: record.token, receipt, azure: record.azure, hash, prev },
  })
}

function partiesOf(
  { type, decision, rule, caller, principal, build, node }: LedgerRecord,
  uid: number,
) {
  const user = { uid: principal?.sub ?? build?.repo ?? caller?.admin ?? node, type_id: 3 }
  const endpoint = { src_endpoint: { name: caller?.runner ?? caller?.door ?? node } }
  const policies = rule === undefined ? [] : [rule]
  if (uid === 3003) return { ...endpoint, user, privileges: policies }
  const authorizations = policies.map((name) => ({ decision, policy: { name } }))
  const actor = { user, authorizations }
  return { ...endpoint, actor, ...(uid === 6003 && { api: { operation: type } }) }
}

function bucketOf({ account, container, prefix }: ReceiptReference) {
  const name = `${account}/${container}`
  return { name, type_id: 2, ...(prefix !== '' && { file: { name: prefix, type_id: 2 } }) }
}

function classOf({ type, receipt }: LedgerRecord): Class {
  if (receipt) return { uid: 6005, category: 6, activity: activityOf(receipt.action) }
  if (type.startsWith('token.')) return { uid: 3003, category: 3, activity: 1 }
  return { uid: 6003, category: 6, activity: 99 }
}

// Read, update, delete, list: what Datastore Activity calls them.
function activityOf(action: string): number {
  const known: Record<string, number> = {
    download: 1,
    verify: 1,
    link: 1,
    upload: 2,
    sync: 2,
    remove: 6,
  }
  return known[action] ?? 99
}

function statusOf({ decision, receipt }: LedgerRecord): number {
  if (receipt) return receipt.outcome === 'done' ? 1 : 2
  if (decision === 'info') return 0
  return decision === 'allow' ? 1 : 2
}
