// From a file in storage back to the build that wrote it, and a call that no step told of.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { test } from 'node:test'

import { sha256Hex } from '../../src/core/digest.ts'
import { runProgram } from '../../src/demo/program.ts'
import { startLogAnalytics, type LabLogAnalytics } from '../../src/lab/log-analytics.ts'
import { toDiagnosticLine } from '../../src/lab/storage-log-forms.ts'
import { uploadAll, useInstallation } from './lab.ts'

const e2e = useInstallation()
const reader = { clientId: randomUUID(), objectId: randomUUID(), secret: randomUUID() }

// A workspace over the storage log, and somebody who may read it.
async function openWorkspace(): Promise<LabLogAnalytics> {
  const { entra, authority, storage } = e2e.lab()
  const app = entra.registerApp({
    tenantId: entra.tenantId,
    clientId: reader.clientId,
    objectId: reader.objectId,
    displayName: 'Auditor',
  })
  const [startsAt, endsAt] = [new Date(Date.now() - 60_000), new Date(Date.now() + 3_600_000)]
  const name = { keyId: randomUUID(), kind: 'password', displayName: 'e2e' } as const
  app.secrets.push({ ...name, value: reader.secret, startsAt, endsAt })
  return startLogAnalytics(
    { authority, entra, now: () => new Date() },
    { workspaceId: randomUUID(), readers: [reader.objectId], calls: () => storage.calls },
  )
}

async function command(args: readonly string[], env: Record<string, string> = {}) {
  const program = [process.execPath, resolve('bin/cli.ts')]
  const { PATH = '', HOME = '' } = process.env
  return runProgram([...program, ...args], { cwd: '.', env: { PATH, HOME, ...env } })
}

async function upload(target: string) {
  const build = await e2e.newBuild()
  const settings = uploadAll(target)
  const finished = await e2e.step(
    build,
    settings,
    e2e.workspace({ 'a.txt': 'one', 'b.txt': 'two' }),
  )
  assert.equal(finished.exitCode, 0, finished.output)
  assert.doesNotMatch(finished.output, /receipt not recorded/)
  return build
}

const blobUrl = (name: string) =>
  `https://${accountOf()}.blob.core.windows.net/${containerOf()}/${name}`
const accountOf = () => e2e.lab().storage.calls.at(-1)?.account ?? ''
const containerOf = () => e2e.lab().storage.calls.at(-1)?.container ?? ''

test('a file leads to its build, step, commit, rule and token, and the build to its calls', async () => {
  const build = await upload('octo/hello/traced')
  const { adminUrl, adminTokenFile, caFile, storage } = e2e.lab()
  const door = ['--service', adminUrl, '--admin-token-file', adminTokenFile, '--ca-file', caFile]
  const url = blobUrl('octo/hello/traced/a.txt')
  const traced = await command(['trace', '--blob', url, '--kql', ...door])
  assert.equal(traced.exitCode, 0, traced.output)
  for (const fact of [
    `#${build.number}`,
    'octo/hello/traced/a.txt',
    'rule     ',
    'the step “step”',
  ]) {
    assert.ok(traced.output.includes(fact), `${fact}\n${traced.output}`)
  }
  const puts = storage.calls.filter(({ path }) => path.endsWith('/traced/a.txt'))
  const [hash] = puts.map(({ authenticationHash }) => authenticationHash)
  assert.ok(hash && traced.output.includes(hash.toLowerCase()), traced.output)
  assert.ok(traced.output.includes('StorageBlobLogs'))
  const json = await command([
    'trace',
    '--request-id',
    puts[0]?.clientRequestId ?? '',
    '--json',
    ...door,
  ])
  const { story } = JSON.parse(json.output) as { story: { build: { number: number; sha: string } } }
  assert.equal(story.build.number, build.number)
  assert.ok(traced.output.includes(story.build.sha))
})

test('an auditor has the workspace asked, and nobody else may', async (t) => {
  const workspace = await openWorkspace()
  t.after(() => workspace.close())
  const build = await upload('octo/hello/asked')
  const { configFile, caFile, entra, repository } = e2e.lab()
  const args = [
    'trace',
    `${repository.slug}#${build.number}`,
    '--config',
    configFile,
    '--log-analytics',
    workspace.workspaceId,
    '--log-analytics-url',
    workspace.url,
    '--tenant',
    entra.tenantId,
    '--sign-in',
    'environment',
    '--ca-file',
    caFile,
  ]
  const env = {
    AZURE_TENANT_ID: entra.tenantId,
    AZURE_CLIENT_ID: reader.clientId,
    AZURE_CLIENT_SECRET: reader.secret,
    AZURE_AUTHORITY_HOST: entra.url,
  }
  const asked = await command(args, env)
  assert.equal(asked.exitCode, 0, asked.output)
  assert.match(asked.output, /Azure logged \d+ calls:/)
  assert.match(asked.output, /asked\/b\.txt/)
  assert.doesNotMatch(asked.output, /traced\/a\.txt/)
  const refused = await command(args, { ...env, AZURE_CLIENT_SECRET: 'wrong' })
  assert.equal(refused.exitCode, 3, refused.output)
})

test('reconcile finds the one call that no step told of', async () => {
  await upload('octo/hello/known')
  const { configFile, storage, entra, app } = e2e.lab()
  const file = join(e2e.workspace(), 'logs.jsonl')
  const span = [
    '--from',
    new Date(Date.now() - 3_600_000).toISOString(),
    '--to',
    new Date(Date.now() + 60_000).toISOString(),
  ]
  const reconcile = () => {
    writeFileSync(file, `${storage.calls.map((call) => toDiagnosticLine(call)).join('\n')}\n`)
    return command([
      'audit',
      'reconcile',
      '--config',
      configFile,
      '--logs',
      file,
      ...span,
      '--json',
    ])
  }
  type Found = { findings: { kind: string; authenticationHash: string }[]; ours: number }
  const clean = await reconcile()
  assert.deepEqual((JSON.parse(clean.output) as Found).findings, [], clean.output)
  assert.equal(clean.exitCode, 0)

  const token = await entra.mintToken(app, 'https://storage.azure.com')
  const place = `${storage.endpointOf(accountOf())}/${containerOf()}`
  const { send } = await import('../../src/http/node.ts').then(({ createHttp }) =>
    createHttp({ maxConnections: 1, maxBodyBytes: 1024 * 1024, ca: [e2e.lab().authority.caPem] }),
  )
  const origin = new URL(place)
  const answer = await send({
    method: 'GET',
    origin,
    path: `${origin.pathname}/octo/hello/known/a.txt`,
    headers: { authorization: `Bearer ${token}`, 'x-ms-version': '2025-11-05' },
  })
  assert.equal(answer.status, 200)
  const found = await reconcile()
  assert.equal(found.exitCode, 6, found.output)
  const { findings } = JSON.parse(found.output) as Found
  assert.deepEqual(
    findings.map(({ kind, authenticationHash }) => [kind, authenticationHash]),
    [['foreign', sha256Hex(token)]],
  )
})
