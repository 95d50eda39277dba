// Records in the Elastic Common Schema 8.11.
import type { LedgerRecord } from '../../audit/event.ts'
import { describe } from '../sentence.ts'

const outcomes = { allow: 'success', deny: 'failure', info: 'unknown' } as const

/** One record as an ECS document. */
export function toEcs(record: LedgerRecord): string {
  const { build, trace, principal, rule, caller, receipt, token } = record
  return JSON.stringify({
    '@timestamp': record.ts,
    ecs: { version: '8.11.0' },
    message: describe(record),
    event: {
      kind: record.decision === 'deny' ? 'alert' : 'event',
      category: [categoryOf(record.type)],
      type: [typeOf(record)],
      action: record.type,
      outcome: outcomeOf(record),
      id: `${record.node}/${record.seq}`,
      sequence: record.seq,
      hash: record.hash,
      module: 'azure_storage_drone',
      dataset: 'azure_storage_drone.ledger',
      reason: record.reasons?.[0],
      ...(receipt && { duration: receipt.duration_ms * 1_000_000 }),
    },
    observer: { name: record.node, product: 'azure-storage-drone', type: 'trust service' },
    rule: { name: rule },
    trace: { id: trace },
    user: { id: principal?.sub, name: build?.sender },
    host: { name: caller?.runner },
    ...(record.azure && {
      cloud: { provider: 'azure', account: { id: record.azure.tenant } },
      client: { user: { id: record.azure.client_id } },
    }),
    azure_storage_drone: { build, token, receipt, node: record.node, prev: record.prev },
  })
}

function outcomeOf({ decision, receipt }: LedgerRecord): string {
  if (receipt) return receipt.outcome === 'done' ? 'success' : 'failure'
  return outcomes[decision]
}

function categoryOf(type: LedgerRecord['type']): string {
  if (type.startsWith('token.') || type === 'admin.denied') return 'authentication'
  if (type === 'transfer.receipt') return 'file'
  return type.startsWith('service.') ? 'process' : 'configuration'
}

function typeOf({ type, decision, receipt }: LedgerRecord): string {
  if (decision === 'deny') return 'denied'
  if (receipt) return receipt.action === 'remove' ? 'deletion' : 'access'
  if (type.startsWith('token.')) return type === 'token.revoked' ? 'end' : 'start'
  return type.startsWith('service.') ? 'start' : 'change'
}
