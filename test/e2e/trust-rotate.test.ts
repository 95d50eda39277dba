// `trust rotate` while builds never pause: keys and names change, and no build notices. What nobody
// announced fails closed, with the command that would have helped.
import assert from 'node:assert/strict'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { after, before, describe, test } from 'node:test'

import { decodeProtectedHeader } from 'jose'

import { trustCommand } from '../../bin/trust.ts'
import { runProgram } from '../../src/demo/program.ts'
import { names } from '../../src/demo/trust-service.ts'
import { withFileLock } from '../../src/keys/lock.ts'
import { pushBuild, stepEnvironment } from '../../src/lab/drone.ts'
import { assertRefused } from './lab.ts'
import { places } from './trust-lab.fixture.ts'
import {
  startFleet,
  startRotationLab,
  type Fleet,
  type RotationLab,
} from './trust-rotate.fixture.ts'

const policy = `version: 1
accounts:
  acmeart: { subscription: SUBSCRIPTION, resource_group: GROUP }
identities:
  artifacts: { tenant_id: TENANT }
policies:
  - name: hello-artifacts
    subjects:
      # The site and its next version.
      - { instance: main, repository: octo/hello, repository_id: "4711", events: [push], refs: [refs/heads/main, refs/heads/next] } # main first
    identity: artifacts
    audiences: [api://AzureADTokenExchange]
    grants:
      - { id: out, account: acmeart, service: blob, container: artifacts, prefix: octo/hello/, verbs: [blob.read, blob.list, blob.write] }
`

// 50 builds a minute are one every 1.2 s; a minute of them is three seconds here.
const everyMs = 60

let lab: RotationLab
let fleet: Fleet

const subjects = () => {
  const { apps } = lab.azure.entra.directory
  return apps.flatMap(({ credentials }) => credentials.map(({ subject }) => subject)).toSorted()
}
const subjectsOf = (...slugs: string[]) =>
  slugs
    .flatMap((slug) => ['main', 'next'].map((ref) => `repo:${slug}@4711:ref:refs/heads/${ref}`))
    .toSorted()
describe('trust rotate under load', () => {
  before(async () => {
    lab = await startRotationLab(policy)
    fleet = startFleet(lab, everyMs)
    await fleet.run('octo/hello', 10)
  })
  after(async () => {
    await fleet.stop()
    await lab.close()
  })

  const noneFailed = () => assert.deepEqual(fleet.failures, [])

  test('signing keys turn over and no build fails', async () => {
    const signers = () =>
      lab.azure.entra.presentedAssertions.map((each) => decodeProtectedHeader(each).kid)
    const first = signers().at(-1)
    const prepared = await lab.rotate('--keys')
    assert.equal(prepared.code, 0, prepared.text)
    assert.match(prepared.text, /next {5}made .*, signs once the public URL has served it for 24 h/)
    await fleet.run('octo/hello', 10)
    assert.equal(signers().at(-1), first, 'what relying parties cannot know does not sign')
    await letADayPass()
    for (let tries = 0; signers().at(-1) === first; tries++) {
      assert.ok(tries < 50, 'the next key takes over')
      await fleet.run('octo/hello', 5)
      noneFailed()
    }
    await fleet.run('octo/hello', 20)
    noneFailed()
    assert.equal(new Set(signers()).size, 2)
  })

  // Relying parties have read the documents anew, and the service has seen the next key there ever since.
  async function letADayPass() {
    lab.forgetDocuments()
    lab.azure.entra.forgetIssuers()
    const file = join(lab.plan.stateFolder, 'signing-keys.json')
    const hoursAgo = (hours: number) => new Date(Date.now() - hours * 3_600_000).toISOString()
    await withFileLock(file, () => {
      const content = JSON.parse(readFileSync(file, 'utf8')) as { keys: Record<string, unknown>[] }
      const next = content.keys.find(({ state }) => state === 'next')
      assert.ok(next)
      Object.assign(next, { servedSince: hoursAgo(25), lastServedAt: hoursAgo(0) })
      writeFileSync(file, JSON.stringify(content))
      return Promise.resolve()
    })
  }

  test('an announced rename costs no build', async () => {
    const text = lab.policy()
    const order = ['--rename', 'octo/hello=octo/greet']
    const dry = await lab.rename(...order, '--dry-run')
    assert.equal(dry.code, 4, dry.text)
    assert.match(dry.text, /\n {2}artifacts +2 +4 +2 +20\n/)
    assert.match(dry.text, /Run 2, after it[^]*- federated credential artifacts: repo:octo\/hello@/)
    assert.equal(lab.policy(), text)
    await assert.rejects(lab.rename(...order, '--finish'), {
      code: 'cli_usage',
      message: /without --finish first/,
    })

    // News takes its time, and one of Entra's servers knows it before another.
    lab.azure.setPropagation({ seconds: 3, isIntermittent: true })
    const announced = await lab.rename(...order)
    assert.equal(announced.code, 0, announced.text)
    assert.match(announced.text, /not yet: /)
    assert.match(announced.text, /The new name works beside the old one\. Rename now/)
    assert.deepEqual(subjects(), subjectsOf('octo/hello', 'octo/greet'))
    noneFailed()
    const again = await lab.rename(...order)
    assert.equal(again.code, 0, again.text)
    assert.doesNotMatch(again.text, /done: /)
    await assert.rejects(lab.rename(...order, '--finish'), {
      code: 'trust_rename_pending',
      message: /does not know octo\/hello -> octo\/greet \(id 4711\) yet/,
    })

    await fleet.run('octo/hello', 10)
    await fleet.rename('octo/greet')
    await fleet.run('octo/greet', 10)
    const finished = await lab.rename(...order, '--finish')
    assert.equal(finished.code, 0, finished.text)
    assert.deepEqual(subjects(), subjectsOf('octo/greet'))
    assert.equal(lab.policy(), text.replace('octo/hello, ', 'octo/greet, '))
    await fleet.run('octo/greet', 50)
    noneFailed()
    const over = await lab.rename(...order, '--finish')
    assert.match(over.text, /^Nothing to do/)
    assert.equal((await lab.run('plan')).text, 'No change.\n')
  })

  test('what else has to be done, and what has no room, is said before anything changes', async () => {
    const text = lab.policy()
    const transfer = ['--rename', 'octo/greet=new/hello', '--new-id', '9001', '--dry-run']
    const moved = await lab.rename(...transfer)
    assert.match(moved.text, /octo\/greet \(id 4711\) -> new\/hello \(id 9001\)/)
    assert.match(moved.text, /\+ federated credential artifacts: repo:new\/hello@9001:ref/)
    assert.match(moved.text, /add new\/hello to `repositories` of the runner docker-1/)
    const refs = Array.from({ length: 11 }, (_, at) => `refs/heads/b${at}`).join(', ')
    lab.writePolicy(text.replace('refs/heads/next', refs))
    await assert.rejects(lab.rename('--rename', 'octo/greet=octo/full', '--dry-run'), {
      code: 'trust_rename_full',
      message:
        /needs 12 more federated credentials beside the 13 .*`subject: policy` or `subject: identity`/,
    })
    const long = `octo/${'x'.repeat(100)}`
    lab.writePolicy(text)
    await assert.rejects(lab.rename('--rename', `octo/greet=${long}`, '--dry-run'), {
      code: 'config_invalid',
      message: /more than 127/,
    })
    assert.equal(lab.policy(), text)
  })

  test('a rename that nobody announced fails closed, and names the command in the log of the step', async () => {
    await fleet.stop()
    noneFailed()
    const repository = { ...lab.plan.repository, slug: 'octo/secret-name' }
    const build = pushBuild(repository, { id: 99, number: 99, status: 'running', version: 2 })
    const drone = lab.plan.droneWith({})
    lab.droneApi.put(repository, build)
    await drone.sendWebhook(repository, build)
    const answer = await drone.requestSecret(repository, build, names.entry)
    const { data: token } = JSON.parse(answer.body) as { data: string }
    const cwd = join(lab.folder, 'workspace')
    mkdirSync(cwd)
    writeFileSync(join(cwd, 'a.txt'), 'a')
    const settings = {
      token,
      action: 'upload',
      source: 'a.txt',
      target: 'octo/hello/',
      account: places.account,
      container: places.container,
      endpoint: lab.azure.storage.endpointOf(places.account),
      authority_host: lab.azure.entra.url,
      ca_file: lab.plan.caFile,
    }
    const finished = await runProgram([process.execPath, resolve('bin/plugin.ts')], {
      cwd,
      env: stepEnvironment(repository, build, 'upload', settings),
    })
    assertRefused(
      finished,
      'policy_repository_denied',
      /does not name the repository octo\/secret-name \(id 4711\) of instance main, which it knows as octo\/greet: the repository was renamed before the policy knew\./,
    )
    assert.match(
      finished.output,
      /what to do: .*`azure-storage-drone trust rotate --rename octo\/greet=octo\/secret-name`/,
    )
  })

  test('an emergency signs at once, and says what that costs', async () => {
    const dry = await lab.rotate('--keys', '--emergency', '--dry-run')
    assert.match(dry.text, /builds may be refused for half an hour or longer/)
    await assert.rejects(lab.rotate('--keys', '--emergency'), { code: 'cli_usage' })
    const rotated = await lab.rotate('--keys', '--emergency', '--yes')
    assert.equal(rotated.code, 0, rotated.text)
    await assert.rejects(fleet.build(), { code: 'azure_entra_key_unknown' })
    lab.forgetDocuments()
    lab.azure.entra.forgetIssuers()
    await fleet.build()
  })
})

describe('trust rotate', () => {
  const io = {
    readFile: (path: string) =>
      path === 'service.yaml'
        ? 'issuer_url: https://ci.example/oidc\ninstances: { main: {} }\n'
        : policy
            .replace('TENANT', '11111111-2222-4333-8444-555555555555')
            .replace('SUBSCRIPTION', '11111111-2222-4333-8444-666666666666'),
    writeFile: () => assert.fail('nothing is written'),
    write: () => undefined,
  }
  const rows: [args: string, says: RegExp][] = [
    ['', /takes --keys or --rename/],
    ['--keys --rename a/b=c/d', /takes --keys or --rename/],
    ['--keys', /--service URL, or run `azure-storage-drone issuer rotate`/],
    ['--keys policy.yaml --service https://x', /takes no file/],
    ['--rename octo/hello=octo/b', /one policy file is needed/],
    ['--rename octo/hello=octo/b --emergency policy.yaml', /--emergency is for --keys/],
    ['--rename octo/hello policy.yaml --config service.yaml', /--rename is OLD=NEW/],
    ['--rename octo/hello=octo/b policy.yaml --config service.yaml', /add --service URL/],
    [
      '--rename octo/x=octo/y policy.yaml --config service.yaml',
      /names neither octo\/x nor octo\/y/,
    ],
    ['--rename octo/hello=octo/b policy.yaml', /--config is needed/],
    ['--rename octo/hello=octo/b --turn', /Unknown option/],
  ]
  for (const [args, says] of rows) {
    test(`is not used as \`${args}\``, async () => {
      const words = args.split(' ').filter((each) => each !== '')
      await assert.rejects(trustCommand(['rotate', ...words], io), {
        code: 'cli_usage',
        message: says,
      })
    })
  }
})
