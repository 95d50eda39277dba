// Records as CloudEvents 1.0 in JSON, with the distributed tracing extension.
import type { LedgerRecord } from '../../audit/event.ts'

/** One record as a CloudEvents JSON text; `source` is the node that wrote it. */
export function toCloudEvent(record: LedgerRecord): string {
  const { build, trace } = record
  return JSON.stringify({
    specversion: '1.0',
    id: `${record.node}/${record.seq}`,
    source: `urn:azure-storage-drone:${encodeURIComponent(record.node)}`,
    type: `dev.azure-storage-drone.${record.type}.v1`,
    time: record.ts,
    ...(build && { subject: `${build.repo}#${build.number}` }),
    // A span of its own is not known: the hash of the record stands for it.
    ...(trace !== undefined && { traceparent: `00-${trace}-${record.hash.slice(0, 16)}-01` }),
    datacontenttype: 'application/json',
    data: record,
  })
}
