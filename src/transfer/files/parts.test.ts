import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, it } from 'node:test'

import { account, type FilesKit, startFilesKit } from '../../lab/files/files.fixture.ts'
import { crc64Of } from '../crc64/crc64.ts'
import type { Part, PartWriter, Remote, Write } from '../remote.ts'
import { openShare, type Service, writeOf } from './remote.fixture.ts'

const mebibyte = 1024 * 1024
const content = Buffer.alloc(9 * mebibyte + 123, 'Drone carries honey. ')

let kit: FilesKit
let service: Service
let remote: Remote
let close: () => void
let share = ''
let count = 0

const snapshot = () => kit.files.snapshot(account, share)
const shown = (name: string) => snapshot().get(name)?.content.toString('latin1')
const temporaries = () => [...snapshot().keys()].filter((name) => name.includes('.asd-'))
const operations = () => kit.files.calls.map(({ operation }) => operation)

function partsOf(whole: Buffer, partBytes: number): { part: Part; body: Buffer }[] {
  return Array.from({ length: Math.ceil(whole.length / partBytes) }, (_, index) => {
    const offset = index * partBytes
    const body = whole.subarray(offset, offset + partBytes)
    const digests = { crc64: crc64Of(body) }
    return { part: { index, offset, sizeBytes: body.length, digests }, body }
  })
}

async function sendAll(writer: PartWriter, whole: Buffer, write: Write) {
  const parts = partsOf(whole, writer.partBytes)
  const missing = parts.filter(({ part }) => !writer.holds(part))
  await Promise.all(
    missing.map(({ part, body }) =>
      writer.put(part, {
        sizeBytes: body.length,
        readInto: async (buffer, offset) => void body.copy(buffer, 0, offset),
      }),
    ),
  )
  return {
    sent: missing.length,
    commit: () =>
      writer.commit(
        parts.map(({ part }) => part),
        write,
      ),
  }
}

describe('a big file in a share', () => {
  before(async () => {
    kit = await startFilesKit()
    kit.assign('Storage File Data Privileged Contributor')
    service = {
      origin: new URL(kit.files.url),
      pathPrefix: `/${account}`,
      caPem: kit.entraKit.authority.caPem,
      token: await kit.exchange(),
      now: () => kit.entraKit.time,
    }
  })
  beforeEach(() => {
    close?.()
    share = `share-${count++}`
    kit.files.createShare(account, share)
    kit.files.limit({ withoutContent: false, withoutStructured: false })
    ;({ remote, close } = openShare(service, share))
    kit.files.forgetCalls()
  })
  after(async () => {
    close()
    await kit.close()
  })

  const source = { sizeBytes: content.length, sourceId: 'first' }

  it('is what it was for readers until all of it is there', async () => {
    await remote.putWhole('a/big', Buffer.from('old'), writeOf(Buffer.from('old')))
    const modifiedAtMs = Date.parse('2022-02-02T02:02:02.222Z')
    const write = writeOf(content, { attributes: { modifiedAtMs, mode: 0o644 } })
    const writer = await remote.openParts('a/big', source, { ...write, digests: {} })
    assert.equal(writer.partBytes, remote.wholeBytes)
    const { sent, commit } = await sendAll(writer, content, write)
    assert.equal(sent, 3)
    assert.equal(shown('a/big'), 'old')
    const { etag } = await commit()
    assert.equal(shown('a/big'), content.toString('latin1'))
    assert.deepEqual(temporaries(), [])
    const found = await remote.stat('a/big')
    assert.equal(found?.etag, etag)
    assert.deepEqual(found?.digests, write.digests)
    assert.deepEqual(found?.attributes, write.attributes)
    assert.equal(found?.properties.contentType, 'text/plain')
  })

  it('goes on where an interrupted upload of the same source ended', async () => {
    const write = writeOf(content)
    const first = await remote.openParts('a/big', source, write)
    const [, second] = partsOf(content, first.partBytes)
    assert.ok(second)
    await first.put(second.part, second.body)
    close()
    ;({ remote, close } = openShare(service, share))
    const again = await remote.openParts('a/big', source, write)
    assert.deepEqual(
      partsOf(content, again.partBytes).map(({ part }) => again.holds(part)),
      [false, true, false],
    )
    const { sent, commit } = await sendAll(again, content, write)
    assert.equal(sent, 2)
    await commit()
    assert.equal(shown('a/big'), content.toString('latin1'))
  })

  it('has nothing of another version of the source', async () => {
    const write = writeOf(content)
    const first = await remote.openParts('big', source, write)
    const [part] = partsOf(content, first.partBytes)
    assert.ok(part)
    await first.put(part.part, part.body)
    const other = await remote.openParts('big', { ...source, sourceId: 'second' }, write)
    assert.equal(other.holds(part.part), false)
    assert.equal(temporaries().length, 2, 'both are under way')
  })

  it('clears away what was begun a week ago and never ended', async () => {
    const write = writeOf(content)
    await remote.openParts('big', source, write)
    const { time } = kit.entraKit
    kit.entraKit.time = new Date(time.getTime() + 8 * 24 * 3600 * 1000)
    const later = openShare({ ...service, token: await kit.exchange() }, share)
    await later.remote.openParts('big', { ...source, sourceId: 'second' }, write)
    assert.equal(temporaries().length, 1)
    later.close()
    kit.entraKit.time = time
  })

  it('creates only where there is nothing', async () => {
    const write = writeOf(content, { condition: { kind: 'absent' } })
    const writer = await remote.openParts('big', source, write)
    const { commit } = await sendAll(writer, content, write)
    await remote.putWhole('big', Buffer.from('first'), writeOf(Buffer.from('first')))
    await assert.rejects(commit(), { code: 'transfer_target_exists' })
    assert.equal(shown('big'), 'first')
    assert.deepEqual(temporaries(), [])
  })

  it('replaces only the version it was told', async () => {
    const old = await remote.putWhole('big', Buffer.from('1'), writeOf(Buffer.from('1')))
    const write = writeOf(content, { condition: { kind: 'match', etag: old.etag } })
    const writer = await remote.openParts('big', source, write)
    const { commit } = await sendAll(writer, content, write)
    await remote.putWhole('big', Buffer.from('2'), writeOf(Buffer.from('2')))
    await assert.rejects(commit(), { code: 'transfer_blob_changed' })
    assert.equal(shown('big'), '2')
  })

  it('is there once, though the answer to the last step was lost', async () => {
    const write = writeOf(content)
    const writer = await remote.openParts('big', source, write)
    const { commit } = await sendAll(writer, content, write)
    kit.files.failNext({ count: 1, status: 0, code: '', operation: 'RenameFile', cuts: 'answer' })
    const { etag } = await commit()
    assert.equal((await remote.stat('big'))?.etag, etag)
  })

  it('keeps an MD5 that is known at the end only, and refuses damaged parts', async () => {
    const write = writeOf(content, { digests: {} })
    const writer = await remote.openParts('big', source, write)
    const [first] = partsOf(content, writer.partBytes)
    assert.ok(first)
    const damaged = Buffer.from(first.body)
    damaged[1000] = 0
    await assert.rejects(writer.put(first.part, damaged), { code: 'transfer_checksum_mismatch' })
    const { commit } = await sendAll(writer, content, write)
    const md5 = 'AAAAAAAAAAAAAAAAAAAAAA=='
    await writer.commit([], { ...write, digests: { md5 } })
    assert.deepEqual((await remote.stat('big'))?.digests, { md5 })
    await assert.rejects(commit(), /./, 'the temporary file is gone')
  })

  it('takes the older way where the service knows no structured bodies', async () => {
    kit.files.limit({ withoutStructured: true })
    const write = writeOf(content)
    const writer = await remote.openParts('big', source, write)
    const parts = partsOf(content, writer.partBytes)
    for (const { part, body } of parts) await writer.put(part, body)
    await writer.commit([], write)
    assert.equal(shown('big'), content.toString('latin1'))
    assert.equal(operations().filter((name) => name === 'PutRange').length, parts.length + 1)
  })
})
