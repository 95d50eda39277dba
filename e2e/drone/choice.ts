// Which Drone a run is about: programs or an address from the environment, or the replay.
import { resolve } from 'node:path'

/** How a Drone is had. */
export type Choice =
  | {
      kind: 'replay'
      server: readonly string[]
      runner: readonly string[]
      /** Its plugin steps run in containers of this image; processes otherwise. */
      container?: { image: string; dockerHost: string }
    }
  | { kind: 'programs'; server: readonly string[]; runner: readonly string[]; images: Images }
  | { kind: 'address'; url: string; images: Images; agreed: Agreed }

/** Images of the steps; the shell's needs `/bin/sh` and nothing else. */
export type Images = { plugin: string; shell: string; dockerHost: string }

/** What a Drone that runs already has been configured with. */
export type Agreed = {
  userToken: string
  runnerToken: string
  webhookSecret: string
  clientId: string
  clientSecret: string
  tapPort: number
  scmPort: number
}

/** What is said where no Drone is given. */
export const noDrone = 'not run: no Drone given'

type Environment = Readonly<Record<string, string | undefined>>

/** Reads the choice; throws with the name of what is missing. */
export function chooseDrone(env: Environment): Choice {
  const need = (name: string): string => {
    const value = env[name]
    if (!value) throw new Error(`${name} is not set; see docs/e2e.md`)
    return value
  }
  const images = (): Images => ({
    plugin: need('DRONE_E2E_PLUGIN_IMAGE'),
    shell: need('DRONE_E2E_SHELL_IMAGE'),
    dockerHost: env['DOCKER_HOST'] ?? 'unix:///var/run/docker.sock',
  })
  if (env['DRONE_SERVER_URL']) {
    const agreed = {
      userToken: need('DRONE_TOKEN'),
      runnerToken: need('DRONE_E2E_RUNNER_TOKEN'),
      webhookSecret: need('DRONE_E2E_WEBHOOK_SECRET'),
      clientId: need('DRONE_E2E_CLIENT_ID'),
      clientSecret: need('DRONE_E2E_CLIENT_SECRET'),
      tapPort: Number(need('DRONE_E2E_TAP_PORT')),
      scmPort: Number(need('DRONE_E2E_SCM_PORT')),
    }
    const url = env['DRONE_SERVER_URL'].replace(/\/$/, '')
    return { kind: 'address', url, images: images(), agreed }
  }
  if (env['DRONE_SERVER_BIN'] || env['DRONE_RUNNER_BIN']) {
    const [server, runner] = [need('DRONE_SERVER_BIN'), need('DRONE_RUNNER_BIN')]
    return { kind: 'programs', server: [server], runner: [runner, 'daemon'], images: images() }
  }
  const replay = (name: string) => [process.execPath, resolve(`e2e/drone/replay/${name}.ts`)]
  return { kind: 'replay', server: replay('server'), runner: replay('runner') }
}
