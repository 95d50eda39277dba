// `azure-storage-drone exec` as a step calls it: against the real trust service, and against one of short
// tokens; what the command sees, how it ends, and what is left.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { chmodSync, existsSync, readFileSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import { after, describe, it } from 'node:test'

import { type Finished, runProgram } from '../../src/demo/program.ts'
import { fetchToken } from '../../src/demo/step.ts'
import { useInstallation } from './lab.ts'

const e2e = useInstallation()
const cli = [process.execPath, resolve('bin/cli.ts')]
const path = process.env['PATH'] ?? ''

// Says which files and variables it has, as one line of JSON.
const look = `
const fs = require('node:fs'), { dirname } = require('node:path')
const file = process.env.AZURE_FEDERATED_TOKEN_FILE
const mode = (path) => (fs.statSync(path).mode & 0o777).toString(8)
console.log(JSON.stringify({ file, modes: [mode(file), mode(dirname(file))],
  claims: JSON.parse(Buffer.from(fs.readFileSync(file, 'utf8').split('.')[1], 'base64url')),
  names: Object.keys(process.env).filter((name) => /TOKEN|AZ|ARM|ACTIONS/.test(name)).sort() }))`

type Looked = {
  file: string
  modes: string[]
  names: string[]
  claims: Record<string, unknown>
}

async function exec(token: string, args: readonly string[], cwd = e2e.workspace()) {
  const env = { PATH: path, AZURE_STORAGE_DRONE_TOKEN: token }
  return runProgram([...cli, 'exec', ...args], { cwd, env })
}

async function execInBuild(args: readonly string[]): Promise<Finished & { token: string }> {
  const { token } = await fetchToken(e2e.lab(), await e2e.newBuild())
  return { ...(await exec(token, args)), token }
}

describe('a command of a build', () => {
  it('has a private token file for Azure, its variables, and no request token', async () => {
    const args = ['--', process.execPath, '-e', look]
    const { output, exitCode, token } = await execInBuild(args)
    assert.equal(exitCode, 0, output)
    const { file, modes, names, claims } = JSON.parse(output) as Looked
    assert.deepEqual(modes, ['600', '700'])
    assert.deepEqual(names, [
      'AZCOPY_AUTO_LOGIN_TYPE',
      'AZURE_AUTHORITY_HOST',
      'AZURE_CLIENT_ID',
      'AZURE_FEDERATED_TOKEN_FILE',
      'AZURE_TENANT_ID',
    ])
    assert.equal(claims['aud'], 'api://AzureADTokenExchange')
    assert.match(String(claims['sub']), /^repo:octo\/hello@/)
    assert.equal(existsSync(file), false)
    assert.ok(!output.includes(token))
  })

  it('works for whatever reads the variables of workload identity, such as our own commands', async () => {
    const { entra, storage, caFile } = e2e.lab()
    const endpoint = storage.endpointOf('acmeart')
    const folder = e2e.workspace({ 'a.txt': 'by exec' })
    const { token } = await fetchToken(e2e.lab(), await e2e.newBuild())
    const url = `${endpoint}/artifacts/octo/hello/exec`
    const upload = ['upload', 'a.txt', url, '--endpoint', endpoint, '--ca-file', caFile]
    const args = ['--authority-host', entra.url, '--', ...cli, ...upload]
    const { output, exitCode } = await exec(token, args, folder)
    assert.equal(exitCode, 0, output)
    assert.match(output, /identity token file .* as repo:octo\/hello@/)
    assert.match(output, /uploaded 1 file/)
  })

  it('does not begin when the trust service says no, and its words reach the person', async () => {
    const folder = e2e.workspace()
    const { token } = await fetchToken(e2e.lab(), await e2e.newBuild())
    const role = ['--for', 'aws', '--aws-role-arn', 'arn:aws:iam::123456789012:role/x']
    const refused = await exec(token, [...role, '--', 'touch', 'begun'], folder)
    assert.equal(refused.exitCode, 3, refused.output)
    assert.match(refused.output, /sts\.amazonaws\.com.*\nwhat to do: /s)
    assert.equal(existsSync(join(folder, 'begun')), false)
    const none = await exec('', ['--', 'touch', 'begun'], folder)
    assert.equal(none.exitCode, 3)
    assert.match(none.output, /request token/)
  })

  const endings: [how: string, command: string[], exitCode: number][] = [
    ['its exit code', ['sh', '-c', 'exit 7'], 7],
    ['128 and the number of the signal that ended it', ['sh', '-c', 'kill -9 $$'], 137],
    ['127 when there is none', ['no-such-command-here'], 127],
  ]
  for (const [how, command, exitCode] of endings) {
    it(`gives ${how}`, async () => {
      const finished = await execInBuild(['--', ...command])
      assert.equal(finished.exitCode, exitCode, finished.output)
    })
  }

  it('gives 126 when it may not be run', async () => {
    const folder = e2e.workspace({ plain: 'text' })
    chmodSync(join(folder, 'plain'), 0o644)
    const finished = await execInBuild(['--', join(folder, 'plain')])
    assert.equal(finished.exitCode, 126, finished.output)
  })

  it('is refused beside a static key that would win', async () => {
    const { token } = await fetchToken(e2e.lab(), await e2e.newBuild())
    const env = { PATH: path, AZURE_STORAGE_DRONE_TOKEN: token, AZURE_CLIENT_SECRET: 'x' }
    const command = [...cli, 'exec', '--', 'true']
    const finished = await runProgram(command, { cwd: e2e.workspace(), env })
    assert.equal(finished.exitCode, 2)
    assert.match(finished.output, /AZURE_CLIENT_SECRET is set/)
  })
})

// A trust service of tokens that live for seconds; it counts, and may stop giving them.
const servers: Server[] = []
after(() => {
  for (const server of servers) server.close().closeAllConnections()
})

async function startShort(lifetimeSeconds: number, most = Infinity) {
  const values: string[] = []
  const server = createServer((_, response) => {
    if (values.length >= most) {
      response.writeHead(403, { 'content-type': 'application/problem+json' })
      const problem = { code: 'issuer_build_finished', detail: 'The build is over.', hint: 'Look.' }
      response.end(JSON.stringify(problem))
      return
    }
    const now = Math.floor(Date.now() / 1000)
    const claims = {
      iss: 'x',
      iat: now,
      exp: now + lifetimeSeconds,
      jti: `canary-${values.length}`,
    }
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const value = `${encode({ alg: 'RS256' })}.${encode(claims)}.c2ln`
    values.push(value)
    const identity = { name: 'x', tenant_id: 'tenant', client_id: 'client' }
    response.end(JSON.stringify({ value, count: value.length, identity }))
  })
  servers.push(server)
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done))
  const { port } = server.address() as AddressInfo
  const payload = Buffer.from(JSON.stringify({ url: `http://127.0.0.1:${port}` }))
  return { token: `asd1.${payload.toString('base64url')}.canary`, values }
}

// Ends when the file has another token than at its beginning, and says both.
const waitForNew = `
const fs = require('node:fs')
const file = process.env.AZURE_FEDERATED_TOKEN_FILE
const jti = () => JSON.parse(Buffer.from(fs.readFileSync(file, 'utf8').split('.')[1], 'base64url')).jti
const first = jti()
const timer = setInterval(() => {
  const now = jti()
  if (now === first) return
  clearInterval(timer)
  console.log(first, now, file)
}, 10)`

describe('a command that outlives its tokens', () => {
  it('finds a fresh one in the same file, whole at any time', async () => {
    const { token, values } = await startShort(3)
    const { output, exitCode } = await exec(token, ['--', process.execPath, '-e', waitForNew])
    assert.equal(exitCode, 0, output)
    const [first, second, file = ''] = output.trim().split(' ')
    assert.deepEqual([first, second], ['canary-0', 'canary-1'])
    assert.equal(existsSync(file), false)
    for (const secret of [...values, token]) assert.ok(!output.includes(secret))
  })

  it('goes on when there are no more, is told once, and ends in its own way', async () => {
    const { token, values } = await startShort(1, 2)
    const args = ['--for', 'azure,terraform', '--', 'sh', '-c', 'sleep 1.5; exit 5']
    const { output, exitCode } = await exec(token, args)
    assert.equal(exitCode, 5, output)
    assert.equal(output.match(/could not be renewed/g)?.length, 1, output)
    assert.match(output, /issuer_build_finished: The build is over\./)
    for (const secret of [...values, token]) assert.ok(!output.includes(secret))
  })
})

describe('a signal to exec', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    it(`${signal} reaches the command, which decides; its files go with it`, async () => {
      const { token } = await startShort(60)
      const script = `trap 'exit 9' TERM INT; echo "$AZURE_FEDERATED_TOKEN_FILE"; while :; do sleep 0.05; done`
      const child = spawn(process.execPath, [...cli.slice(1), 'exec', '--', 'sh', '-c', script], {
        env: { PATH: path, AZURE_STORAGE_DRONE_TOKEN: token },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const file = await new Promise<string>((done) => {
        child.stdout.once('data', (data: Buffer) => done(data.toString().trim()))
      })
      assert.ok(readFileSync(file, 'utf8').length > 0)
      child.kill(signal)
      const code = await new Promise((done) => child.once('exit', done))
      assert.equal(code, 9)
      assert.equal(existsSync(file), false)
    })
  }
})

it('help says what each tool is given, and words that are none are told', async () => {
  const help = await exec('', ['--help'])
  assert.equal(help.exitCode, 0)
  for (const word of ['--aws-role-arn', 'terraform', '128']) assert.ok(help.output.includes(word))
  const wrong = await exec('', ['true'])
  assert.equal(wrong.exitCode, 2)
  assert.match(wrong.output, /no command behind `--`\.\nwhat to do: /)
})
