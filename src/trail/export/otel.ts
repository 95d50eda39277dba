// Records as OpenTelemetry logs (OTLP/JSON, one request a line) with the conventions for CI (`cicd.*`) and
// version control (`vcs.*`); a build's records share its trace id.
import type { BuildReference, LedgerRecord, ReceiptReference } from '../../audit/event.ts'
import { version } from '../../core/version.ts'
import { describe } from '../sentence.ts'

type Attribute = { key: string; value: { stringValue: string } | { intValue: string } }

/** One record as a request of one log record. */
export function toOtel(record: LedgerRecord): string {
  const nanoseconds = `${Date.parse(record.ts)}000000`
  return JSON.stringify({
    resourceLogs: [
      {
        resource: {
          attributes: attributes([
            ['service.name', 'azure-storage-drone'],
            ['service.version', version],
            ['service.instance.id', record.node],
          ]),
        },
        scopeLogs: [
          {
            scope: { name: 'azure-storage-drone.ledger' },
            logRecords: [
              {
                timeUnixNano: nanoseconds,
                observedTimeUnixNano: nanoseconds,
                severityNumber: record.decision === 'deny' ? 13 : 9,
                severityText: record.decision === 'deny' ? 'WARN' : 'INFO',
                eventName: `azure_storage_drone.${record.type}`,
                body: { stringValue: describe(record) },
                attributes: attributes(factsOf(record)),
                ...(record.trace !== undefined && {
                  traceId: record.trace,
                  spanId: record.hash.slice(0, 16),
                }),
              },
            ],
          },
        ],
      },
    ],
  })
}

type Fact = readonly [key: string, value: string | number | undefined]

function factsOf(record: LedgerRecord): Fact[] {
  const { build, receipt } = record
  return [
    ...(build ? buildFacts(build) : []),
    ['azure_storage_drone.decision', record.decision],
    ['azure_storage_drone.rule', record.rule],
    ['azure_storage_drone.reasons', record.reasons?.join(' ')],
    ['azure_storage_drone.subject', record.principal?.sub],
    ['azure_storage_drone.token.sha256', record.token?.sha256],
    ['azure_storage_drone.token.jti', record.token?.jti],
    ['azure_storage_drone.client_id', record.azure?.client_id],
    ...(receipt ? receiptFacts(receipt) : []),
    ['azure_storage_drone.record', `${record.node}/${record.seq}`],
    ['azure_storage_drone.hash', record.hash],
  ]
}

function buildFacts(build: BuildReference): Fact[] {
  const parts = build.repo.split('/')
  return [
    ['cicd.pipeline.name', build.repo],
    ['cicd.pipeline.run.id', `${build.instance}/${build.id}`],
    ['vcs.repository.name', parts.at(-1)],
    ['vcs.owner.name', parts.slice(0, -1).join('/')],
    ['vcs.ref.head.name', build.ref],
    ['vcs.ref.head.revision', build.sha],
    ['user.name', build.sender],
    ['azure_storage_drone.build.number', build.number],
    ['azure_storage_drone.build.event', build.event],
  ]
}

function receiptFacts({
  step,
  account,
  container,
  prefix,
  files,
  bytes,
}: ReceiptReference): Fact[] {
  return [
    ['cicd.pipeline.task.name', step],
    ['azure_storage_drone.place', `${account}/${container}/${prefix}`],
    ['azure_storage_drone.files', files],
    ['azure_storage_drone.bytes', bytes],
  ]
}

function attributes(facts: readonly Fact[]): Attribute[] {
  return facts.flatMap(([key, value]) => {
    if (value === undefined || value === '') return []
    return [
      {
        key,
        value: typeof value === 'number' ? { intValue: String(value) } : { stringValue: value },
      },
    ]
  })
}
