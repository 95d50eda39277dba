// Signing in at the door for people, as the configuration says it.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { readServiceConfig, type ServiceConfig } from './service-config.ts'

const env = {
  WEBHOOK: 'canary-webhook-0123456789abcdef0123456789abcdef',
  RUNNER: 'canary-runner-0123456789abcdef0123456789abcdef',
  CLIENT: 'a short one',
}
const door = { admin: { address: '127.0.0.1:8444' } }
const signIn = {
  issuer: 'https://login.example/tenant/v2.0',
  client_id: 'dashboard',
  roles: { viewer: ['Drone.Viewer'], admin: ['Drone.Admin'] },
}

function read(more: { listen?: object; sign_in?: object; admin_url?: string }): ServiceConfig {
  const { listen = door, ...rest } = more
  const text = JSON.stringify({
    issuer_url: 'https://id.example',
    service_url: 'https://asd.example',
    policy_file: 'policy.yaml',
    state_dir: 'state',
    listen: {
      ci: { address: 'localhost:1' },
      steps: { address: 'localhost:2' },
      public: { address: 'localhost:3' },
      ...listen,
    },
    ...rest,
    instances: {
      main: {
        scm: 'gitea',
        webhook_secret: { env: 'WEBHOOK' },
        runners: { one: { token: { env: 'RUNNER' }, repositories: ['octo/*'] } },
      },
    },
  })
  return readServiceConfig({ readFile: () => text, env }, 'asd.yaml')
}

const url = 'https://drone.example'

test('sign-in › is enough for a door, with usual claims and scopes', () => {
  const { signIn: read1, adminUrl, admins } = read({ sign_in: signIn, admin_url: url })
  assert.deepEqual(read1, {
    issuer: signIn.issuer,
    clientId: 'dashboard',
    scopes: ['openid', 'profile', 'email'],
    nameClaim: 'preferred_username',
    roleClaim: 'roles',
    roles: { viewer: ['Drone.Viewer'], auditor: [], admin: ['Drone.Admin'] },
  })
  assert.deepEqual([adminUrl, admins.size], [url, 0])
})

test('sign-in › has its secret by reference, of the length the provider chose', () => {
  const config = read({ sign_in: { ...signIn, client_secret: { env: 'CLIENT' } }, admin_url: url })
  assert.equal(config.signIn?.clientSecret?.reveal(), env.CLIENT)
})

test('sign-in › takes an issuer that ends in a slash, and an http address on loopback', () => {
  const issuer = 'https://login.example/app/'
  const config = read({ sign_in: { ...signIn, issuer }, admin_url: 'http://127.0.0.1:8444' })
  assert.deepEqual([config.signIn?.issuer, config.adminUrl], [issuer, 'http://127.0.0.1:8444'])
})

const mistakes: [name: string, more: Parameters<typeof read>[0], says: RegExp][] = [
  ['no address to come back to', { sign_in: signIn }, /sign_in: needs `admin_url`/],
  ['no door', { sign_in: signIn, admin_url: url, listen: {} }, /sign_in: has no door/],
  [
    'roles for nobody',
    { sign_in: { ...signIn, roles: {} }, admin_url: url },
    /gives nobody a role/,
  ],
  [
    'an issuer in clear',
    { sign_in: { ...signIn, issuer: 'http://login.example' }, admin_url: url },
    /sign_in\.issuer: must begin with https/,
  ],
  [
    'scopes without openid',
    { sign_in: { ...signIn, scopes: ['email'] }, admin_url: url },
    /sign_in\.scopes: must hold openid/,
  ],
  [
    'a secret in the file',
    { sign_in: { ...signIn, client_secret: 'plain' }, admin_url: url },
    /sign_in\.client_secret/,
  ],
  [
    'an address in clear',
    { sign_in: signIn, admin_url: 'http://drone.example' },
    /admin_url: must be https/,
  ],
  [
    'an address with a path',
    { sign_in: signIn, admin_url: `${url}/x` },
    /admin_url: must be https.*without a path/,
  ],
]
for (const [name, more, says] of mistakes) {
  test(`sign-in › with ${name} does not start`, () => {
    assert.throws(() => read(more), { code: 'config_invalid', message: says })
  })
}
