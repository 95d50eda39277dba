// The trust service of deploy/compose, brought up by Docker Compose as people do it: hardened, with secrets
// as files, healthy by its own health check, and reached on the network of steps under its name.
import { once } from 'node:events'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'

import { type Finished, runProgram } from '../../src/demo/program.ts'
import type { ImagesScene } from './written.ts'

const deadlineMs = 90_000

/** Brings up the service alone (Drone and Gitea come from registries), uses it, and takes it down. */
export async function checkCompose(scene: ImagesScene, image: string): Promise<void> {
  const { docker, check, note } = scene
  const folder = join(scene.folder, 'compose')
  cpSync('deploy/compose', folder, { recursive: true })
  const project = `asd-compose-${process.pid}`
  const steps = `${project}-steps`
  const settings = readFileSync(join(folder, '.env.example'), 'utf8')
    .replace(/^SERVICE_IMAGE=.*$/m, `SERVICE_IMAGE=${image}`)
    .replace(/^COMPOSE_PROJECT_NAME=.*$/m, `COMPOSE_PROJECT_NAME=${project}`)
    .replace(/^STEPS_NETWORK=.*$/m, `STEPS_NETWORK=${steps}`)
  writeFileSync(join(folder, '.env'), settings)
  const made = await run(scene, folder, ['sh', 'setup.sh', 'files'])
  check(made.exitCode === 0, `compose: setup.sh files: ${made.output}`)
  // Secrets of services that are not started have to be there all the same.
  writeFileSync(join(folder, 'secrets/drone-server.env'), '')

  const compose = (...args: string[]) => run(scene, folder, ['docker-compose', ...args])
  try {
    const startedAt = Date.now()
    const up = await compose('up', '-d', 'trust')
    check(up.exitCode === 0, `compose: up: ${up.output}`)
    const container = (await compose('ps', '-q', 'trust')).output.trim()
    const health = await waitForHealth(scene, container)
    check(health === 'healthy', `compose: the trust service is ${health}`)
    note(`compose: healthy after ${((Date.now() - startedAt) / 1000).toFixed(1)} s`)

    const network = `{{(index .NetworkSettings.Networks "${steps}")`
    const address = await docker.must('inspect', '--format', `${network}.IPAddress}}`, container)
    const names = await docker.must('inspect', '--format', `${network}.Aliases}}`, container)
    check(/\btrust\b/.test(names), `compose: the service is called ${names} by steps`)
    const ca = readFileSync(join(folder, 'secrets/tls/ca.crt'), 'utf8')
    const asked = await askAsStep(address, ca)
    check(/^401 .*"code":"issuer_/s.test(asked), `compose: a step without a token: ${asked}`)
    const stopped = await compose('stop', 'trust')
    const state = await docker.must('inspect', '--format', '{{.State.ExitCode}}', container)
    check(stopped.exitCode === 0 && state === '0', `compose: stop: ${state} ${stopped.output}`)
  } finally {
    await compose('down', '--volumes')
  }
}

// As a step does, but over the bridge from this machine: the suite's daemon leaves the packet filter alone,
// which on some machines keeps containers from one another.
async function askAsStep(host: string, ca: string): Promise<string> {
  const path = '/v1/id-token?v=1&audience=a'
  const call = request({ host, port: 8443, path, ca, servername: 'trust', agent: false })
  call.end()
  const [answer] = (await once(call, 'response')) as [IncomingMessage]
  return `${answer.statusCode} ${await text(answer)}`
}

async function waitForHealth({ docker }: ImagesScene, container: string): Promise<string> {
  const deadline = Date.now() + deadlineMs
  for (;;) {
    const health = await docker.must('inspect', '--format', '{{.State.Health.Status}}', container)
    if (health !== 'starting' || Date.now() > deadline) return health
    await sleep(250)
  }
}

function run({ docker }: ImagesScene, cwd: string, command: readonly string[]): Promise<Finished> {
  const { PATH = '', HOME = '/' } = process.env
  return runProgram(command, { cwd, env: { PATH, HOME, DOCKER_HOST: docker.host } })
}
