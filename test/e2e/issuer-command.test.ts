// `azure-storage-drone issuer` as a person runs it: the real program over a real state folder.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { createAuthority } from '../../src/lab/authority.ts'
import { listenTls, type LabListener } from '../../src/lab/listen.ts'
import { account, startStorageKit } from '../../src/lab/storage.fixture.ts'
import { openSqliteStore } from '../../src/store/sqlite.ts'

let listener: LabListener
let folder = ''
let contentType = 'application/json'

const path = (...names: string[]) => join(folder, ...names)

const issuer = (...args: string[]) => issuerWith('', ...args)

async function issuerWith(
  input: string,
  ...args: string[]
): Promise<{ code: unknown; out: string; err: string }> {
  const program = [resolve('bin/issuer.ts'), ...args, '--config', path('service.yaml')]
  const child = spawn(process.execPath, program, { env: {}, stdio: 'pipe' })
  child.stdin.end(input)
  const texts = { out: '', err: '' }
  child.stdout.on('data', (chunk: Buffer) => void (texts.out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => void (texts.err += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number]
  return { code, ...texts }
}

const statesOf = async () => {
  const { out } = await issuer('keys', '--json')
  const { keys } = JSON.parse(out) as { keys: { kid: string; state: string }[] }
  return keys
}

describe('issuer command', () => {
  before(async () => {
    folder = mkdtempSync(join(tmpdir(), 'asd-command-'))
    const authority = await createAuthority()
    // A web server over the folder that was published to.
    listener = await listenTls({ authority }, (request, response) => {
      try {
        const text = readFileSync(path('site', request.url ?? ''))
        response.writeHead(200, { 'content-type': contentType }).end(text)
      } catch {
        response.writeHead(404).end()
      }
    })
    writeFileSync(path('ca.pem'), authority.caPem)
    writeFileSync(path('secret'), 's'.repeat(40))
    writeFileSync(path('token'), 't'.repeat(40))
    writeFileSync(
      path('service.yaml'),
      `issuer_url: ${listener.url}/id
service_url: https://asd.example
policy_file: ${path('policy.yaml')}
state_dir: ${path('state')}
listen:
  ci: { address: '127.0.0.1:0' }
  steps: { address: '127.0.0.1:0' }
  public: { address: '127.0.0.1:0' }
instances:
  main:
    scm: gitea
    webhook_secret: { file: ${path('secret')} }
    runners:
      docker-1: { token: { file: ${path('token')} }, repositories: ['octo/*'] }
`,
    )
  })
  after(async () => {
    await listener.close()
    rmSync(folder, { recursive: true })
  })

  const ca = () => ['--ca-file', path('ca.pem')]

  test('looks at nothing that is not there, and makes no key in passing', async () => {
    const { code, err } = await issuer('check', ...ca())
    assert.equal(code, 5)
    assert.match(err, /database does not answer/)
  })

  test('publishes before the first start, and the check finds what it wrote', async () => {
    const { code, out, err } = await issuer('publish', '--to', path('site'), '--check', ...ca())
    assert.equal(code, 0, err)
    assert.match(out, /\/id\/main {2}1 key\(s\) at .*site/)
    assert.match(out, /1 issuer\(s\): what the world reads is what we sign with\./)
  })

  test('tells an unreachable issuer from one that is wrong', async () => {
    const strange = await issuer('check')
    assert.equal(strange.code, 5)
    assert.match(strange.out, /cannot be reached: .*certificate/)
    contentType = 'application/octet-stream'
    const wrong = await issuer('check', '--json', ...ca())
    contentType = 'application/json'
    assert.equal(wrong.code, 6)
    const { differences } = JSON.parse(wrong.out) as { differences: { sentence: string }[] }
    assert.equal(differences.length, 2)
    assert.match(wrong.err, /what to do: .*issuer publish/)
  })

  test('rotate makes the next key, and --now waits for it to ripen', async () => {
    const early = await issuer('rotate', '--now')
    assert.equal(early.code, 4)
    assert.match(early.err, /no next key.*\nwhat to do: .*issuer rotate/)
    const { code, out } = await issuer('rotate')
    assert.equal(code, 0)
    assert.match(out, /is made; it takes over when the public URL has served it for 24 h/)
    assert.match((await issuer('rotate')).out, /was made before/)
    const unripe = await issuer('rotate', '--now')
    assert.equal(unripe.code, 4)
    assert.match(unripe.err, /does not serve it yet/)
    const check = await issuer('check', ...ca())
    assert.equal(check.code, 6)
    assert.match(check.out, /lacks the next key/)
  })

  test('revoke withdraws a key and says what it cannot do', async () => {
    const [first] = await statesOf()
    const { code, out } = await issuer('revoke', first?.kid ?? '')
    assert.equal(code, 0)
    assert.match(out, /disable the federated credentials/)
    assert.deepEqual(
      (await statesOf()).map(({ state }) => state),
      ['revoked', 'next', 'active'],
    )
    const again = await issuer('revoke', first?.kid ?? '')
    assert.equal(again.code, 4)
    assert.match((await issuer('check', ...ca())).out, /still has the revoked key/)
    assert.equal((await issuer('publish', '--to', path('site'), '--check', ...ca())).code, 0)
  })

  test('publishes to $web with what az prints on standard input', async (t) => {
    const kit = await startStorageKit()
    t.after(() => kit.close())
    await kit.storage.createContainer(account, '$web')
    writeFileSync(path('storage-ca.pem'), kit.entraKit.authority.caPem)
    const accessToken = await kit.entraKit.entra.mintOwnerToken()
    const to = `${kit.storage.endpointOf(account)}/$web`
    const options = ['--access-token-file', '-', '--ca-file', path('storage-ca.pem')]
    const input = JSON.stringify({ accessToken, tokenType: 'Bearer' })
    const { code, out, err } = await issuerWith(input, 'publish', '--to', to, ...options)
    assert.equal(code, 0, err)
    assert.ok(!`${out}${err}`.includes(accessToken))
    const jwks = '/$web/id/main/.well-known/jwks.json'
    const answer = await kit.call(accessToken, { path: jwks })
    assert.deepEqual(answer.text, readFileSync(path('site/id/main/.well-known/jwks.json'), 'utf8'))
    const empty = await issuerWith('\n', 'publish', '--to', to, ...options)
    assert.equal(empty.code, 2)
    assert.match(empty.err, /access token is empty/)
  })

  test('rotate --now --emergency takes over at once', async () => {
    const { code, out } = await issuer('rotate', '--now', '--emergency')
    assert.equal(code, 0)
    assert.match(out, /signs from now on/)
    assert.match((await issuer('keys')).out, /retired {2}published until \d{4}-/)
  })

  test('every change is in the ledger', async () => {
    const store = openSqliteStore(path('state', 'state.db'))
    // Commands write a chain of their own beside the service's.
    const rows = await store.readLedger('node-1.cli', 1, 100)
    await store.close()
    const types = rows.map((row) => (JSON.parse(row.record) as { type: string }).type)
    const begun = 'created activated published created'
    const revoked = 'revoked created activated published published'
    const again = 'published published'
    const story = `${begun} ${revoked} ${again} retired activated`.split(' ')
    assert.deepEqual(
      types,
      story.map((what) => `key.${what}`),
    )
  })

  const misuse: { args: string[]; says: RegExp }[] = [
    { args: ['nonsense'], says: /azure-storage-drone issuer COMMAND/ },
    { args: ['revoke'], says: /azure-storage-drone issuer COMMAND/ },
    { args: ['keys', 'too', 'many'], says: /azure-storage-drone issuer COMMAND/ },
    { args: ['keys', '--colour'], says: /--colour/ },
    { args: ['publish'], says: /--to is missing/ },
    {
      args: ['publish', '--to', 'https://acct.blob.core.windows.net/$web'],
      says: /--access-token-file/,
    },
    {
      args: ['publish', '--to', 'http://acct.blob.core.windows.net/$web'],
      says: /no https container URL/,
    },
    {
      args: ['publish', '--to', 'https://acct.blob.core.windows.net/$web?sig=secret'],
      says: /\/\$web is no https/,
    },
    {
      args: ['publish', '--to', 'https://acct.blob.core.windows.net'],
      says: /no https container URL/,
    },
    { args: ['encrypt'], says: /no key-encryption key is configured/ },
  ]
  test('what cannot be done is exit 2 with the reason, and quotes no signature', async () => {
    const ends = await Promise.all(misuse.map(({ args }) => issuer(...args)))
    for (const [index, { args, says }] of misuse.entries()) {
      const { code, err = '' } = ends[index] ?? {}
      assert.equal(code, 2, args.join(' '))
      assert.match(err, says)
      assert.ok(!err.includes('sig=secret'))
    }
  })
})
