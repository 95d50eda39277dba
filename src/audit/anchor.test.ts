// Anchors are asked by real receivers: a file, and syslog over UDP, TCP and a Unix socket.
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type AddressInfo, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'

import { createAnchoring, fileAnchor, readAnchorFile, splitNotes, syslogAnchor } from './anchor.ts'
import { createStage, someEvent } from './history.fixture.ts'

const now = () => new Date('2026-11-23T12:00:00.123Z')

async function makeNotes(): Promise<string[]> {
  const { ledger, checkpoint, notes } = await createStage()
  for (let index = 0; index < 3; index += 1) {
    await ledger.append(someEvent(index))
    await checkpoint()
  }
  return notes
}

test('anchor › file keeps every note behind the others', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'asd-anchor-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'deep', 'notes')
  const notes = await makeNotes()
  for (const note of notes) await fileAnchor(file).put(note)
  assert.deepEqual(await readAnchorFile(file), notes)
})

const header =
  /^<133>1 2026-11-23T12:00:00\.123Z ci-1 azure-storage-drone - ledger-checkpoint - azure-storage-drone\/node-1\\n/

test('anchor › syslog gets one message of RFC 5424 by datagram', async (t) => {
  const [note = ''] = await makeNotes()
  const server = createSocket('udp4')
  t.after(() => server.close())
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  const received = once(server, 'message')
  const { port } = server.address()
  await syslogAnchor({ now, host: 'ci-1' }, new URL(`udp://127.0.0.1:${port}`)).put(note)
  const text = String((await received)[0])
  assert.match(text, header)
  assert.deepEqual(splitNotes(`Nov 23 12:00:00 host ${text}\nother line\n`), [note])
})

for (const kind of ['tcp', 'unix'] as const) {
  test(`anchor › syslog gets a counted frame (RFC 6587) by ${kind}`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'asd-anchor-'))
    const [note = ''] = await makeNotes()
    const { promise, resolve } = Promise.withResolvers<Buffer>()
    const answer = async (socket: Socket) => {
      resolve(await buffer(socket))
      socket.end()
    }
    const server = createServer({ allowHalfOpen: true }, (socket) => void answer(socket))
    t.after(() => {
      server.close()
      rmSync(folder, { recursive: true })
    })
    const path = join(folder, 'log')
    if (kind === 'unix') server.listen(path)
    else server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const target = kind === 'unix' ? `unix://${path}` : `tcp://127.0.0.1:${port}`
    await syslogAnchor({ now, host: 'ci-1' }, new URL(target)).put(note)
    const text = String(await promise)
    const [, count = '', message = ''] = /^(\d+) ([\s\S]*)$/.exec(text) ?? []
    assert.equal(Buffer.byteLength(message), Number(count))
    assert.match(message, header)
    assert.deepEqual(splitNotes(message), [note])
  })
}

test('anchor › that does not answer is logged, and the others are asked', async () => {
  const lines: string[] = []
  const say = (fields: Record<string, unknown>) => void lines.push(JSON.stringify(fields))
  const kept: string[] = []
  const put = createAnchoring({ log: { info: say, warn: say, error: say } }, [
    { name: 'gone', put: () => Promise.reject(new Error('no route')) },
    { name: 'here', put: async (note) => void kept.push(note) },
  ])
  await put('note')
  assert.deepEqual(kept, ['note'])
  assert.deepEqual(lines, ['{"anchor":"gone","error":"no route"}'])
})
