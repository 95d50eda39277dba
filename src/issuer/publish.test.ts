import assert from 'node:assert/strict'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'

import { Secret } from '../core/secret.ts'
import { createHttp } from '../http/node.ts'
import { openLocalSigner, type LocalSigner } from '../keys/local.ts'
import type { KeyEvent } from '../keys/rotation.ts'
import { account, startStorageKit, type StorageKit } from '../lab/storage.fixture.ts'
import { discoveryDocument, discoveryPath, jwksPath } from './discovery.ts'
import { openContainer, openFolder, type Place } from './place.ts'
import { publish } from './publish.ts'
import type { Send } from './published.ts'

const issuerUrl = 'https://id.example/drone'
const publication = { issuerUrl, instances: ['main', 'other'] }
const now = () => new Date('2026-11-23T12:00:00Z')
const paths = ['main', 'other'].flatMap((name) =>
  [jwksPath, discoveryPath].map((path) => `/drone/${name}${path}`),
)
const jwks = `/drone/main${jwksPath}`

async function setUp(t: TestContext): Promise<{ folder: string; file: string; keys: LocalSigner }> {
  const folder = mkdtempSync(join(tmpdir(), 'asd-publish-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'keys.json')
  return { folder: join(folder, 'site'), file, keys: await openLocalSigner({ now }, file) }
}

const kidsIn = (text: string) =>
  (JSON.parse(text) as { keys: { kid: string }[] }).keys.map(({ kid }) => kid)

test('folder › gets both documents of every instance below the path of the issuer URL', async (t) => {
  const { folder, keys } = await setUp(t)
  const report = await publish({ place: openFolder(folder), keys }, publication)
  assert.deepEqual(report, {
    issuers: [`${issuerUrl}/main`, `${issuerUrl}/other`],
    kids: [keys.publicKeys()[0]?.kid],
  })
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((it) =>
    it.isFile(),
  )
  assert.equal(files.length, 4, 'no draft is left')
  for (const name of ['main', 'other']) {
    const read = (path: string) => readFileSync(join(folder, `/drone/${name}${path}`), 'utf8')
    assert.deepEqual(JSON.parse(read(discoveryPath)), discoveryDocument(`${issuerUrl}/${name}`))
    assert.deepEqual(JSON.parse(read(jwksPath)), { keys: keys.publicKeys() })
  }
  assert.equal(statSync(join(folder, jwks)).mode & 0o777 & ~0o022, 0o644)
})

test('folder › gets the keys before the discovery documents, whatever the instances', async (t) => {
  const { folder, keys } = await setUp(t)
  const written: string[] = []
  const inner = openFolder(folder)
  const place: Place = {
    ...inner,
    write: async (path, text) => {
      await inner.write(path, text)
      written.push(path)
    },
  }
  await publish({ place, keys }, publication)
  assert.deepEqual(written.toSorted(), paths.toSorted())
  assert.ok(written.slice(0, 2).every((path) => path.endsWith(jwksPath)))
})

test('folder › that cannot be written is a fault that names the file', async (t) => {
  const { folder, keys } = await setUp(t)
  mkdirSync(dirname(folder), { recursive: true })
  writeFileSync(folder, 'a file')
  await assert.rejects(publish({ place: openFolder(folder), keys }, publication), {
    code: 'issuer_publish_failed',
    message: /site.*ENOTDIR/,
  })
})

test('set › that lacks a key nobody knows to be over is not published, unless it is dropped by name', async (t) => {
  const { folder, keys } = await setUp(t)
  const stranger = await setUp(t)
  const place = openFolder(folder)
  await publish({ place, keys }, publication)
  const earlier = readFileSync(join(folder, jwks), 'utf8')
  const lost = keys.publicKeys()[0]?.kid ?? ''
  await assert.rejects(publish({ place, keys: stranger.keys }, publication), {
    code: 'issuer_publish_narrows',
    exitCode: 4,
    message: new RegExp(lost),
  })
  assert.equal(readFileSync(join(folder, jwks), 'utf8'), earlier, 'nothing was written')
  await publish({ place, keys: stranger.keys }, { ...publication, drop: [lost] })
  assert.notEqual(readFileSync(join(folder, jwks), 'utf8'), earlier)
})

test('set › an older one, from a copy of the key file, is not published over a newer', async (t) => {
  const { folder, file, keys } = await setUp(t)
  const copy = join(dirname(file), 'copy.json')
  writeFileSync(copy, readFileSync(file), { mode: 0o600 })
  const place = openFolder(folder)
  await keys.change({ command: { kind: 'activate', isEmergency: true } })
  await publish({ place, keys }, publication)
  const old = await openLocalSigner({ now }, copy)
  await assert.rejects(publish({ place, keys: old }, publication), {
    code: 'issuer_publish_narrows',
  })
})

test('set › without a revoked key is published, for that is the point', async (t) => {
  const { folder, keys } = await setUp(t)
  const place = openFolder(folder)
  await publish({ place, keys }, publication)
  const kid = keys.publicKeys()[0]?.kid ?? ''
  await keys.change({ command: { kind: 'revoke', kid } })
  await publish({ place, keys }, publication)
  assert.deepEqual(kidsIn(readFileSync(join(folder, jwks), 'utf8')), [keys.publicKeys()[0]?.kid])
})

test('set › that changes while it is written is written again', async (t) => {
  const { folder, file, keys } = await setUp(t)
  const inner = openFolder(folder)
  const cli = await openLocalSigner({ now }, file)
  let isDone = false
  const place: Place = {
    ...inner,
    write: async (path, text) => {
      await inner.write(path, text)
      if (!isDone) {
        isDone = true
        await cli.change({ command: { kind: 'prepare' } })
      }
    },
  }
  const { kids } = await publish({ place, keys }, publication)
  assert.equal(kids.length, 2)
  assert.deepEqual(kidsIn(readFileSync(join(folder, jwks), 'utf8')), kids)
})

test('ledger › hears of each key once, before it is public', async (t) => {
  const { folder, keys } = await setUp(t)
  const events: KeyEvent[] = []
  const record = async (told: readonly KeyEvent[]) => void events.push(...told)
  const place = openFolder(folder)
  await publish({ place, keys, record }, publication)
  await publish({ place, keys, record }, publication)
  assert.deepEqual(
    events.map(({ what, kid }) => [what, kid]),
    [['published', keys.publicKeys()[0]?.kid]],
  )
  const full = async () => Promise.reject(new Error('disk full'))
  await keys.change({ command: { kind: 'prepare' } })
  await assert.rejects(publish({ place, keys, record: full }, publication), /disk full/)
  assert.equal(kidsIn(readFileSync(join(folder, jwks), 'utf8')).length, 1)
})

describe('container $web', () => {
  let kit: StorageKit
  let http: ReturnType<typeof createHttp>
  before(async () => {
    kit = await startStorageKit()
    await kit.storage.createContainer(account, '$web')
    http = createHttp({ maxConnections: 4, ca: [kit.entraKit.authority.caPem] })
  })
  after(async () => {
    http.close()
    await kit.close()
  })

  const open = async (below = '$web', token?: string) =>
    openContainer(
      { send: http.send, token: new Secret(token ?? (await kit.entraKit.entra.mintOwnerToken())) },
      `${kit.storage.endpointOf(account)}/${below}`,
    )
  const read = async (path: string) =>
    kit.call(await kit.entraKit.entra.mintOwnerToken(), { path: `/$web${path}` })

  for (const prefix of ['', '/some/prefix', '/some/prefix/']) {
    test(`gets documents that any browser takes for JSON, below “${prefix}”`, async (t) => {
      const { keys } = await setUp(t)
      const below = prefix.replace(/\/$/, '')
      const drop = await openContainer(
        { send: http.send, token: new Secret(await kit.entraKit.entra.mintOwnerToken()) },
        `${kit.storage.endpointOf(account)}/$web${prefix}`,
      ).read(jwks)
      const known = drop === undefined ? [] : kidsIn(drop)
      const place = await open(`$web${prefix}`)
      await publish({ place, keys }, { ...publication, drop: known })
      for (const path of paths) {
        const answer = await read(`${below}${path}`)
        assert.equal(answer.status, 200, answer.text)
        assert.equal(answer.headers['content-type'], 'application/json')
        assert.equal(answer.headers['cache-control'], 'public, max-age=300')
      }
      assert.deepEqual(JSON.parse((await read(`${below}${jwks}`)).text), {
        keys: keys.publicKeys(),
      })
    })
  }

  test('does not lose a key that is there already either', async (t) => {
    const { keys } = await setUp(t)
    await assert.rejects(publish({ place: await open(), keys }, publication), {
      code: 'issuer_publish_narrows',
    })
  })

  const refusals: { name: string; place: () => Promise<Place>; code: string; hint: RegExp }[] = [
    {
      name: 'an absent container',
      place: () => open('$web-2'),
      code: 'issuer_publish_refused',
      hint: /static website/,
    },
    {
      name: 'no token at all',
      place: () => open('$web', 'x'),
      code: 'issuer_publish_refused',
      hint: /fresh token/,
    },
    {
      name: 'a caller without a role',
      place: async () => open('$web', await kit.exchange()),
      code: 'issuer_publish_refused',
      hint: /Storage Blob Data Contributor/,
    },
    {
      name: 'a host nobody answers on',
      place: async () =>
        openContainer({ send: http.send, token: new Secret('x') }, 'https://localhost:1/$web'),
      code: 'issuer_publish_failed',
      hint: /network/,
    },
  ]
  for (const { name, place, code, hint } of refusals) {
    test(`refuses ${name} with the way out`, async (t) => {
      const { keys } = await setUp(t)
      await assert.rejects(publish({ place: await place(), keys }, publication), (error: Error) => {
        assert.equal((error as { code?: string }).code, code, error.message)
        assert.match((error as { hint?: string }).hint ?? '', hint)
        return true
      })
    })
  }

  test('that is busy is worth a retry, and the token is in no message', async (t) => {
    const { keys } = await setUp(t)
    kit.storage.failNext({ count: 1, status: 503, code: 'ServerBusy' })
    const token = await kit.entraKit.entra.mintOwnerToken()
    await assert.rejects(
      publish({ place: await open('$web', token), keys }, publication),
      (error: Error) => {
        assert.match(error.message, /HTTP 503 ServerBusy/)
        assert.ok(!error.message.includes(token))
        return (error as { exitCode?: number }).exitCode === 5
      },
    )
  })

  test('is written with one Put Blob for each document and nothing else', async (t) => {
    const { keys } = await setUp(t)
    const calls: string[] = []
    const send: Send = async (request) => {
      calls.push(request.method)
      return http.send(request)
    }
    const token = new Secret(await kit.entraKit.entra.mintOwnerToken())
    const url = `${kit.storage.endpointOf(account)}/$web/fresh`
    await publish({ place: openContainer({ send, token }, url), keys }, publication)
    assert.deepEqual(calls, ['GET', 'GET', 'PUT', 'PUT', 'PUT', 'PUT'])
  })
})
