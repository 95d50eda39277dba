import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import {
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, afterEach, beforeEach, describe, it } from 'node:test'
import { connect, type TLSSocket } from 'node:tls'

import { keepCertificateFresh, readPresented } from '../bin/service-certificate.ts'
import { findSocket } from '../bin/service-socket.ts'
import { pinOf } from '../src/core/digest.ts'
import { createAuthority, type LabAuthority } from '../src/lab/authority.ts'
import { fetchPinnedCertificate } from '../src/plugin/pin.ts'

const read = (file: string) => readFileSync(file, 'utf8')
const folders: string[] = []
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

// As Kubernetes mounts a secret: the names are links into `..data`, which is swapped whole.
async function writePair(authority: LabAuthority, folder: string): Promise<string> {
  mkdirSync(folder)
  const { certPem, keyPem } = await authority.issue(['127.0.0.1'])
  writeFileSync(join(folder, 'tls.crt'), certPem)
  writeFileSync(join(folder, 'tls.key'), keyPem)
  writeFileSync(join(folder, 'ca.crt'), authority.caPem)
  return new X509Certificate(certPem).fingerprint256
}

function pointAt(root: string, version: string): void {
  symlinkSync(version, join(root, '..data_tmp'))
  renameSync(join(root, '..data_tmp'), join(root, '..data'))
}

describe('the certificate of a door', () => {
  let authority: LabAuthority
  let root: string
  let server: Server
  let look: () => void
  let said: string[]
  let before: string
  const files = () => ({
    certificateFile: join(root, 'tls.crt'),
    keyFile: join(root, 'tls.key'),
    caFile: join(root, 'ca.crt'),
  })
  const call = async (): Promise<TLSSocket> => {
    const { port } = server.address() as AddressInfo
    const socket = connect({ host: '127.0.0.1', port, ca: authority.caPem })
    await once(socket, 'secureConnect')
    return socket
  }
  const shown = async () => {
    const socket = await call()
    const { fingerprint256 } = socket.getPeerCertificate()
    socket.destroy()
    return fingerprint256
  }

  beforeEach(async () => {
    authority = await createAuthority()
    root = mkdtempSync(join(tmpdir(), 'asd-certificate-'))
    folders.push(root)
    before = await writePair(authority, join(root, '..1'))
    pointAt(root, '..1')
    for (const name of ['tls.crt', 'tls.key', 'ca.crt'])
      symlinkSync(`..data/${name}`, join(root, name))
    said = []
    const say = ({ reason = '' }: Record<string, unknown>, text: string) =>
      void said.push(`${text} ${String(reason)}`)
    const first = readPresented(read, files())
    server = createServer({ cert: first.cert, key: first.key }, (_request, response) =>
      response.end('here'),
    )
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const log = { info: say, warn: say, error: say }
    look = keepCertificateFresh({ server, read, log, door: 'steps' }, files(), first)
  })
  afterEach(async () => {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  })

  it('is the new one for the next connection once its folder was swapped, and an open one goes on', async () => {
    const open = await call()
    const next = await writePair(authority, join(root, '..2'))
    pointAt(root, '..2')
    look()
    assert.notEqual(next, before)
    assert.equal(await shown(), next)
    open.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n')
    const [answer] = await once(open, 'data')
    assert.match(String(answer), /^HTTP\/1.1 200/)
    open.destroy()
    assert.equal(said.length, 1)
    look()
    assert.equal(said.length, 1, 'what has not changed is not told')
  })

  it('is looked at on SIGHUP, and no longer when the door is closed', async () => {
    const next = await writePair(authority, join(root, '..2'))
    pointAt(root, '..2')
    process.emit('SIGHUP')
    assert.equal(await shown(), next)
    const listeners = process.listenerCount('SIGHUP')
    server.close()
    await once(server, 'close')
    assert.equal(process.listenerCount('SIGHUP'), listeners - 1)
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })

  it('stays the old one while the pair does not fit or is half written, and says so once', async () => {
    await writePair(authority, join(root, '..2'))
    const whole = read(join(root, '..2/tls.key'))
    writeFileSync(join(root, '..2/tls.key'), read(join(root, '..1/tls.key')))
    pointAt(root, '..2')
    look()
    look()
    assert.equal(await shown(), before)
    assert.equal(said.length, 1)
    assert.match(said[0] ?? '', /stays the old one The certificate .* cannot be used together/)
    writeFileSync(join(root, '..2/tls.key'), whole.slice(0, 90))
    look()
    assert.equal(await shown(), before)
    rmSync(join(root, '..2/tls.key'))
    look()
    assert.match(said.at(-1) ?? '', /certificate key cannot be read|ENOENT/)
    assert.equal(await shown(), before)
    writeFileSync(join(root, '..2/tls.key'), whole)
    look()
    assert.notEqual(await shown(), before)
  })

  it('may be another leaf under the CA that request tokens out there pin', async () => {
    const pin = pinOf(new X509Certificate(authority.caPem))
    await writePair(authority, join(root, '..2'))
    pointAt(root, '..2')
    look()
    assert.notEqual(await shown(), before)
    const { port } = server.address() as AddressInfo
    const found = await fetchPinnedCertificate(new URL(`https://127.0.0.1:${port}`), pin)
    assert.equal(pinOf(new X509Certificate(found)), pin)
  })

  it('waits for the next start when the CA has another key, because tokens name that key', async () => {
    const other = await createAuthority()
    await writePair(other, join(root, '..2'))
    pointAt(root, '..2')
    look()
    assert.equal(await shown(), before)
    assert.match(said[0] ?? '', /has another key, which takes effect at the next start/)
  })
})

describe('a socket of systemd', () => {
  const env = { LISTEN_PID: '7', LISTEN_FDS: '2', LISTEN_FDNAMES: 'ci:steps' }

  it('is found by the name of its door', () => {
    assert.equal(findSocket({ env, pid: 7 }, 'steps'), 4)
    assert.equal(findSocket({ env: {}, pid: 7 }, 'steps'), undefined)
  })

  it('is not ours when it was meant for another process', () => {
    assert.equal(findSocket({ env, pid: 8 }, 'steps'), undefined)
  })

  it('has to be there for every door, or the door would be on a port nobody expects', () => {
    assert.throws(() => findSocket({ env, pid: 7 }, 'public'), { code: 'config_invalid' })
  })
})
