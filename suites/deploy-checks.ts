// The installations of deploy/ before the tools that will read them: Docker Compose, kubectl's kustomize,
// systemd and OpenSSL, with secrets made by the installations' own scripts. `test/deploy*.test.ts` has what needs no tool.
import { execFile, spawn } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { promisify } from 'node:util'

import { parseAllDocuments } from 'yaml'

import { findFreePorts } from '../src/demo/program.ts'
import { createTally, type SuiteResult } from './suite.ts'

const run = promisify(execFile)
// From 0 (nothing is reachable) to 100; V8's need to write code and the network are most of ours.
const mostExposure = 20

type Tally = ReturnType<typeof createTally>
type Outcome = { ok: boolean; text: string }

/** Runs every check whose tool is there; the others are counted as skipped, each with its reason. */
export async function checkDeployments(): Promise<SuiteResult> {
  const tally = createTally('deploy')
  const folder = mkdtempSync(join(tmpdir(), 'asd-deploy-'))
  try {
    cpSync('deploy', join(folder, 'deploy'), { recursive: true })
    cpSync('schemas', join(folder, 'schemas'), { recursive: true })
    const deploy = join(folder, 'deploy')
    await checkCompose(tally, join(deploy, 'compose'))
    await checkKubernetes(tally, join(deploy, 'kubernetes'))
    await checkUnits(tally, join(deploy, 'systemd'))
    await checkSockets(tally, folder)
    return tally.result()
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function attempt(command: string, args: string[], cwd = '.'): Promise<Outcome> {
  try {
    const { stdout, stderr } = await run(command, args, { cwd, timeout: 60_000 })
    return { ok: true, text: `${stdout}${stderr}` }
  } catch (error) {
    return { ok: false, text: error instanceof Error ? error.message : String(error) }
  }
}

async function has(tally: Tally, tool: string, args: string[]): Promise<boolean> {
  const { ok } = await attempt(tool, args)
  if (!ok) {
    tally.result().skipped += 1
    tally.result().notes.push(`not run: ${tool} ${args[0]} is not here`)
  }
  return ok
}

async function checkCompose(tally: Tally, folder: string): Promise<void> {
  if (!(await has(tally, 'openssl', ['version']))) return
  const made = await attempt('sh', ['setup.sh', 'files'], folder)
  tally.check(made.ok, `compose: setup.sh makes the files: ${made.text}`)
  const before = readFileSync(join(folder, 'secrets/drone-webhook'), 'utf8')
  const again = await attempt('sh', ['setup.sh', 'files'], folder)
  const after = readFileSync(join(folder, 'secrets/drone-webhook'), 'utf8')
  tally.check(again.ok && before === after, 'compose: setup.sh keeps what it made')
  const tls = join(folder, 'secrets/tls')
  await checkCertificate(tally, { ca: `${tls}/ca.crt`, leaf: `${tls}/tls.crt`, host: 'trust' })
  writeFileSync(join(folder, 'secrets/drone-server.env'), '')
  const isPlugin = (await attempt('docker', ['compose', 'version'])).ok
  const tool = isPlugin ? 'docker' : 'docker-compose'
  const args = isPlugin ? ['compose'] : []
  if (!isPlugin && !(await has(tally, tool, ['version']))) return
  const { ok, text } = await attempt(tool, [...args, 'config'], folder)
  tally.check(ok, `compose: ${tool} config takes the file: ${text}`)
  tally.check(!/variable is not set/i.test(text), 'compose: every variable has a value')
}

async function checkCertificate(
  tally: Tally,
  { ca, leaf, host }: { ca: string; leaf: string; host: string },
): Promise<void> {
  const args = ['verify', '-CAfile', ca, '-purpose', 'sslserver', '-verify_hostname', host, leaf]
  const { ok, text } = await attempt('openssl', args)
  tally.check(ok, `the certificate for ${host} is one for servers: ${text}`)
}

async function checkKubernetes(tally: Tally, folder: string): Promise<void> {
  const isHere =
    (await has(tally, 'openssl', ['version'])) &&
    (await has(tally, 'kubectl', ['version', '--client']))
  if (!isHere) return
  const made = await attempt('sh', ['make-secrets.sh'], join(folder, 'try'))
  tally.check(made.ok, `kubernetes: make-secrets.sh makes the secrets: ${made.text}`)
  const secrets = join(folder, 'try/secrets')
  const host = 'trust.drone.svc'
  await checkCertificate(tally, { ca: `${secrets}/ca.crt`, leaf: `${secrets}/tls.crt`, host })
  for (const overlay of ['try', 'own-database']) {
    const { ok, text } = await attempt('kubectl', ['kustomize', join(folder, overlay)])
    tally.check(ok, `kubernetes: kubectl kustomize makes ${overlay}: ${text.slice(0, 500)}`)
    if (!ok) continue
    const objects = parseAllDocuments(text).map((document): unknown => document.toJS())
    tally.check(objects.length > 7, `kubernetes: ${overlay} has its objects`)
    const isHashed = /configMap:\n\s+name: trust-config-\w{10}\n/.test(text)
    tally.check(isHashed, `kubernetes: a change of ${overlay}'s configuration restarts the pods`)
    const isLasting = /secretName: trust-tls\n/.test(text)
    tally.check(isLasting, `kubernetes: a renewed certificate of ${overlay} restarts nothing`)
  }
}

async function checkUnits(tally: Tally, folder: string): Promise<void> {
  if (!(await has(tally, 'systemd-analyze', ['--version']))) return
  const unit = join(folder, 'azure-storage-drone.service')
  // What is looked for has to be installed, and on this machine that is no more than Node.
  const text = readFileSync(unit, 'utf8')
  writeFileSync(unit, text.replace(/^(ExecStart=)\S+/m, `$1${process.execPath}`))
  const sockets = ['ci', 'steps', 'public'].map((door) =>
    join(folder, `azure-storage-drone-${door}.socket`),
  )
  const verified = await attempt('systemd-analyze', ['verify', unit, ...sockets])
  const said = verified.text.split('\n').filter((line) => line.includes('azure-storage-drone'))
  tally.check(verified.ok && said.length === 0, `systemd: verify takes the units: ${said.join()}`)
  const limits = ['--offline=true', `--threshold=${mostExposure}`]
  const exposed = await attempt('systemd-analyze', ['security', ...limits, unit])
  tally.check(exposed.ok, `systemd: security says the unit is exposed: ${exposed.text.slice(-200)}`)
}

// The service with sockets that somebody else opened, as systemd hands them over.
async function checkSockets(tally: Tally, folder: string): Promise<void> {
  const tool = 'systemd-socket-activate'
  const bundle = resolve('dist/cli.mjs')
  if (!(await has(tally, tool, ['--version']))) return
  if (!existsSync(bundle)) {
    tally.check(false, 'sockets: dist/cli.mjs is not built')
    return
  }
  const ports = await findFreePorts(3)
  const [ci = 0] = ports
  const config = join(folder, 'service.yaml')
  const secret = join(folder, 'deploy/compose/secrets')
  // The addresses are others than those of the sockets, so an answer proves which were used.
  writeFileSync(
    config,
    `issuer_url: https://oidc.example.com
service_url: http://127.0.0.1:1
allow_http_service_url: true
policy_file: ${join(folder, 'deploy/compose/policy.yaml')}
state_dir: ${join(folder, 'state')}
listen: { ci: { address: '127.0.0.1:1' }, steps: { address: '127.0.0.1:1' }, public: { address: '127.0.0.1:1' } }
instances:
  main:
    scm: gitea
    webhook_secret: { file: ${secret}/drone-webhook }
    runners: { docker-1: { token: { file: ${secret}/runner-docker-1 }, repositories: [octo/*] } }
`,
  )
  const listens = ports.map((port) => `--listen=127.0.0.1:${port}`)
  const command = [process.execPath, bundle, 'serve', '--config', config]
  const child = spawn(tool, [...listens, '--fdname=ci:steps:public', ...command], { stdio: 'pipe' })
  const output: string[] = []
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text: Buffer) => void output.push(text.toString()))
  }
  const ended = new Promise<number | null>((done) => child.once('exit', done))
  try {
    const status = await askUntilThere(`http://127.0.0.1:${ci}/healthz`)
    tally.check(status === 200, `sockets: the service answers on systemd's: ${output.join('')}`)
  } finally {
    child.kill('SIGTERM')
  }
  tally.check((await ended) === 0, 'sockets: the service ends well')
}

// The tool itself may need a moment until it listens; from then on the socket keeps us waiting.
async function askUntilThere(url: string): Promise<number> {
  const end = Date.now() + 20_000
  for (;;) {
    try {
      const answer = await fetch(url, { signal: AbortSignal.timeout(20_000) })
      return answer.status
    } catch {
      if (Date.now() > end) return 0
      await setTimeout(100)
    }
  }
}
