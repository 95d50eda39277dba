// The image writer without Docker: the same bytes each time, what OCI asks for, and what goes with an image.
import assert from 'node:assert/strict'
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'

import * as fc from 'fast-check'
import { extract, type Header } from 'tar-stream'

import { cacheFileOf, loadStep } from '../bin/plugin-load.ts'
import { makeCodeCache } from '../image/code-cache.ts'
import { listLibraries } from '../image/debian.ts'
import { readDockerfile } from '../image/dockerfile.ts'
import { packImage, sha256, type ImageParts } from '../image/oci.ts'
import { preAuthenticate, signStatement, writeProvenance } from '../image/provenance.ts'
import { findBundled, writeSbom } from '../image/sbom.ts'
import { file, folder, writeTar, type Entry } from '../image/tree.ts'

const madeAt = new Date('2026-11-23T12:00:00Z')

async function readTar(tar: Buffer): Promise<Map<string, { header: Header; body: Buffer }>> {
  const found = new Map<string, { header: Header; body: Buffer }>()
  for await (const entry of Readable.from([tar]).pipe(extract())) {
    found.set(entry.header.name, { header: entry.header, body: await buffer(entry) })
  }
  return found
}

test('writeTar › the order of entries changes nothing, and every folder is there', async () => {
  const name = fc.stringMatching(/^[a-z]{1,8}$/)
  const path = fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => `${parts.join('/')}.f`)
  const entries = fc
    .uniqueArray(fc.tuple(path, fc.string()), { selector: ([each]) => each, maxLength: 8 })
    .map((all) => all.map(([each, text]) => file(each, text)))
  await fc.assert(
    fc.asyncProperty(entries, async (all) => {
      const tar = await writeTar(all, madeAt)
      assert.ok(tar.equals(await writeTar(all.toReversed(), madeAt)))
      const read = await readTar(tar)
      for (const { path: each, body } of all) {
        assert.ok(body?.equals(read.get(each)?.body ?? Buffer.from('missing')))
        const above = each.split('/').slice(0, -1)
        for (const depth of above.keys()) {
          assert.ok(read.has(`${above.slice(0, depth + 1).join('/')}/`))
        }
      }
    }),
    { numRuns: 50 },
  )
})

test('writeTar › owners, modes and times are those it is told, and a folder may be more than that above a file', async () => {
  const entries: Entry[] = [
    folder('var/state', 0o700, 65_532),
    folder('tmp', 0o1777),
    file('var/state/x', 'x'),
  ]
  const read = await readTar(await writeTar(entries, madeAt))
  const state = read.get('var/state/')?.header
  assert.deepEqual(
    [state?.mode, state?.uid, state?.gid, state?.mtime],
    [0o700, 65_532, 65_532, madeAt],
  )
  assert.equal(read.get('tmp/')?.header.mode, 0o1777)
  assert.deepEqual([...read.keys()], ['tmp/', 'var/', 'var/state/', 'var/state/x'])
})

test('readDockerfile › reads ours', () => {
  const plugin = readDockerfile(readFileSync('image/plugin.Dockerfile', 'utf8'))
  assert.deepEqual(plugin.archives, ['base.tar', 'plugin.tar'])
  assert.deepEqual(plugin.config.Entrypoint, ['/usr/bin/node', '/app/plugin.mjs'])
  assert.equal(plugin.config.User, undefined)
  const { config } = readDockerfile(readFileSync('image/service.Dockerfile', 'utf8'))
  assert.equal(config.User, '65532:65532')
  assert.deepEqual(config.Volumes, { '/var/lib/azure-storage-drone': {} })
  assert.equal(config.Healthcheck?.Interval, 30e9)
  assert.deepEqual(config.Healthcheck?.Test.slice(0, 4), [
    'CMD',
    '/usr/bin/node',
    '/app/cli.mjs',
    'health',
  ])
  assert.deepEqual(Object.keys(config.ExposedPorts ?? {}).length, 4)
})

test('readDockerfile › refuses what it would not do as Docker does', () => {
  for (const line of [
    'RUN true',
    'FROM debian',
    'ADD x.tar /opt',
    'COPY a /b',
    'CMD node x',
    'what',
  ]) {
    assert.throws(() => readDockerfile(`FROM scratch\n${line}\n`), SyntaxError, line)
  }
})

async function somePart(): Promise<ImageParts> {
  return {
    layers: [
      { name: 'base.tar', tar: await writeTar([folder('tmp', 0o1777)], madeAt) },
      { name: 'app.tar', tar: await writeTar([file('app/x', 'x')], madeAt) },
    ],
    config: { Env: ['PATH=/usr/bin'], Entrypoint: ['/x'], Labels: {} },
    reference: 'example/one:1.0',
    architecture: 'amd64',
    madeAt,
  }
}

type Described = { digest: string; size: number }

test('packImage › every digest and size is that of the blob it names', async () => {
  const image = await packImage(await somePart())
  assert.ok(image.tar.equals((await packImage(await somePart())).tar))
  const read = await readTar(image.tar)
  const json = (path: string): unknown => JSON.parse(read.get(path)?.body.toString() ?? '')
  const blob = ({ digest, size }: Described) => {
    const body = read.get(`blobs/sha256/${digest.slice(7)}`)?.body ?? Buffer.alloc(0)
    assert.deepEqual([sha256(body), body.length], [digest, size])
    return body
  }
  const { manifests } = json('index.json') as { manifests: Described[] }
  assert.equal(manifests[0]?.digest, image.manifestDigest)
  const manifest = JSON.parse(manifests.map(blob).join('')) as {
    config: Described
    layers: Described[]
  }
  const config = JSON.parse(blob(manifest.config).toString()) as { rootfs: { diff_ids: string[] } }
  const diffIds = manifest.layers.map((layer) => sha256(gunzipSync(blob(layer))))
  assert.deepEqual(config.rootfs.diff_ids, diffIds)
  const [forDocker] = json('manifest.json') as {
    Config: string
    Layers: string[]
    RepoTags: string[]
  }[]
  assert.deepEqual(forDocker?.RepoTags, ['example/one:1.0'])
  for (const path of [forDocker?.Config ?? '', ...(forDocker?.Layers ?? [])])
    assert.ok(read.has(path))
})

test('the code cache of the image is the same each time, and Node takes it', () => {
  const script = readFileSync('dist/plugin-step.cjs')
  const one = makeCodeCache(process.execPath, script)
  assert.ok(one.equals(makeCodeCache(process.execPath, script)))
  const scratch = mkdtempSync(join(tmpdir(), 'asd-cache-'))
  try {
    copyFileSync('dist/plugin-step.cjs', join(scratch, 'plugin-step.cjs'))
    writeFileSync(cacheFileOf(scratch), one)
    assert.equal(loadStep(scratch).script.cachedDataRejected, false)
  } finally {
    rmSync(scratch, { recursive: true })
  }
})

test('listLibraries › takes libraries and the loader, and says which is missing', () => {
  const said = `\tlinux-vdso.so.1 (0x00007ffd)\n\tlibc.so.6 => /lib/x/libc.so.6 (0x00007f)\n\t/lib64/ld.so.2 (0x7f)\n`
  assert.deepEqual(listLibraries(said), ['/lib/x/libc.so.6', '/lib64/ld.so.2'])
  assert.throws(() => listLibraries('\tlibx.so.1 => not found\n'), { code: 'image_failed' })
})

test('findBundled › names the packages whose code was kept, wherever they lie', () => {
  const inputs = {
    'src/a.ts': {},
    'node_modules/one/x.js': {},
    'node_modules/one/y.js': {},
    'node_modules/@scope/two/node_modules/three/z.js': {},
  }
  assert.deepEqual(findBundled({ outputs: { 'a.mjs': { inputs } } }), [
    'node_modules/@scope/two/node_modules/three',
    'node_modules/one',
  ])
})

test('writeSbom › has a serial number of its image, and package URLs with the odd signs encoded', () => {
  const subject = { name: 'x', version: '1', digest: `sha256:${'a'.repeat(64)}`, madeAt }
  const npm = [
    { name: '@a/b', version: '1.0.0', integrity: `sha512-${Buffer.alloc(64).toString('base64')}` },
  ]
  const debian = [{ name: 'libstdc++6', version: '12-1+deb12u1', architecture: 'amd64' }]
  const sbom = writeSbom(subject, { npm, debian })
  assert.match(
    String(sbom['serialNumber']),
    /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-/,
  )
  assert.deepEqual(
    (sbom['components'] as { purl: string }[]).map(({ purl }) => purl),
    ['pkg:npm/%40a/b@1.0.0', 'pkg:deb/debian/libstdc%2B%2B6@12-1%2Bdeb12u1?arch=amd64'],
  )
})

test('signStatement › signs as DSSE asks, with Ed25519 and with P-256', () => {
  const statement = writeProvenance({
    name: 'x',
    digest: `sha256:${'a'.repeat(64)}`,
    kind: 'plugin',
    version: '1',
    architecture: 'amd64',
    epochSeconds: 0,
    commit: 'c'.repeat(40),
    isModified: false,
    materials: [],
  })
  const expected = Buffer.from('DSSEv1 28 application/vnd.in-toto+json 2 {}')
  assert.ok(preAuthenticate(Buffer.from('{}')).equals(expected))
  const keys = [generateKeyPairSync('ed25519'), generateKeyPairSync('ec', { namedCurve: 'P-256' })]
  for (const { privateKey } of keys) {
    const envelope = signStatement(statement, privateKey) as {
      payload: string
      signatures: { sig: string }[]
    }
    const payload = Buffer.from(envelope.payload, 'base64')
    assert.deepEqual(JSON.parse(payload.toString()), statement)
    const algorithm = privateKey.asymmetricKeyType === 'ed25519' ? null : 'sha256'
    const signature = Buffer.from(envelope.signatures[0]?.sig ?? '', 'base64')
    const key = createPublicKey(privateKey)
    assert.ok(verify(algorithm, preAuthenticate(payload), key, signature))
    assert.ok(
      !verify(
        algorithm,
        Buffer.concat([preAuthenticate(payload), Buffer.from('x')]),
        key,
        signature,
      ),
    )
  }
})
