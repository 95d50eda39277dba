// A program that stands in for `drone-runner-docker`: takes stages from a server, asks the environ and secret
// extensions, and runs each step as a process with a docker step's variables (facts/drone.md §2, §4.2).
import { setTimeout as sleep } from 'node:timers/promises'

import { Secret } from '../../../src/core/secret.ts'
import { createExtensions } from './extensions.ts'
import { runContainer, runProcess, type StepScene } from './process.ts'
import { runStage } from './stage.ts'
import type { WireDetails, WireStage, WireStep } from './wire.ts'

const { env } = process
const need = (name: string): string => {
  const value = env[name]
  if (!value) throw new Error(`${name} is not set`)
  return value
}
const server = `${need('DRONE_RPC_PROTO')}://${need('DRONE_RPC_HOST')}/rpc/v2`
const machine = need('DRONE_RUNNER_NAME')
const say = (words: Record<string, unknown>) =>
  process.stdout.write(`${JSON.stringify({ level: 'info', ...words })}\n`)

const call = async (method: string, path: string, json?: unknown): Promise<Response> => {
  const response = await fetch(`${server}/${path}`, {
    method,
    headers: { 'x-drone-token': need('DRONE_RPC_SECRET'), 'content-type': 'application/json' },
    ...(json !== undefined && { body: JSON.stringify(json) }),
  })
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`)
  return response
}
const read = async <Value>(response: Promise<Response>) => (await (await response).json()) as Value

const extensions = createExtensions({
  now: () => new Date(),
  secret: {
    url: need('DRONE_SECRET_PLUGIN_ENDPOINT'),
    token: new Secret(need('DRONE_SECRET_PLUGIN_TOKEN')),
  },
  environ: {
    url: need('DRONE_ENV_PLUGIN_ENDPOINT'),
    token: new Secret(need('DRONE_ENV_PLUGIN_TOKEN')),
  },
})
const image = env['REPLAY_IMAGE']
const deps = {
  extensions,
  runPlugin: (scene: StepScene) =>
    image
      ? runContainer({ image, dockerHost: need('DOCKER_HOST'), folder: need('REPLAY_CA') }, scene)
      : runProcess([process.execPath, need('REPLAY_PLUGIN')], scene),
  folder: need('REPLAY_FOLDER'),
  machine,
  updateStage: (stage: WireStage) => read<WireStage>(call('PUT', `stage/${stage.id}`, stage)),
  updateStep: (step: WireStep) => read<WireStep>(call('PUT', `step/${step.id}`, step)),
  uploadLog: async (step: WireStep, lines: unknown) => {
    await call('POST', `step/${step.id}/logs/upload`, lines)
  },
  uploadCard: async (step: WireStep, card: unknown) => {
    await call('POST', `step/${step.id}/card`, card)
  },
}

async function work(): Promise<never> {
  for (;;) {
    const response = await call('POST', 'stage', { kind: 'pipeline', type: 'docker' })
    if (response.status === 204) continue
    const stage = (await response.json()) as WireStage
    const { id } = stage
    try {
      await call('POST', `stage/${id}?machine=${machine}`)
      const details = await read<WireDetails>(call('GET', `stage/${id}`))
      const { build } = details
      say({ msg: 'running', build: build.number, commit: build.after })
      await runStage(deps, details)
    } catch (error) {
      say({ level: 'error', msg: 'stage failed', error: String(error) })
      await deps.updateStage({ ...stage, machine, status: 'failure' })
    }
  }
}

process.on('SIGTERM', () => process.exit(0))
await call('POST', 'ping')
say({ msg: 'successfully pinged the remote server' })
const capacity = Number(env['DRONE_RUNNER_CAPACITY'] ?? '2')
await Promise.race(
  Array.from({ length: capacity }, () =>
    work().catch(async (error: unknown) => {
      say({ level: 'error', msg: 'cannot request stage', error: String(error) })
      await sleep(1000)
      process.exit(1)
    }),
  ),
)
