// Instances that are Woodpecker servers in the configuration.
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
instances:
  wood:
    ci: woodpecker
    scm: gitea
    api: {url: 'https://ci.example', token: {env: API}}
    woodpecker:
      public_key_file: /run/key.pem
      images: [octo/azure-storage-drone]
      repositories: ['octo/*']
`

type Node = { [key: string]: Node }

function read(path = '', value?: unknown): ServiceConfig {
  const file = parse(good) as Node
  const keys = path.split('.')
  const last = keys.pop() ?? ''
  const holder = keys.reduce<Node>((node, key) => (node[key] ??= {}), file)
  if (value === undefined) delete holder[last]
  else holder[last] = value as Node
  const files: Record<string, string> = { 'asd.yaml': stringify(file), '/run/key.pem': 'PEM' }
  const readFile = (name: string) => {
    const text = files[name]
    if (text === undefined) throw new Error(`ENOENT: no such file, open '${name}'`)
    return text
  }
  const env = { API: 'canary-api-0123456789abcdef0123456789', HOOK: 'h'.repeat(40) }
  return readServiceConfig({ readFile, env }, 'asd.yaml')
}

test('a Woodpecker server has its api as the only witness, a key, images and repositories', () => {
  const wood = read().instances.get('wood')
  assert.equal(wood?.witness, 'api')
  assert.equal(wood.runners.size, 0)
  assert.deepEqual(wood.woodpecker, {
    forgeId: 1,
    publicKey: 'PEM',
    images: ['octo/azure-storage-drone'],
    repositories: ['octo/*'],
  })
})

const at = 'instances.wood'
const own = `${at}.woodpecker`
const mistakes: [name: string, path: string, value: unknown, says: RegExp][] = [
  ['no api', `${at}.api`, undefined, /needs an api: it is the only witness/],
  ['a webhook secret', `${at}.webhook_secret`, { env: 'HOOK' }, /sends no webhooks/],
  ['a witness by webhook', `${at}.witness`, 'both', /only its api can be/],
  ['runners', `${at}.runners`, {}, /has none; it asks by itself/],
  ['no settings of its own', own, undefined, /go together/],
  ['settings of another kind of server', `${at}.ci`, 'drone', /go together/],
  ['no image', `${own}.images`, [], /images/],
  ['an image with a space', `${own}.images`, ['a b'], /is no name of an image/],
  ['a registry with a port and no tag', `${own}.images`, ['reg:5000/octo/x'], /needs a tag/],
  ['no key', `${own}.public_key_file`, undefined, /wants public_key_file/],
  ['two ways to a key', `${own}.public_key`, 'from_api', /wants public_key_file/],
  ['a key file that is gone', `${own}.public_key_file`, '/run/no', /public_key_file: ENOENT/],
  ['a glob that is none', `${own}.repositories`, ['octo/[a'], /repositories/],
  ['a forge without a number', `${own}.forge_id`, 0, /forge_id/],
]
for (const [name, path, value, says] of mistakes) {
  test(`a Woodpecker server is refused with ${name}`, () => {
    assert.throws(() => read(path, value), { code: 'config_invalid', message: says })
  })
}

test('a key is not taken from an api over http, where anybody could answer', () => {
  const settings = { public_key: 'from_api', images: ['a/b'], repositories: ['octo/*'] }
  assert.equal(read(own, settings).instances.get('wood')?.woodpecker?.publicKey, undefined)
  const api = { url: 'http://ci.example', allow_http: true, token: { env: 'API' } }
  const text = stringify({
    ...parse(good),
    instances: { wood: { ci: 'woodpecker', scm: 'gitea', api, woodpecker: settings } },
  })
  assert.throws(
    () => readServiceConfig({ readFile: () => text, env: { API: 'a'.repeat(40) } }, 'asd.yaml'),
    { code: 'config_invalid', message: /over http anybody could answer/ },
  )
})

test('an image may have a registry, a port with a tag, and a digest', () => {
  const images = ['reg.example:5000/octo/x:1.2', 'octo/x', `octo/x@sha256:${'a'.repeat(64)}`]
  assert.deepEqual(read(`${own}.images`, images).instances.get('wood')?.woodpecker?.images, images)
})
