// `azure-storage-drone health`: what a container's health check makes of the service's answer.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'

import { healthCommand } from '../bin/health.ts'
import { createAuthority } from '../src/lab/authority.ts'

async function setUp(t: TestContext, status: number) {
  const folder = mkdtempSync(join(tmpdir(), 'asd-health-'))
  const authority = await createAuthority()
  const { certPem: cert, keyPem: key } = await authority.issue(['ci.example'])
  const asked: (string | undefined)[] = []
  const server = createServer({ cert, key }, (request, response) => {
    asked.push(request.url)
    response.writeHead(status).end('{"status":"as told"}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const close = () => {
    server.close()
    server.closeAllConnections()
  }
  t.after(() => {
    close()
    rmSync(folder, { recursive: true })
  })
  const at = (name: string) => join(folder, name)
  writeFileSync(at('cert.pem'), cert)
  writeFileSync(at('key.pem'), key)
  writeFileSync(at('secret'), 's'.repeat(32))
  writeFileSync(at('token'), 't'.repeat(32))
  const { port } = server.address() as AddressInfo
  writeFileSync(
    at('service.yaml'),
    `issuer_url: https://issuer.example
service_url: https://steps.example
policy_file: policy.yaml
state_dir: state
listen:
  ci:
    address: 0.0.0.0:${port}
    tls: { certificate_file: ${at('cert.pem')}, key_file: ${at('key.pem')} }
  steps: { address: '127.0.0.1:1' }
  public: { address: '127.0.0.1:2' }
instances:
  main:
    scm: gitea
    webhook_secret: { file: ${at('secret')} }
    runners:
      one: { token: { file: ${at('token')} }, repositories: ['octo/*'] }
`,
  )
  let output = ''
  const run = (...more: string[]) =>
    healthCommand(['--config', at('service.yaml'), ...more], {}, (text) => (output += text))
  return { run, asked, close, output: () => output }
}

test('health › is well when the service says so, whatever name its certificate has', async (t) => {
  const { run, asked, output } = await setUp(t, 200)
  assert.equal(await run(), 0)
  assert.equal(await run('--ready'), 0)
  assert.deepEqual(asked, ['/healthz', '/readyz'])
  assert.match(output(), /as told/)
})

test('health › is 1 when the service is ill', async (t) => {
  const { run, output } = await setUp(t, 503)
  assert.equal(await run(), 1)
  assert.match(output(), /as told/)
})

test('health › is 1 when nobody answers', async (t) => {
  const { run, close, output } = await setUp(t, 200)
  close()
  assert.equal(await run(), 1)
  assert.match(output(), /ECONNREFUSED/)
})

test('health › wants a configuration', async () => {
  await assert.rejects(
    healthCommand([], {}, () => undefined),
    { code: 'cli_usage' },
  )
})
