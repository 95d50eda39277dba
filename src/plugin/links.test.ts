import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'

import type { HttpAnswer, HttpRequest } from '../http/http.ts'
import { run } from './run.ts'

const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
const requestToken = `asd1.${encode({ url: 'https://trust.example' })}.s3cret`
const idToken = `${encode({})}.${encode({ iss: 'https://i', sub: 's', aud: 'a' })}.c2ln`
const keyXml = `<?xml version="1.0"?><UserDelegationKey><SignedOid>o</SignedOid><SignedTid>t</SignedTid>
<SignedStart>2026-11-23T10:00:00Z</SignedStart><SignedExpiry>2026-11-23T11:00:00Z</SignedExpiry>
<SignedService>b</SignedService><SignedVersion>2026-02-06</SignedVersion><Value>c2VjcmV0</Value>
</UserDelegationKey>`

describe('a step that makes links', () => {
  let folder = ''
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'asd-'))
  })
  after(() => rm(folder, { recursive: true }))

  const step = async (keyStatus: number) => {
    const log: string[] = []
    const asked: string[] = []
    const answer = (status: number, body: string): HttpAnswer => ({
      status,
      headers: { etag: '"1"', 'content-length': '1', 'last-modified': new Date(0).toUTCString() },
      body: Buffer.from(body),
    })
    const send = async ({ method, path, origin }: HttpRequest) => {
      asked.push(`${method} ${origin.host}${path}`)
      if (path.startsWith('/v1/id-token')) {
        const identity = { name: 'artifacts', tenant_id: 'tenant', client_id: 'client' }
        return answer(200, JSON.stringify({ value: idToken, count: 1, identity }))
      }
      if (path.includes('/oauth2/')) {
        return answer(200, JSON.stringify({ access_token: 'storage-token', expires_in: 3600 }))
      }
      if (!path.includes('comp=userdelegationkey')) return answer(200, '')
      const { headers, body } = answer(keyStatus, keyStatus === 200 ? keyXml : '')
      const code = { 'x-ms-error-code': 'AuthorizationPermissionMismatch' }
      return { status: keyStatus, headers: { ...headers, ...code }, body }
    }
    const exitCode = await run(
      {
        openHttp: () => ({ send, warm: () => undefined, close: () => undefined }),
        now: () => new Date('2026-11-23T10:00:00Z'),
        sleep: async () => undefined,
        random: () => 0,
        newId: () => 'id',
        log: (line) => log.push(line),
        signal: new AbortController().signal,
        pid: 7,
        version: '0.0.0',
      },
      {
        PLUGIN_TOKEN: requestToken,
        PLUGIN_ACTION: 'link',
        PLUGIN_ACCOUNT: 'acct',
        PLUGIN_CONTAINER: 'site',
        PLUGIN_SOURCE: 'a/b c.txt',
        PLUGIN_LIFETIME: '10m',
        PLUGIN_OUTPUT_FILE: join(folder, 'link.env'),
      },
    )
    return { exitCode, log: log.join('\n'), asked }
  }

  it('writes them to its output file and to no log', async () => {
    const { exitCode, log, asked } = await step(200)
    assert.equal(exitCode, 0, log)
    const variables = await readFile(join(folder, 'link.env'), 'utf8')
    assert.match(
      variables,
      /_LINK='https:\/\/acct\.blob\.core\.windows\.net\/site\/a\/b%20c\.txt\?.*&se=2026-11-23T10%3A10%3A00Z.*&sp=r&sig=/,
    )
    assert.match(log, /^linked 1 file in 0\.0 s of https:\/\/acct\.blob\.core\.windows\.net\/site/m)
    assert.ok(!log.includes('sig='), log)
    assert.ok(asked.includes('HEAD acct.blob.core.windows.net/site/a/b%20c.txt'))
  })

  it('say which role is missing', async () => {
    const { exitCode, log } = await step(403)
    assert.equal(exitCode, 3, log)
    assert.match(log, /Storage Blob Delegator on the storage account/)
  })
})
