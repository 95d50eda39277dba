// A Drone server and a docker runner as programs on loopback, with the settings of facts/drone.md §4.2 that
// worked; the replay's programs take the same ones.
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'

import { type Program, startProgram } from '../../src/demo/program.ts'

/** What both programs are told of everything around them. */
export type DroneSettings = {
  folder: string
  port: number
  runnerPort: number
  scm: { url: string; clientId: string; clientSecret: string }
  userToken: string
  /** Our service's door for CI, or what lies before it, and the instance and runner in it. */
  ciUrl: string
  instance: string
  runner: string
  runnerToken: string
  webhookSecret: string
  dockerHost: string
  /** Variables that only the replay knows. */
  more: Readonly<Record<string, string>>
}

/** Both programs. */
export type DronePrograms = {
  url: string
  /** What they were told that nobody else may know. */
  secrets: readonly { name: string; value: string }[]
  outputs: () => readonly { name: string; text: string }[]
  stop: () => Promise<void>
}

/** Starts the server, then the runner; stops both when either does not come up. */
export async function startPrograms(
  commands: { server: readonly string[]; runner: readonly string[] },
  settings: DroneSettings,
): Promise<DronePrograms> {
  const address = `127.0.0.1:${settings.port}`
  const rpcSecret = randomBytes(16).toString('hex')
  const server = await startWith(
    commands.server,
    serverVariables(settings, address, rpcSecret),
    /starting the http server/,
  )
  const runner = await startWith(
    commands.runner,
    runnerVariables(settings, address, rpcSecret),
    /successfully pinged the remote server/,
  ).catch(async (error: unknown) => {
    await server.stop()
    throw error
  })
  return {
    url: `http://${address}`,
    secrets: [{ name: 'RPC secret', value: rpcSecret }],
    outputs: () => [
      { name: 'output of the Drone server', text: server.output() },
      { name: 'output of the runner', text: runner.output() },
    ],
    stop: async () => {
      await runner.stop()
      await server.stop()
    },
  }
}

function serverVariables(
  settings: DroneSettings,
  address: string,
  rpcSecret: string,
): Record<string, string> {
  const { scm, ciUrl, instance } = settings
  return {
    DRONE_GITEA_SERVER: scm.url,
    DRONE_GITEA_CLIENT_ID: scm.clientId,
    DRONE_GITEA_CLIENT_SECRET: scm.clientSecret,
    DRONE_SERVER_HOST: address,
    DRONE_SERVER_PORT: address,
    DRONE_SERVER_PROTO: 'http',
    DRONE_RPC_SECRET: rpcSecret,
    DRONE_DATABASE_DATASOURCE: join(settings.folder, 'core.sqlite'),
    DRONE_COOKIE_SECRET: randomBytes(16).toString('hex'),
    DRONE_CRON_DISABLED: 'true',
    DRONE_CLEANUP_DISABLED: 'true',
    DRONE_USER_CREATE: `username:octo,machine:false,admin:true,token:${settings.userToken}`,
    DRONE_WEBHOOK_ENDPOINT: `${ciUrl}/${instance}/drone/webhook`,
    DRONE_WEBHOOK_SECRET: settings.webhookSecret,
    DRONE_WEBHOOK_EVENTS: 'build:*',
    ...settings.more,
  }
}

function runnerVariables(
  settings: DroneSettings,
  address: string,
  rpcSecret: string,
): Record<string, string> {
  const door = `${settings.ciUrl}/${settings.instance}/drone/runners/${settings.runner}`
  return {
    DOCKER_HOST: settings.dockerHost,
    DRONE_RPC_HOST: address,
    DRONE_RPC_PROTO: 'http',
    DRONE_RPC_SECRET: rpcSecret,
    DRONE_RUNNER_NAME: settings.runner,
    DRONE_RUNNER_CAPACITY: '2',
    DRONE_HTTP_BIND: `127.0.0.1:${settings.runnerPort}`,
    DRONE_SECRET_PLUGIN_ENDPOINT: `${door}/secret`,
    DRONE_SECRET_PLUGIN_TOKEN: settings.runnerToken,
    DRONE_ENV_PLUGIN_ENDPOINT: `${door}/environ`,
    DRONE_ENV_PLUGIN_TOKEN: settings.runnerToken,
    ...settings.more,
  }
}

// Programs start without variables: env gives them theirs.
function startWith(
  command: readonly string[],
  variables: Readonly<Record<string, string>>,
  readyWhen: RegExp,
): Promise<Program> {
  const pairs = Object.entries({ PATH: '/usr/local/bin:/usr/bin:/bin', ...variables })
  return startProgram(
    ['/usr/bin/env', ...pairs.map(([name, value]) => `${name}=${value}`), ...command],
    { readyWhen },
  )
}
