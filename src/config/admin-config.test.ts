// The admin door in the configuration: who may use it, how it listens, and where Azure is for trials.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { readServiceConfig, type ServiceConfig } from './service-config.ts'

const secretOf = (name: string) => `canary-${name}-0123456789abcdef0123456789abcdef`
const env = {
  WEBHOOK: secretOf('webhook'),
  RUNNER: secretOf('runner'),
  ALICE: secretOf('alice'),
  BOB: secretOf('bob'),
  SHORT: 'short',
}

function read(more: { listen?: object; admins?: object; azure?: object }): ServiceConfig {
  const text = JSON.stringify({
    issuer_url: 'https://id.example',
    service_url: 'https://asd.example',
    policy_file: 'policy.yaml',
    state_dir: 'state',
    listen: {
      ci: { address: 'localhost:1' },
      steps: { address: 'localhost:2' },
      public: { address: 'localhost:3' },
      ...more.listen,
    },
    ...(more.admins && { admins: more.admins }),
    ...(more.azure && { azure: more.azure }),
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

const tls = { certificate_file: 'c.pem', key_file: 'k.pem' }
const local = { admin: { address: '127.0.0.1:8444' } }
const alice = { alice: { token: { env: 'ALICE' } } }

test('admin door › has a listener and a token for each name', () => {
  const admins = { ...alice, bob: { token: { env: 'BOB' } } }
  const config = read({ listen: local, admins })
  assert.deepEqual(config.listen.admin, { host: '127.0.0.1', port: 8444, tls: undefined })
  assert.deepEqual(
    [...config.admins].map(([name, token]) => [name, token.reveal()]),
    [
      ['alice', env.ALICE],
      ['bob', env.BOB],
    ],
  )
})

test('admin door › is there only where it is configured', () => {
  const { listen, admins } = read({})
  assert.equal('admin' in listen, false)
  assert.equal(admins.size, 0)
})

const plain = (address: string) => ({ listen: { admin: { address } }, admins: alice })
const azureOf = (azure: object) => ({ listen: local, admins: alice, azure })
const mistakes: [name: string, more: Parameters<typeof read>[0], says: RegExp][] = [
  ['a door for nobody', { listen: local }, /listen\.admin: nobody may use this door/],
  ['admins without a door', { admins: alice }, /admins: have no door/],
  ['no TLS on every address', plain('0.0.0.0:8444'), /listen\.admin: needs tls unless/],
  ['no TLS on a name', plain('asd.example:8444'), /listen\.admin: needs tls unless/],
  ['no TLS on a name like loopback', plain('127.example:8444'), /listen\.admin: needs tls unless/],
  [
    'a short token',
    { listen: local, admins: { alice: { token: { env: 'SHORT' } } } },
    /admins\.alice\.token: the variable SHORT holds fewer than 32 bytes/,
  ],
  [
    'one token for two',
    { listen: local, admins: { ...alice, bob: { token: { env: 'ALICE' } } } },
    /admins\.bob\.token: is the same secret as admins\.alice\.token/,
  ],
  [
    "a runner's token",
    { listen: local, admins: { alice: { token: { env: 'RUNNER' } } } },
    /is the same secret as admins\.alice\.token/,
  ],
  [
    'a token in clear',
    { listen: local, admins: { alice: { token: env.ALICE } } },
    /admins\.alice\.token/,
  ],
  ['a name with a blank', { listen: local, admins: { 'a b': alice.alice } }, /admins/],
  ['Entra without TLS', azureOf({ authority_host: 'http://login.example' }), /authority_host/],
  ['storage without TLS', azureOf({ endpoints: { acme: { blob: 'http://x' } } }), /acme\.blob/],
  ['a service Azure has not', azureOf({ endpoints: { acme: { queue: 'https://x' } } }), /queue/],
  ['no name of an account', azureOf({ endpoints: { 'Acme!': {} } }), /azure\.endpoints/],
]

for (const [name, more, says] of mistakes) {
  test(`admin door › with ${name} is refused`, () => {
    assert.throws(
      () => read(more),
      ({ code, message }: { code: string; message: string }) => {
        assert.equal(code, 'config_invalid')
        assert.match(message, says)
        assert.ok(!message.includes('canary'))
        return true
      },
    )
  })
}

for (const address of ['localhost:8444', '[::1]:8444', '127.9.9.9:8444']) {
  test(`admin door › needs no TLS on ${address}`, () => assert.ok(read(plain(address))))
}

test('admin door › may be on every address with TLS', () => {
  assert.ok(read({ listen: { admin: { address: '0.0.0.0:8444', tls } }, admins: alice }))
})

test('azure › says where Entra and storage are, service by service', () => {
  const { azure } = read(
    azureOf({
      authority_host: 'https://login.example:444',
      ca_file: 'ca.pem',
      endpoints: { acmeart: { blob: 'https://blob.example/acmeart' } },
    }),
  )
  assert.deepEqual(azure, {
    authorityHost: 'https://login.example:444',
    caFile: 'ca.pem',
    endpoints: new Map([['acmeart', { blob: 'https://blob.example/acmeart' }]]),
  })
})
