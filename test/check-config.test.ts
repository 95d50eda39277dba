// `serve --check-config` as an operator runs it before an upgrade.
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test, type TestContext } from 'node:test'

import { checkConfig } from '../bin/service-check.ts'
import { readConfig, stageBackup } from './backup.fixture.ts'

const policy = `version: 1
identities: { app: { tenant_id: 00000000-0000-4000-8000-000000000001, client_id: 00000000-0000-4000-8000-000000000002 } }
policies:
  - name: artifacts
    subjects:
      - { instance: main, repository: octo/hello, repository_id: "1", events: [push], refs: [refs/heads/main] }
    identity: app
    audiences: [api://AzureADTokenExchange]
    lifetime: 10m
`

function stage(t: TestContext) {
  const { write, configure } = stageBackup(t)
  const shared = {
    policy_file: write('policy.yaml', policy).file,
    node: 'node-1',
    token_key: write('token-key', 't'.repeat(40)),
    keys: { store: 'database', encryption_key: write('encryption', 'e'.repeat(40)) },
  }
  const url = write('url', 'postgresql://asd:secret@127.0.0.1/asd')
  const check = (name: string, more: object) => {
    const config = configure(name, { ...shared, ...more })
    const said: string[] = []
    const run = () => checkConfig(config, (text) => void said.push(text))
    return { config, said, run }
  }
  return { check, url, write }
}

test('check-config › says what is deprecated, with the new name, and makes nothing', (t) => {
  const { check, url } = stage(t)
  const { config, said, run } = check('old', { database: { url, pool: 6 } })
  run()
  assert.match(
    said[0] ?? '',
    /^warning: database\.pool: is called database\.max_connections since /,
  )
  assert.match(
    said.at(-1) ?? '',
    /is good for release .*: 1 instances, 1 policy entries; 1 warnings/,
  )
  const { database, stateFolder } = readConfig(config)
  assert.equal(database?.connections, 6)
  assert.ok(!existsSync(stateFolder))
})

test('check-config › is content with new names', (t) => {
  const { check, url } = stage(t)
  const { said, run } = check('new', { database: { url, max_connections: 6 } })
  run()
  assert.match(said.join(''), /^[^\n]*; no warnings\n$/)
})

test('check-config › refuses an old name beside the new one, with all other problems', (t) => {
  const { check, url } = stage(t)
  const { run } = check('both', {
    database: { url, max_connections: 6, pool: 6 },
    issuer_url: 'http://id.example',
  })
  assert.throws(run, {
    code: 'config_invalid',
    exitCode: 2,
    message:
      /2 problem[^]*database\.pool: is the old name of database\.max_connections[^]*issuer_url/,
  })
})

test('check-config › reads the policy and the certificates as well', (t) => {
  const { check, url, write } = stage(t)
  const database = { url, max_connections: 6 }
  const broken = write('broken.yaml', 'version: 1\npolicies: 7\n').file
  assert.throws(check('other', { database, policy_file: broken }).run, { exitCode: 2 })
  const tls = { certificate_file: '/nowhere/cert.pem', key_file: '/nowhere/key.pem' }
  const door = { address: '127.0.0.1:1' }
  const listen = { ci: door, steps: { ...door, tls }, public: door }
  assert.throws(check('tls', { database, listen }).run, {
    code: 'config_invalid',
    message: /\/nowhere\/cert\.pem/,
  })
})
