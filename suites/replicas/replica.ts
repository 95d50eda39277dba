// Replicas of the real service over one PostgreSQL: their configurations, their clocks, and a way to end
// each of them at any moment and to start it again.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { parse, stringify } from 'yaml'

import { createMintClient, type MintClient } from '../../src/demo/mint-client.ts'
import { findFreePorts, startProgram, type Program } from '../../src/demo/program.ts'
import { names, writePolicy, type TrustServicePlan } from '../../src/demo/trust-service.ts'
import type { LabAuthority } from '../../src/lab/authority.ts'
import type { LabDrone } from '../../src/lab/drone.ts'
import { shiftClock } from '../doctor/shifted-clock.ts'

/** One replica, running or not. */
export type Replica = {
  node: string
  drone: LabDrone
  client: MintClient
  isUp: () => boolean
  start: () => Promise<void>
  /** Ends it at once. */
  kill: () => Promise<void>
  /** Lets it finish what it is at. */
  stop: () => Promise<void>
}

/** What all replicas have in common. */
export type Installation = {
  authority: LabAuthority
  plan: TrustServicePlan
  /** Command that runs the service, without its arguments. */
  service: string
  databaseUrl: string
}

const app = { tenantId: crypto.randomUUID(), clientId: crypto.randomUUID() }
const connections = 32

/** Writes what replicas share: the policy, the database's address, and the keys of tokens and of keys. */
export function prepareShared({ plan, databaseUrl }: Installation): void {
  writePolicy(plan, app)
  const secret = (name: string, text: string) =>
    writeFileSync(join(plan.folder, name), text, { mode: 0o600 })
  secret('database.url', databaseUrl)
  secret('token.key', crypto.randomUUID() + crypto.randomUUID())
  secret('encryption.key', crypto.randomUUID() + crypto.randomUUID())
}

/** A replica that is not running yet. */
export async function planReplica(
  { authority, plan, service }: Installation,
  how: { node: string; folder: string; aheadSeconds: number },
): Promise<Replica> {
  const [ci = 0, steps = 0, publicPort = 0] = await findFreePorts(3)
  const folder = join(plan.folder, how.folder)
  mkdirSync(join(folder, 'state'), { recursive: true, mode: 0o700 })
  const configFile = join(folder, 'service.yaml')
  const { listen, admins: _, ...config } = parse(readFileSync(plan.configFile, 'utf8')) as Config
  const at = (listener: Listener, port: number) => ({ ...listener, address: `127.0.0.1:${port}` })
  writeFileSync(
    configFile,
    stringify({
      ...config,
      state_dir: join(folder, 'state'),
      node: how.node,
      database: { url: { file: join(plan.folder, 'database.url') }, max_connections: 6 },
      token_key: { file: join(plan.folder, 'token.key') },
      keys: {
        ...config.keys,
        store: 'database',
        encryption_key: { file: join(plan.folder, 'encryption.key') },
      },
      listen: {
        ci: at(listen.ci, ci),
        steps: at(listen.steps, steps),
        public: at(listen.public, publicPort),
      },
    }),
  )
  const command = [process.execPath, ...shiftClock(how.aheadSeconds), service]
  let program: Program | undefined
  const end = async (how2: 'kill' | 'stop') => {
    const running = program
    program = undefined
    await running?.[how2]()
  }
  return {
    node: how.node,
    drone: plan.droneWith({ ciUrl: `http://127.0.0.1:${ci}` }),
    client: createMintClient(authority, {
      serviceUrl: `https://127.0.0.1:${steps}`,
      audience: names.audience,
      connections,
    }),
    isUp: () => program !== undefined,
    start: async () => {
      program = await startProgram([...command, '--config', configFile], {
        readyWhen: /"msg":"ready"/,
      })
    },
    kill: () => end('kill'),
    stop: () => end('stop'),
  }
}

type Listener = { address: string; tls?: object }
type Config = {
  keys: object
  listen: { ci: Listener; steps: Listener; public: Listener }
  admins?: object
}
