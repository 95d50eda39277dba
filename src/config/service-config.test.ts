import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'
import { parse, stringify } from 'yaml'

import { Fault } from '../core/fault.ts'
import { readServiceConfig, type ServiceConfig } from './service-config.ts'

const good = `
issuer_url: https://id.example/drone
service_url: https://asd.example:8443
policy_file: /etc/asd/policy.yaml
state_dir: /var/lib/asd
listen:
  ci: {address: '127.0.0.1:8080'}
  steps: {address: '[::]:8443', tls: {certificate_file: c.pem, key_file: k.pem, ca_file: ca.pem}}
  public: {address: 'localhost:8081'}
instances:
  ci-main:
    scm: gitea
    webhook_secret: {file: /run/webhook}
    runners:
      docker-1: {token: {env: DOCKER_1}, repositories: ['octo/*']}
      docker-2: {token: {file: /run/docker-2}, repositories: ['**'], environ: true}
`

const canary = 'canary-config-secret'
const secretOf = (name: string) => `${canary}-${name}-0123456789abcdef0123456789`
const files: Record<string, string> = {
  '/run/webhook': `${secretOf('webhook')}\n`,
  '/run/docker-2': secretOf('docker-2'),
}
const env = { DOCKER_1: secretOf('docker-1') }

type Node = { [key: string]: Node }

const read = (text: string, more: { files?: object; env?: object } = {}): ServiceConfig =>
  readServiceConfig(
    {
      readFile: (path) => {
        if (path === 'asd.yaml') return text
        const content = ({ ...files, ...more.files } as Record<string, string>)[path]
        if (content === undefined) throw new Error(`ENOENT: no such file, open '${path}'`)
        return content
      },
      env: { ...env, ...more.env },
    },
    'asd.yaml',
  )

/** The good file with the value at a dotted path replaced; undefined removes it. */
function withValue(path: string, value: unknown): string {
  const file = parse(good) as Node
  const keys = path.split('.')
  const last = keys.pop() ?? ''
  const holder = keys.reduce<Node>((node, key) => (node[key] ??= {}), file)
  holder[last] = value as Node
  return stringify(file)
}

test('service configuration › is read whole', () => {
  const { instances, ...rest } = read(good)
  assert.deepEqual(rest, {
    warnings: [],
    issuerUrl: 'https://id.example/drone',
    serviceUrl: 'https://asd.example:8443',
    policyFile: '/etc/asd/policy.yaml',
    stateFolder: '/var/lib/asd',
    node: 'node-1',
    admins: new Map(),
    ledger: { segmentRecords: 100_000, anchor: {} },
    azure: { endpoints: new Map() },
    keys: { rotateAfterSeconds: 90 * 86_400, checkEverySeconds: 300 },
    rateLimits: {
      runner: { burst: 600, perMinute: 3000 },
      stranger: { burst: 60, perMinute: 60 },
    },
    listen: {
      ci: { host: '127.0.0.1', port: 8080, tls: undefined },
      steps: {
        host: '::',
        port: 8443,
        tls: { certificateFile: 'c.pem', keyFile: 'k.pem', caFile: 'ca.pem' },
      },
      public: { host: 'localhost', port: 8081, tls: undefined },
    },
  })
  const instance = instances.get('ci-main')
  assert.equal(instance?.scm, 'gitea')
  assert.equal(instance.webhookSecret?.reveal(), secretOf('webhook'))
  assert.equal(instance.runners.get('docker-1')?.token.reveal(), secretOf('docker-1'))
  assert.equal(instance.runners.get('docker-1')?.environ, false)
  assert.equal(instance.runners.get('docker-2')?.environ, true)
  assert.ok(!JSON.stringify([...instance.runners]).includes(canary))
})

const mistakes: [name: string, text: string, says: RegExp][] = [
  ['is empty', '', /the file: /],
  ['is no YAML', 'a: [', /cannot be read/],
  ['has a key twice', `${good}state_dir: x\n`, /cannot be read.*unique/s],
  ['has an unknown key', withValue('extra', 1), /"?extra"?/],
  ['has an unknown key in a runner', withValue('instances.ci-main.runners.docker-1.x', 1), /"x"/],
  ['has keys that rotate too often', withValue('keys', { rotate_after: '1d' }), /at least 2d/],
  ['has a check without a unit', withValue('keys', { check_every: '300' }), /check_every/],
  ['has an unknown key of keys', withValue('keys', { rotate: '90d' }), /"rotate"/],
  ['has an unknown key in a listener', withValue('listen.ci.port', 1), /"port"/],
  ['has no issuer_url', withValue('issuer_url', undefined), /issuer_url/],
  ['has an http issuer_url', withValue('issuer_url', 'http://id.example'), /issuer_url.*https/],
  ['has an issuer_url that is no URL', withValue('issuer_url', 'id.example'), /issuer_url/],
  ['has a file: service_url', withValue('service_url', 'file:///x'), /service_url/],
  ['has no policy_file', withValue('policy_file', ''), /policy_file/],
  ['has a node with a blank', withValue('node', 'node 1'), /node/],
  [
    'has an address without port',
    withValue('listen.ci.address', 'localhost'),
    /listen\.ci\.address/,
  ],
  ['has a port above 65535', withValue('listen.ci.address', 'localhost:65536'), /ci\.address/],
  [
    'has a listener of TLS without key',
    withValue('listen.ci.tls', { certificate_file: 'x' }),
    /key_file/,
  ],
  ['has an unknown SCM', withValue('instances.ci-main.scm', 'sourceforge'), /ci-main\.scm/],
  ['has no SCM', withValue('instances.ci-main.scm', undefined), /ci-main\.scm/],
  ['has an instance with a slash', withValue('instances.a/b', {}), /instances/],
  ['has an instance in capitals', withValue('instances.CI', {}), /instances/],
  [
    'has a runner without repositories',
    withValue('instances.ci-main.runners.docker-1.repositories', []),
    /docker-1\.repositories/,
  ],
  [
    'has a runner for every owner',
    withValue('instances.ci-main.runners.docker-1.repositories', ['*/x']),
    /repositories.*begins with/,
  ],
  [
    'has a secret in clear',
    withValue('instances.ci-main.webhook_secret', secretOf('clear')),
    /webhook_secret/,
  ],
  [
    'has a secret in two places',
    withValue('instances.ci-main.webhook_secret.env', 'X'),
    /webhook_secret: wants file or env/,
  ],
  [
    'has a secret in no place',
    withValue('instances.ci-main.webhook_secret', {}),
    /webhook_secret: wants file or env/,
  ],
  [
    'has an environ of "yes"',
    withValue('instances.ci-main.runners.docker-1.environ', 'yes'),
    /docker-1\.environ/,
  ],
]

for (const [name, text, says] of mistakes) {
  test(`service configuration › that ${name} is refused`, () => {
    assert.throws(
      () => read(text),
      (error: Fault) => {
        assert.equal(error.code, 'config_invalid')
        assert.equal(error.exitCode, 2)
        assert.match(error.message, says)
        assert.ok(error.message.includes('asd.yaml'))
        assert.ok(!error.message.includes(canary))
        return true
      },
    )
  })
}

for (const field of ['issuer_url', 'service_url']) {
  for (const text of [
    'https://id.example/',
    'https://id.example/drone/',
    'https://id.example?x=1',
    'https://id.example/?',
    'https://id.example/#',
    'https://id.example/#x',
    'https://user@id.example',
    'https://user:pw@id.example',
    'https://:pw@id.example',
    'https://',
  ]) {
    test(`service configuration › refuses ${text} as ${field}`, () => {
      assert.throws(() => read(withValue(field, text)), { message: new RegExp(`- ${field}: `) })
    })
  }
}

test('service configuration › takes an http service_url only when told so in words', () => {
  const text = withValue('service_url', 'http://asd.internal:8080')
  assert.throws(() => read(text), { message: /service_url: .*allow_http_service_url: true/ })
  const { serviceUrl } = read(`${text}allow_http_service_url: true\n`)
  assert.equal(serviceUrl, 'http://asd.internal:8080')
  assert.throws(() => read(`${text}allow_http_service_url: false\n`), { code: 'config_invalid' })
})

test('service configuration › wants a secret of its own for every door', () => {
  const same = { '/run/docker-2': `${secretOf('webhook')} ` }
  assert.throws(() => read(good, { files: same }), {
    message: /is the same secret as instances\.ci-main\./,
  })
  const both = { '/run/docker-2': secretOf('docker-1') }
  assert.throws(() => read(good, { files: both }), {
    message: /docker-2\.token: is the same secret as instances\.ci-main\.runners\.docker-1\.token/,
  })
})

test('service configuration › wants other secrets for another instance as well', () => {
  const file = parse(good) as Node
  file['instances']!['ci-two'] = structuredClone(file['instances']!['ci-main'])!
  assert.throws(() => read(stringify(file)), {
    message: /has 3 problem\(s\)(.*is the same secret as instances\.ci-main\.){3}/s,
  })
})

const lengths: [name: string, value: string | undefined, isLong: boolean][] = [
  ['31 bytes', 'x'.repeat(31), false],
  ['32 bytes', 'x'.repeat(32), true],
  ['31 bytes and a newline', `${'x'.repeat(31)}\n`, false],
  ['16 letters of two bytes', 'é'.repeat(16), true],
  ['nothing', '', false],
  ['a variable that is not set', undefined, false],
]

for (const [name, value, isLong] of lengths) {
  test(`service configuration › ${isLong ? 'takes' : 'refuses'} a secret of ${name}`, () => {
    const reading = () => read(good, { env: { DOCKER_1: value } })
    if (isLong) assert.ok(reading())
    else assert.throws(reading, { message: /docker-1\.token: the variable DOCKER_1 holds fewer/ })
  })
}

test('service configuration › names a secret file that is missing, and one that is too short', () => {
  assert.throws(() => read(good, { files: { '/run/webhook': undefined } }), {
    message: /webhook_secret: ENOENT.*\/run\/webhook/,
  })
  assert.throws(() => read(good, { files: { '/run/webhook': 'short' } }), {
    message: /webhook_secret: \/run\/webhook holds fewer than 32 bytes/,
  })
})

test('service configuration › that is not there is named', () => {
  const readFile = () => {
    throw new Error('ENOENT: no such file')
  }
  assert.throws(() => readServiceConfig({ readFile, env: {} }, '/etc/asd.yaml'), {
    code: 'config_invalid',
    message: /\/etc\/asd\.yaml cannot be read: ENOENT/,
  })
})

test('service configuration › reports every mistake in its form at once', () => {
  const text = `${withValue('issuer_url', 'http://x/')}extra: 1\nnode: N\nallow_http_service_url: 1\n`
  assert.throws(() => read(text.replace('gitea', 'cvs')), {
    message: /issuer_url.*allow_http.*node.*scm.*extra/s,
  })
})

test('service configuration › reports every secret that is wrong at once', () => {
  const text = withValue('service_url', 'http://x')
  const wrong = {
    files: { '/run/webhook': 'short', '/run/docker-2': undefined },
    env: { DOCKER_1: '' },
  }
  assert.throws(() => read(text, wrong), {
    message: /has 4 problem\(s\).*service_url.*docker-1.*docker-2.*webhook_secret/s,
  })
})

test('service configuration › property: any YAML is a configuration or a config_invalid', () => {
  const keys = ['issuer_url', 'listen.ci.address', 'instances', 'instances.ci-main.runners', 'node']
  fc.assert(
    fc.property(fc.constantFrom(...keys), fc.jsonValue(), (key, value) => {
      try {
        read(withValue(key, value))
      } catch (error) {
        assert.ok(error instanceof Fault && error.code === 'config_invalid', String(error))
      }
    }),
  )
})
