import assert from 'node:assert/strict'
import { test } from 'node:test'

import type { LedgerRecord } from '../../audit/event.ts'
import { openSqliteStore } from '../../store/sqlite.ts'
import { follow } from '../follow.ts'
import { fillStore } from '../many.fixture.ts'
import { exportForms, exportRecords } from './export.ts'

async function readFilled(
  query: Parameters<typeof exportRecords>[1] = {},
): Promise<LedgerRecord[]> {
  const store = openSqliteStore(':memory:')
  await fillStore(store, { builds: 150, records: 1500, seed: 5, repositories: 4 })
  await follow({ store, pause: () => Promise.resolve() })
  const records: LedgerRecord[] = []
  for await (const record of exportRecords(store, query)) records.push(record)
  await store.close()
  return records
}

type Json = Record<string, unknown>
const jsonOf = (line: string) => JSON.parse(line) as Json

test('export › gives every record once, in the order of time', async () => {
  const records = await readFilled()
  assert.equal(new Set(records.map(({ node, seq }) => `${node} ${seq}`)).size, 1500)
  const times = records.map(({ ts }) => ts)
  assert.deepEqual(times, times.toSorted())
  const [first] = records
  const some = await readFilled({ from: new Date('2026-10-01'), to: new Date('2026-10-08') })
  assert.ok(some.length > 10 && some.length < 500)
  const repo = first?.build?.repo ?? ''
  assert.ok((await readFilled({ repo })).every(({ build }) => build?.repo === repo))
})

test('export › writes what each form requires', async () => {
  for (const record of await readFilled()) {
    const event = jsonOf(exportForms.cloudevents.toLine(record))
    for (const name of ['id', 'source', 'type', 'specversion']) assert.ok(event[name], name)
    assert.match(JSON.stringify(event['traceparent']), /^"00-[0-9a-f]{32}-[0-9a-f]{16}-01"$/)
    const ocsf = jsonOf(exportForms.ocsf.toLine(record))
    assert.equal(ocsf['type_uid'], Number(ocsf['class_uid']) * 100 + Number(ocsf['activity_id']))
    const required = { 3003: ['user'], 6003: ['actor', 'api'], 6005: ['actor', 'databucket'] }
    const classUid = Number(ocsf['class_uid']) as keyof typeof required
    for (const name of [...required[classUid], 'metadata', 'time', 'severity_id', 'src_endpoint']) {
      assert.notEqual(ocsf[name], undefined, `${classUid} ${name}`)
    }
    const ecs = jsonOf(exportForms.ecs.toLine(record))
    assert.ok(ecs['@timestamp'] && ecs['ecs'] && ecs['event'])
    const otel = exportForms.otel.toLine(record)
    assert.match(otel, /"key":"cicd\.pipeline\.run\.id"/)
    assert.match(otel, /"timeUnixNano":"\d{19}"/)
  }
})

test('export › CSV has a field for every name, and no formula', async () => {
  const [record] = await readFilled()
  assert.ok(record)
  const build = record.build && { ...record.build, ref: '=cmd|"x"', sender: 'a,b' }
  const line = exportForms.csv.toLine({ ...record, ...(build && { build }) })
  assert.ok(line.includes(`"'=cmd|""x"""`), line)
  const plain = line.replaceAll(/"(?:[^"]|"")*"/g, 'x')
  assert.equal(plain.split(',').length, exportForms.csv.header.split(',').length)
})
