import assert from 'node:assert/strict'
import { createHash, X509Certificate } from 'node:crypto'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import type { RequestListener } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, describe, it } from 'node:test'

import { openHttp } from '../http/open.ts'
import { createAuthority, type LabAuthority } from '../lab/authority.ts'
import { type FakeStore, startStore } from '../transfer/blob/blob-store.fixture.ts'
import { run, type RunDeps } from './run.ts'
import type { Environment } from './settings.ts'

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const idToken = `${encode({ alg: 'RS256' })}.${encode({ iss: 'https://i', sub: 'repo:octo/app@42:tag', aud: 'api://AzureADTokenExchange' })}.c2ln`

// Waits between tries are skipped, the grace after a failure is short, and progress never comes.
async function sleep(ms: number, signal?: AbortSignal) {
  if (ms < 2_000) return
  await new Promise<void>((resolve) => {
    const timer = ms < 5_000 ? setTimeout(resolve, 300) : undefined
    const end = () => {
      clearTimeout(timer)
      resolve()
    }
    if (signal?.aborted) end()
    else signal?.addEventListener('abort', end)
  })
}

type Answer = { status: number; body: unknown; type?: string }

describe('one step', () => {
  let authority: LabAuthority
  let store: FakeStore
  let folder = ''
  let leaf = ''
  let log: string[] = []
  let ending = new AbortController()
  const asked: string[] = []
  // What the trust service and Entra answer; every test may replace it.
  const answers: { service: Answer; entra: Answer } = { service: ok(), entra: granted() }
  const servers: ReturnType<typeof createServer>[] = []
  const origins = { service: '', entra: '' }

  function ok(): Answer {
    const identity = { name: 'artifacts', tenant_id: 'tenant', client_id: 'client' }
    return { status: 200, body: { value: idToken, count: 1, identity } }
  }
  function granted(): Answer {
    return { status: 200, body: { access_token: 'storage-token', expires_in: 3600 } }
  }
  const listen = async (listener: RequestListener) => {
    const { certPem, keyPem } = await authority.issue(['localhost'])
    leaf = certPem
    const server = createServer({ cert: certPem, key: keyPem }, listener)
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    return `https://localhost:${(server.address() as AddressInfo).port}`
  }
  const answering = (which: keyof typeof answers): RequestListener => {
    return (request, response) => {
      asked.push(`${which} ${request.method} ${request.url} ${request.headers.authorization ?? ''}`)
      const { status, body, type = 'application/json' } = answers[which]
      request.resume().on('end', () => {
        response.writeHead(status, { 'content-type': type })
        response.end(typeof body === 'string' ? body : JSON.stringify(body))
      })
    }
  }
  const tokenFor = (payload: object) => `asd1.${encode(payload)}.s3cret`
  const pinOf = (pem: string) =>
    createHash('sha256')
      .update(new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' }))
      .digest('base64url')

  const step = (changes: Environment, more: Partial<RunDeps> = {}) =>
    run(
      {
        ...more,
        openHttp,
        now: () => new Date(),
        sleep,
        random: () => 0.5,
        newId: () => 'guid',
        log: (line) => log.push(line),
        signal: ending.signal,
        pid: 7,
        version: '0.0.0',
      },
      {
        PLUGIN_TOKEN: tokenFor({ url: origins.service, pin: pinOf(authority.caPem) }),
        PLUGIN_ACTION: 'upload',
        PLUGIN_ACCOUNT: 'acct',
        PLUGIN_CONTAINER: 'ccc',
        PLUGIN_SOURCE: join(folder, 'in'),
        PLUGIN_ENDPOINT: store.origin.origin,
        PLUGIN_AUTHORITY_HOST: origins.entra,
        PLUGIN_CA_FILE: join(folder, 'ca.pem'),
        ...changes,
      },
    )

  before(async () => {
    authority = await createAuthority()
    const { certPem, keyPem } = await authority.issue(['localhost'])
    store = await startStore({ cert: certPem, key: keyPem })
    origins.entra = await listen(answering('entra'))
    origins.service = await listen(answering('service'))
    folder = await mkdtemp(join(tmpdir(), 'asd-'))
    await mkdir(join(folder, 'in/sub'), { recursive: true })
    await writeFile(join(folder, 'ca.pem'), authority.caPem)
    await writeFile(join(folder, 'in/a.txt'), 'hello')
    await writeFile(join(folder, 'in/sub/100% #é'), 'x')
  })
  after(async () => {
    await store.close()
    for (const server of servers) {
      server.closeAllConnections()
      server.close()
    }
    await rm(folder, { recursive: true })
  })
  beforeEach(() => {
    Object.assign(answers, { service: ok(), entra: granted() })
    store.spoil = () => undefined
    ending = new AbortController()
    log = []
    asked.length = 0
  })

  const endsWith = (code: string, exit: number) => {
    const text = log.join('\n')
    assert.equal(log.at(-1), `code ${code}, exit ${exit}`, text)
    assert.match(log.at(-3) ?? '', /^error: /)
    assert.match(log.at(-2) ?? '', /^what to do: /)
    assert.ok(!text.includes('s3cret') && !text.includes('storage-token'), text)
  }

  it('uploads and downloads, and says who it was', async () => {
    assert.equal(await step({ PLUGIN_TARGET: 'builds/1' }), 0, log.join('\n'))
    assert.match(log.join('\n'), /identity artifacts \(client client\) as repo:octo\/app@42:tag/)
    assert.match(
      log.at(-1) ?? '',
      /^uploaded 2 files, 6 B in .* to https:\/\/localhost:\d+\/ccc\/builds\/1$/,
    )
    const out = join(folder, 'out')
    const download = { PLUGIN_ACTION: 'download', PLUGIN_SOURCE: 'builds/1', PLUGIN_TARGET: out }
    assert.equal(await step(download), 0, log.join('\n'))
    assert.equal(await readFile(join(out, 'sub/100% #é'), 'utf8'), 'x')
    assert.match(
      asked[0] ?? '',
      /GET \/v1\/id-token\?v=1&audience=api%3A%2F%2FAzureADTokenExchange Bearer asd1\./,
    )
  })

  it('leaves a card where the runner looks for one', async () => {
    const path = join(folder, 'card')
    await writeFile(path, '')
    const card = { PLUGIN_CARD: 'https://t/card.json', DRONE_CARD_PATH: path }
    assert.equal(await step(card), 0, log.join('\n'))
    const text = await readFile(path, 'utf8')
    assert.ok(text.startsWith('\u001b]1338;') && text.endsWith('\u001b]0m\n'))
    await step({ DRONE_CARD_PATH: path })
    assert.equal(await readFile(path, 'utf8'), text)
  })

  it('asks nobody for a token when there is nothing to send', async () => {
    assert.equal(await step({ PLUGIN_SOURCE: join(folder, 'nothing') }), 4)
    endsWith('transfer_no_files', 4)
    assert.deepEqual(asked, [])
  })

  it('sends nothing to a service without the pinned authority', async () => {
    const other = await createAuthority()
    const token = tokenFor({ url: origins.service, pin: pinOf(other.caPem) })
    assert.equal(await step({ PLUGIN_TOKEN: token }), 3)
    endsWith('issuer_pin_mismatch', 3)
    assert.deepEqual(asked, [])
  })

  it('takes a pin on the certificate of the service itself', async () => {
    const token = tokenFor({ url: origins.service, pin: pinOf(leaf) })
    assert.equal(await step({ PLUGIN_TOKEN: token }), 0, log.join('\n'))
  })

  it('checks the host name under a pin as well', async () => {
    const url = origins.service.replace('localhost', '127.0.0.1')
    assert.equal(await step({ PLUGIN_TOKEN: tokenFor({ url, pin: pinOf(authority.caPem) }) }), 5)
    endsWith('issuer_unreachable', 5)
    assert.deepEqual(asked, [])
  })

  it('passes a refusal of the service on in its own words', async () => {
    const body = {
      type: 'about:blank',
      status: 403,
      code: 'policy_fork_denied',
      detail: 'A fork asks.',
      hint: 'Do not.',
    }
    answers.service = { status: 403, body, type: 'application/problem+json' }
    assert.equal(await step({}), 3)
    endsWith('policy_fork_denied', 3)
    assert.deepEqual(log.slice(-3, -1), ['error: A fork asks.', 'what to do: Do not.'])
    answers.service = { status: 403, body: { ...body, code: 'brand_new' } }
    assert.equal(await step({}), 3)
    endsWith('issuer_refused', 3)
  })

  it('does not take a proxy page for the service, and tries three times', async () => {
    answers.service = { status: 200, body: '<html>Welcome</html>', type: 'text/html' }
    assert.equal(await step({}), 5)
    endsWith('issuer_answer_invalid', 5)
    assert.equal(asked.length, 3)
  })

  it('ends when the service cannot be reached', async () => {
    assert.equal(await step({ PLUGIN_TOKEN: tokenFor({ url: 'http://127.0.0.1:1' }) }), 5)
    endsWith('issuer_unreachable', 5)
  })

  it('ends when it would become somebody else than expected', async () => {
    assert.equal(await step({ PLUGIN_IDENTITY: 'deploy' }), 2)
    endsWith('plugin_setting_invalid', 2)
    assert.match(log.join('\n'), /“deploy”.*“artifacts”/)
  })

  it('takes tenant and client from its settings when they are given', async () => {
    assert.equal(await step({ PLUGIN_TENANT_ID: 'other', PLUGIN_CLIENT_ID: 'app' }), 0)
    assert.ok(asked.some((line) => line.startsWith('entra POST /other/oauth2')))
  })

  it('names every file that failed', async () => {
    store.spoil = () => ({ status: 403, code: 'AuthorizationPermissionMismatch' })
    assert.equal(await step({}), 3)
    endsWith('azure_storage_role_missing', 3)
    assert.equal(log.filter((line) => line.startsWith('failed: ')).length, 2)
  })

  it('has a refusal explained and nothing else, and says it also when that fails', async () => {
    const explained: string[] = []
    const explain: RunDeps['explain'] = ({ fault }) => {
      explained.push(fault.code)
      return Promise.reject(new Error('boom'))
    }
    assert.equal(await step({ PLUGIN_SOURCE: join(folder, 'gone') }, { explain }), 4)
    store.spoil = () => ({ status: 403, code: 'AuthorizationPermissionMismatch' })
    assert.equal(await step({}, { explain }), 3)
    endsWith('azure_storage_role_missing', 3)
    assert.deepEqual(explained, ['azure_storage_role_missing'])
  })

  it('leaves nothing behind when it is told to stop', async () => {
    await step({ PLUGIN_TARGET: 'stop' })
    store.spoil = (line) => {
      if (line.startsWith('GET') && !line.includes('comp=list')) ending.abort()
      return 'cut-answer'
    }
    const out = join(folder, 'stopped')
    const download = { PLUGIN_ACTION: 'download', PLUGIN_SOURCE: 'stop/', PLUGIN_TARGET: out }
    assert.equal(await step(download), 5)
    endsWith('transfer_interrupted', 5)
    const left = await readdir(folder, { recursive: true, withFileTypes: true })
    assert.deepEqual(
      left.filter((entry) => entry.isFile() && entry.parentPath.startsWith(out)),
      [],
    )
  })

  it('calls a defect by its name', async () => {
    store.spoil = () => {
      throw new Error('unreached')
    }
    const broken = () => {
      throw new TypeError('boom')
    }
    const code = await run(
      {
        openHttp: broken,
        log: (line: string) => log.push(line),
        signal: ending.signal,
        version: '0.0.0',
      } as never,
      {
        PLUGIN_TOKEN: 'x',
        PLUGIN_ACTION: 'upload',
        PLUGIN_ACCOUNT: 'acct',
        PLUGIN_CONTAINER: 'ccc',
        PLUGIN_SOURCE: 'x',
      },
    )
    assert.equal(code, 70)
    assert.equal(log.at(-1), 'code defect, exit 70')
  })
})
