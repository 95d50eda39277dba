import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'

import { Secret } from '../../core/secret.ts'
import { createHttp } from '../../http/node.ts'
import { account, startStorageKit, type StorageKit } from '../../lab/storage.fixture.ts'
import { crc64Of } from '../crc64/crc64.ts'
import { createHalt } from '../move/halt.ts'
import type { Part, Remote, RemoteFile } from '../remote.ts'
import type { CallDeps } from './call.ts'
import { createLink } from './link.ts'
import type { ContainerAddress } from './names.ts'
import { writing } from './remote.fixture.ts'
import { createBlobRemote } from './remote.ts'

let kit: StorageKit
let remote: Remote
let deps: CallDeps
let address: ContainerAddress

const text = Buffer.from('content')
const oddNames = [
  '50%',
  'a#b',
  'with space',
  'Übergröße/日本.txt',
  "it's (ok)!&<>",
  '%41',
  'x.',
  'é',
  'e\u0301',
]

async function listAll(prefix: string): Promise<RemoteFile[]> {
  const files: RemoteFile[] = []
  for await (const page of remote.list(prefix)) files.push(...page)
  return files
}

async function readAll(name: string): Promise<string> {
  const pieces: Buffer[] = []
  const onPiece = (piece: Buffer): undefined => void pieces.push(Buffer.from(piece))
  await remote.read(name, { from: 0, to: 1_000_000, onPiece })
  return Buffer.concat(pieces).toString()
}

describe('a blob container of a real service behind roles', () => {
  before(async () => {
    kit = await startStorageKit()
    const token = new Secret(await kit.entraKit.entra.mintOwnerToken())
    const http = createHttp({ maxConnections: 4, ca: [kit.entraKit.authority.caPem] })
    let ids = 0
    deps = {
      send: http.send,
      tokens: { get: async () => token, refresh: async () => token },
      now: () => kit.entraKit.time,
      sleep: async () => undefined,
      random: () => 0.5,
      newId: () => `id-${ids++}`,
      userAgent: 'test/1',
      halt: createHalt({ sleep: async () => undefined }, new AbortController().signal),
    }
    address = {
      origin: new URL(kit.storage.url),
      pathPrefix: `/${account}`,
      container: 'files',
    }
    remote = createBlobRemote(deps, address)
  })
  after(() => kit.close())

  it('gives back what was written beside a content, by stat, list and read', async () => {
    const write = writing({
      digests: { crc64: crc64Of(text) },
      attributes: { mode: 0o640, modifiedAtMs: Date.UTC(2025, 1, 2, 3, 4, 5, 6) },
      condition: { kind: 'absent' },
      properties: {
        contentType: 'text/css',
        contentEncoding: 'identity',
        contentLanguage: 'de',
        contentDisposition: 'inline; filename="a.css"',
        cacheControl: 'max-age=60',
        metadata: { owner: 'me & you' },
        tags: { stage: 'test run', 'a+b': '1:1' },
        tier: 'Cool',
      },
    })
    const { etag } = await remote.putWhole('all/a', text, write)
    const [listed] = await listAll('all/')
    // An answer to GET does not tell the tier.
    const read = await remote.read('all/a', { from: 2, to: 4, onPiece: () => undefined })
    read.properties = { ...read.properties, tier: 'Cool' }
    const expected = {
      name: 'all/a',
      kind: 'file',
      sizeBytes: text.length,
      digests: write.digests,
      attributes: write.attributes,
      properties: { ...write.properties, tags: {} },
    }
    for (const file of [await remote.stat('all/a'), listed, read]) {
      const { etag: seen, modifiedAtMs, ...rest } = file ?? assert.fail()
      // Put Blob of this service adds the MD5 of what it got.
      const { md5, ...digests } = rest.digests
      assert.ok(md5 === undefined || md5 === 'mgNkuembtIDdJeHwKEyFVQ==')
      assert.deepEqual({ ...rest, digests }, expected)
      assert.equal(seen, etag)
      assert.ok(Math.abs(modifiedAtMs - Date.now()) < 60_000)
    }
  })

  it('can bind a removal to what a listing showed', async () => {
    await remote.putWhole('seen', text, writing())
    const [file] = await listAll('seen')
    assert.ok(file)
    const condition = { kind: 'match', etag: file.etag } as const
    assert.equal(await remote.remove(file, condition), true)
    assert.equal(await remote.stat('seen'), undefined)
  })

  it('refuses damaged bytes and a second creation', async () => {
    const damaged = remote.putWhole(
      'd',
      text,
      writing({ digests: { crc64: crc64Of(Buffer.of(1)) } }),
    )
    await assert.rejects(damaged, { code: 'transfer_checksum_mismatch' })
    const condition = { kind: 'absent' } as const
    await remote.putWhole('d', text, writing({ condition }))
    await assert.rejects(remote.putWhole('d', text, writing({ condition })), {
      code: 'transfer_target_exists',
    })
    const match = { kind: 'match', etag: '"0x0"' } as const
    for (const doing of [
      () => remote.putWhole('d', text, writing({ condition: match })),
      () => remote.setProperties('d', writing({ condition: match })),
      () => remote.remove({ name: 'd', kind: 'file' }, match),
    ]) {
      await assert.rejects(doing, { code: 'transfer_blob_changed' })
    }
  })

  it('continues a big blob from its blocks, also from those it has', async () => {
    const contents = ['one', 'two'].map((each) => Buffer.from(each))
    const parts: Part[] = contents.map((content, index) => ({
      index,
      offset: 3 * index,
      sizeBytes: 3,
      digests: { crc64: crc64Of(content) },
    }))
    const [first, second] = parts
    assert.ok(first && second)
    const open = () => remote.openParts('big', { sizeBytes: 6, sourceId: 's' }, writing())
    const writer = await open()
    assert.equal(writer.holds(first), false)
    await writer.put(first, Buffer.from('one'))
    const again = await open()
    assert.deepEqual([again.holds(first), again.holds(second)], [true, false])
    await again.put(second, { sizeBytes: 3, readInto: async (buffer) => void buffer.write('two') })
    const write = writing({ digests: { crc64: crc64Of(Buffer.from('onetwo')) } })
    const { etag } = await again.commit(parts, write)
    assert.equal(await readAll('big'), 'onetwo')
    assert.deepEqual((await remote.stat('big'))?.digests, write.digests)
    const later = await open()
    assert.ok(later.holds(first) && later.holds(second))
    const condition = { kind: 'match', etag } as const
    await later.commit([second, first], writing({ condition }))
    assert.equal(await readAll('big'), 'twoone')
  })

  it('writes over the uncommitted blocks of a tool with other names', async () => {
    const headers = { 'x-ms-version': '2026-02-06' }
    const token = (await deps.tokens.get()).reveal()
    const path = '/files/left?comp=block&blockid=MDAwMDAx'
    assert.equal((await kit.call(token, { method: 'PUT', path, headers, body: 'x' })).status, 201)
    const part = { index: 0, offset: 0, sizeBytes: 7, digests: { crc64: crc64Of(text) } }
    const writer = await remote.openParts('left', { sizeBytes: 7, sourceId: 's' }, writing())
    await writer.put(part, text)
    await writer.commit([part], writing())
    assert.equal(await readAll('left'), 'content')
  })

  it('keeps odd names as they are', async () => {
    for (const name of oddNames) await remote.putWhole(`odd/${name}`, Buffer.from(name), writing())
    const names = (await listAll('odd/')).map(({ name }) => name.slice('odd/'.length))
    assert.deepEqual(new Set(names), new Set(oddNames))
    for (const name of oddNames) assert.equal(await readAll(`odd/${name}`), name)
  })

  it('reads empty blobs, keeps folders and links, and changes properties', async () => {
    await remote.putWhole(
      'empty',
      Buffer.alloc(0),
      writing({ digests: { crc64: crc64Of(Buffer.alloc(0)) } }),
    )
    assert.equal(await readAll('empty'), '')
    await remote.putFolder('folder', writing())
    const linkTarget = '../a'
    await remote.putWhole('link', Buffer.from(linkTarget), writing({ attributes: { linkTarget } }))
    assert.equal((await remote.stat('folder'))?.kind, 'folder')
    assert.equal((await remote.stat('link'))?.kind, 'link')
    const properties = {
      contentType: 'text/html',
      metadata: { a: 'b' },
      tier: 'Hot',
      tags: { t: 'u' },
    } as const
    const { etag } = (await remote.stat('empty')) ?? assert.fail()
    const condition = { kind: 'match', etag } as const
    const written = await remote.setProperties('empty', writing({ properties, condition }))
    const file = (await remote.stat('empty')) ?? assert.fail()
    assert.equal(file.etag, written.etag)
    assert.deepEqual(file.properties, { ...properties, tags: {} })
  })

  it('does not remove snapshots on the way', async () => {
    await remote.putWhole('snap', text, writing())
    const token = (await deps.tokens.get()).reveal()
    await kit.call(token, { method: 'PUT', path: '/files/snap?comp=snapshot' })
    const removing = remote.remove({ name: 'snap', kind: 'file' }, { kind: 'none' })
    await assert.rejects(removing, (error: { code: string; hint: string }) => {
      assert.equal(error.code, 'azure_storage_refused')
      return /snapshots/.test(error.hint)
    })
  })

  it('gives links that read one blob and nothing else', async () => {
    await remote.putWhole('shown/a b', text, writing())
    const link = await createLink(deps, address, { name: 'shown/a b', lifetimeSeconds: 9_999 })
    assert.equal(String(link.url), '[secret]')
    const lifetimeMs = link.expiresAt.getTime() - kit.entraKit.time.getTime()
    assert.ok(lifetimeMs > 3_590_000 && lifetimeMs <= 3_600_000)
    const send = async (url: string, method: 'GET' | 'DELETE' = 'GET') => {
      const { origin, pathname, search } = new URL(url)
      const path = pathname + search
      const answer = await deps.send({ method, origin: new URL(origin), path, headers: {} })
      return [answer.status, answer.status === 200 ? answer.body.toString() : ''] as const
    }
    const url = link.url.reveal()
    assert.deepEqual(await send(url), [200, 'content'])
    assert.equal((await send(url, 'DELETE'))[0], 403)
    assert.equal((await send(url.replace('shown/a', 'all/a')))[0], 403)
    assert.equal((await send(url.replace(/sig=.../, 'sig=AAA')))[0], 403)
    const stranger = '99999999-9999-4999-8999-999999999999'
    assert.equal((await send(url.replace(/skoid=[^&]*/, `skoid=${stranger}`)))[0], 403)
    await assert.rejects(createLink(deps, address, { name: 'none', lifetimeSeconds: 60 }), {
      code: 'transfer_blob_absent',
    })
  })

  it('says which role links need', async () => {
    const principalId = kit.entraKit.app.objectId
    const scope = { principalId, account, container: 'files' }
    kit.storage.assignRole({ ...scope, role: 'Storage Blob Data Reader' })
    const token = new Secret(await kit.exchange())
    const tokens = { get: async () => token, refresh: async () => token }
    const asApp = { ...deps, tokens }
    const wish = { name: 'shown/a b', lifetimeSeconds: 60 }
    await assert.rejects(
      createLink(asApp, address, wish),
      (error: { code: string; hint: string }) => {
        assert.equal(error.code, 'azure_storage_role_missing')
        return /Storage Blob Delegator on the account/.test(error.hint)
      },
    )
    kit.storage.assignRole({ principalId, account, role: 'Storage Blob Delegator' })
    const { url } = await createLink(asApp, address, wish)
    assert.match(url.reveal(), new RegExp(`skoid=${principalId}`))
  })
})
