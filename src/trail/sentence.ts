// A record in one sentence for people, and as a station of its build's story. What a step says of itself
// is told as its word.
import type { LedgerRecord, ReceiptReference } from '../audit/event.ts'
import type { StoryItem, TrailReceipt } from './trail.ts'

/** What happened, in one sentence. */
export function describe(record: LedgerRecord): string {
  const { type, receipt, detail = '' } = record
  if (receipt) return describeReceipt(receipt)
  if (type === 'token.revoked') return detail
  if (type === 'token.denied') return `No ID token: ${detail}`
  if (type.startsWith('token.')) return describeToken(record)
  return type.startsWith('trial.') ? describeTrial(record) : describeRest(record)
}

function describeToken({
  type,
  decision,
  rule,
  caller,
  principal,
  detail = '',
}: LedgerRecord): string {
  const entry = rule === undefined ? '' : ` “${rule}”`
  if (type === 'token.issued') {
    return `An ID token was issued under${entry} as ${principal?.sub ?? 'nobody'}.`
  }
  const who = caller?.runner === undefined ? 'A runner' : `Runner ${caller.runner}`
  return decision === 'deny'
    ? `${who} asked, and was refused: ${detail}`
    : `${who} asked for${entry} when the build was compiled, and got a request token for the step.`
}

function describeTrial({ type, rule, trial, detail = '' }: LedgerRecord): string {
  const entry = rule === undefined ? '' : ` of “${rule}”`
  const verdict = trial?.verdict === undefined ? '' : `: ${trial.verdict}`
  const end = type === 'trial.denied' ? 'was refused' : `has ${type.slice('trial.'.length)}`
  return `A trial${entry} ${end}${verdict}. ${detail}`.trim()
}

const kinds: Partial<Record<LedgerRecord['type'], string>> = {
  'service.started': 'The service started',
  'policy.loaded': 'The policy was loaded',
  'policy.changed': 'The policy was changed',
  'policy.rejected': 'A changed policy was not taken',
  'key.created': 'A signing key was made',
  'key.published': 'A signing key was seen at its public place',
  'key.activated': 'A signing key began to sign',
  'key.retired': 'A signing key signs no more',
  'key.removed': 'A signing key was removed',
  'key.revoked': 'A signing key was revoked',
  'key.ordered': 'A new signing key was ordered',
  'admin.denied': 'Somebody was refused at the door for people',
  'trust.reviewed': 'Trust in Azure was reviewed',
  'ledger.checkpoint': 'The ends of the chains were written down',
}

function describeRest({ type, detail, key, caller }: LedgerRecord): string {
  const known = kinds[type] ?? type
  const by = caller?.admin === undefined ? '' : ` by ${caller.admin}`
  const about = [key?.kid, detail].filter((each) => each !== undefined && each !== '')
  return about.length === 0 ? `${known}${by}.` : `${known}${by}: ${about.join(', ')}`
}

const verbs: Record<string, string> = {
  upload: 'sent to',
  sync: 'brought to',
  download: 'fetched from',
  remove: 'removed from',
  list: 'listed in',
  verify: 'verified in',
  link: 'linked to in',
}

function describeReceipt(receipt: ReceiptReference): string {
  const { step, action, account, container, prefix, files, bytes, page, pages } = receipt
  const where = `${account}/${container}${prefix === '' ? '' : `/${prefix}`}`
  const who = step === undefined ? 'The step' : `The step “${step}”`
  if (page > 1) return `${who} lists more of its files in ${where} (page ${page} of ${pages}).`
  const amount = `${showNumber(files)} ${files === 1 ? 'file' : 'files'}, ${showBytes(bytes)}`
  const took = `in ${(receipt.duration_ms / 1000).toFixed(1)} s`
  const end = receipt.outcome === 'failed' ? ', and that it failed' : ''
  return `${who} says: ${amount} ${verbs[action] ?? `${action} at`} ${where} ${took}${end}.`
}

function showNumber(value: number): string {
  return value.toLocaleString('en-US')
}

/** A length in bytes as people say it. */
export function showBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB']
  let [value, unit] = [bytes, 0]
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000
    unit += 1
  }
  return `${unit === 0 ? value : value.toFixed(value < 10 ? 1 : 0)} ${units[unit]}`
}

/** A record as a station of its build's story. */
export function toStoryItem(record: LedgerRecord): StoryItem {
  const { type, rule, reasons, caller, principal, token, azure, receipt } = record
  return {
    at: new Date(record.ts),
    what: type,
    sentence: describe(record),
    decision: record.decision,
    saidBy: speakerOf(record),
    record: { node: record.node, seq: record.seq },
    ...(rule !== undefined && { rule }),
    ...(reasons && { reasons }),
    ...(caller?.runner !== undefined && { runner: caller.runner }),
    ...(principal && { subject: principal.sub }),
    ...(token && { token }),
    ...(azure && { azure: { tenant: azure.tenant, clientId: azure.client_id } }),
    ...(receipt && { receipt: toReceipt(receipt) }),
  }
}

function speakerOf({ type }: LedgerRecord): StoryItem['saidBy'] {
  if (type === 'transfer.receipt') return 'step'
  return type === 'token.revoked' ? 'ci' : 'service'
}

function toReceipt(receipt: ReceiptReference): TrailReceipt {
  const { step, account, service, container, prefix, request_id: requestIdPrefix } = receipt
  return {
    ...(step !== undefined && { step }),
    action: receipt.action,
    outcome: receipt.outcome,
    place: { account, service, container, prefix },
    files: receipt.files,
    bytes: receipt.bytes,
    durationMs: receipt.duration_ms,
    accessTokenSha256: [...receipt.access_token_sha256],
    correlationIds: [...receipt.correlation_ids],
    ...(requestIdPrefix !== undefined && { requestIdPrefix }),
    items: [...receipt.items],
    ...(receipt.items_sha256 !== undefined && { itemsSha256: receipt.items_sha256 }),
  }
}
