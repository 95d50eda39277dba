// Witnesses, encrypted answers and chained extensions in the configuration.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parse, stringify } from 'yaml'

import { readServiceConfig, type ServiceConfig } from './service-config.ts'

const good = `
issuer_url: https://id.example/drone
service_url: https://asd.example:8443
policy_file: /etc/asd/policy.yaml
state_dir: /var/lib/asd
listen:
  ci: {address: '127.0.0.1:8080'}
  steps: {address: '127.0.0.1:8443'}
  public: {address: '127.0.0.1:8081'}
rate_limits: {stranger: {burst: 5, per_minute: 10}}
instances:
  ci-main:
    scm: gitea
    webhook_secret: {env: WEBHOOK}
    api: {url: 'https://drone.example', token: {env: API}, ca_file: /run/ca.pem}
    witness: both
    runners:
      docker-1:
        token: {env: DOCKER_1}
        repositories: ['octo/*']
        encrypt_answers: true
        upstream:
          secret: {url: 'http://vault:3000/x', allow_http: true, token: {env: VAULT}}
          environ: {url: 'https://env.example', token: {env: VAULT}}
      docker-2:
        token: {env: DOCKER_2}
        repositories: ['octo/*']
        upstream: {secret: {url: 'https://vault.example', token: {env: VAULT}}}
`
const instance = 'instances.ci-main'
const runner = `${instance}.runners.docker-1`

const secretOf = (name: string) => `canary-${name}-0123456789abcdef0123456789`
const names = ['WEBHOOK', 'API', 'DOCKER_1', 'DOCKER_2', 'VAULT']
const usual = Object.fromEntries(names.map((name) => [name, secretOf(name)]))

type Node = { [key: string]: Node }

function read(changes: [path: string, value: unknown][] = [], env: object = {}): ServiceConfig {
  const file = parse(good) as Node
  for (const [path, value] of changes) {
    const keys = path.split('.')
    const last = keys.pop() ?? ''
    const holder = keys.reduce<Node>((node, key) => (node[key] ??= {}), file)
    if (value === undefined) delete holder[last]
    else holder[last] = value as Node
  }
  const files: Record<string, string> = { 'asd.yaml': stringify(file), '/run/ca.pem': 'PEM' }
  const readFile = (path: string) => {
    const text = files[path]
    if (text === undefined) throw new Error(`ENOENT: no such file, open '${path}'`)
    return text
  }
  return readServiceConfig({ readFile, env: { ...usual, ...env } }, 'asd.yaml')
}

test('instances › are read with witnesses, upstreams and encryption', () => {
  const { rateLimits, instances } = read()
  assert.deepEqual(rateLimits, {
    runner: { burst: 600, perMinute: 3000 },
    stranger: { burst: 5, perMinute: 10 },
  })
  const main = instances.get('ci-main')
  assert.ok(main)
  assert.equal(main.witness, 'both')
  assert.equal(main.webhookSecret?.reveal(), secretOf('WEBHOOK'))
  assert.equal(main.api?.url, 'https://drone.example')
  assert.equal(main.api.token.reveal(), secretOf('API'))
  assert.equal(main.api.ca, 'PEM')
  const one = main.runners.get('docker-1')
  assert.equal(one?.encryptAnswers, true)
  assert.equal(one.upstream.secret?.url, 'http://vault:3000/x')
  assert.equal(one.upstream.secret.token.reveal(), secretOf('VAULT'))
  assert.ok(!('ca' in one.upstream.secret))
  assert.equal(one.upstream.environ?.url, 'https://env.example')
  const two = main.runners.get('docker-2')
  assert.equal(two?.encryptAnswers, false)
  assert.equal(two.upstream.environ, undefined)
  assert.ok(!JSON.stringify([main, ...main.runners.values()]).includes('canary'))
})

const witnesses: { given: [string, unknown][]; rule?: string; says?: RegExp }[] = [
  { given: [[`${instance}.witness`, undefined]], rule: 'webhook' },
  { given: [[`${instance}.witness`, 'webhook']], rule: 'webhook' },
  { given: [[`${instance}.witness`, 'api']], rule: 'api' },
  {
    given: [
      [`${instance}.witness`, undefined],
      [`${instance}.webhook_secret`, undefined],
    ],
    rule: 'api',
  },
  {
    given: [
      [`${instance}.witness`, 'api'],
      [`${instance}.webhook_secret`, undefined],
    ],
    rule: 'api',
  },
  {
    given: [
      [`${instance}.witness`, undefined],
      [`${instance}.api`, undefined],
    ],
    rule: 'webhook',
  },
  { given: [[`${instance}.webhook_secret`, undefined]], says: /ci-main: has no webhook_secret/ },
  {
    given: [
      [`${instance}.witness`, undefined],
      [`${instance}.webhook_secret`, undefined],
      [`${instance}.api`, undefined],
    ],
    says: /ci-main: has no webhook_secret/,
  },
  { given: [[`${instance}.api`, undefined]], says: /ci-main: witness: both needs an api/ },
  {
    given: [
      [`${instance}.api`, undefined],
      [`${instance}.witness`, 'api'],
    ],
    says: /ci-main: witness: api needs an api/,
  },
  { given: [[`${instance}.witness`, 'none']], says: /ci-main\.witness/ },
]

for (const { given, rule, says } of witnesses) {
  const what = given
    .map(
      ([path, value]) =>
        `${path.slice(instance.length + 1)} ${value === undefined ? 'left out' : JSON.stringify(value)}`,
    )
    .join(' and ')
  test(`instances › with ${what} ${rule ? `have the witness ${rule}` : 'are refused'}`, () => {
    if (says) assert.throws(() => read(given), { code: 'config_invalid', message: says })
    else assert.equal(read(given).instances.get('ci-main')?.witness, rule)
  })
}

const mistakes: [name: string, path: string, value: unknown, says: RegExp][] = [
  ['an http API', `${instance}.api.url`, 'http://drone', /api\.url: begins with http/],
  ['an API with a query', `${instance}.api.url`, 'https://drone?x=1', /api\.url/],
  ['an API without token', `${instance}.api.token`, undefined, /api\.token/],
  ['an API with a token in clear', `${instance}.api.token`, 'x'.repeat(40), /api\.token/],
  ['an API with an unknown key', `${instance}.api.skip_verify`, true, /skip_verify/],
  ['a CA file that is gone', `${instance}.api.ca_file`, '/run/no', /api\.ca_file: ENOENT/],
  [
    'an http upstream nobody allowed',
    `${runner}.upstream.secret.allow_http`,
    false,
    /upstream\.secret\.url: begins with http/,
  ],
  ['an upstream for registries', `${runner}.upstream.registry`, {}, /registry/],
  ['an upstream with a user', `${runner}.upstream.environ.url`, 'https://u:p@x', /environ\.url/],
  ['encrypt_answers: yes', `${runner}.encrypt_answers`, 'yes', /encrypt_answers/],
  ['no burst', 'rate_limits.runner', { burst: 0, per_minute: 1 }, /rate_limits\.runner\.burst/],
  ['half a limit', 'rate_limits.runner', { burst: 1 }, /rate_limits\.runner\.per_minute/],
  ['a limit for everybody', 'rate_limits.all', { burst: 1, per_minute: 1 }, /"all"/],
]

for (const [name, path, value, says] of mistakes) {
  test(`instances › with ${name} are refused`, () => {
    assert.throws(() => read([[path, value]]), { code: 'config_invalid', message: says })
  })
}

test('instances › may share an upstream, and nothing else', () => {
  for (const name of ['WEBHOOK', 'API', 'DOCKER_1', 'DOCKER_2']) {
    assert.throws(() => read([], { [name]: secretOf('VAULT') }), { message: /is the same secret/ })
  }
  assert.throws(() => read([], { API: secretOf('WEBHOOK') }), { message: /is the same secret/ })
})

test('instances › in a file of more than a megabyte are refused unread', () => {
  const text = `${good}# ${'x'.repeat(1024 * 1024)}\n`
  const sources = { readFile: () => text, env: usual }
  const says = { code: 'config_invalid', message: /more than 1048576 characters/ }
  assert.throws(() => readServiceConfig(sources, 'asd.yaml'), says)
})

test('instances › take the token an upstream has, if it is one', () => {
  const vault = (length: number) => read([], { VAULT: 'v'.repeat(length) })
  const { instances } = vault(16)
  const secret = instances.get('ci-main')?.runners.get('docker-1')?.upstream.secret
  assert.equal(secret?.token.reveal(), 'v'.repeat(16))
  assert.throws(() => vault(15), { message: /upstream\.secret\.token: .* fewer than 16 bytes/ })
  assert.throws(() => read([], { API: 'a'.repeat(31) }), { message: /fewer than 32 bytes/ })
})
