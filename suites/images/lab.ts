// An installation whose trust service runs from its image: lab servers on loopback are reached from
// containers over the bridge's gateway, under the ports they have.
import { chmodSync, globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { stepSettings } from '../../src/demo/installation.ts'
import {
  names,
  planTrustService,
  writePolicy,
  type TrustServicePlan,
} from '../../src/demo/trust-service.ts'
import { createAuthority, type LabAuthority } from '../../src/lab/authority.ts'
import type { LabDrone } from '../../src/lab/drone.ts'
import { startEntra, type LabEntra } from '../../src/lab/entra.ts'
import { startStorage } from '../../src/lab/storage.ts'
import type { Docker } from './daemon.ts'

/** A running installation. */
export type ImagesLab = TrustServicePlan & {
  authority: LabAuthority
  drone: LabDrone
  /** The service's container. */
  container: string
  settings: (token: string, more?: Record<string, string>) => Record<string, string>
  /** Waits until Docker calls the service healthy; seconds. */
  waitUntilHealthy: () => Promise<number>
  close: () => Promise<void>
}

const configFolder = '/etc/azure-storage-drone'
const stateFolder = '/var/lib/azure-storage-drone'
const healthySeconds = 60

/** Starts everything; `image` is the service's. */
export async function startImagesLab(
  docker: Docker,
  folder: string,
  image: string,
): Promise<ImagesLab> {
  const now = () => new Date()
  const { caPem, issue } = await createAuthority()
  const authority = {
    caPem,
    issue: (hosts: readonly string[]) => issue([...hosts, docker.gateway]),
  }
  const entra = await startEntra({ authority, now }, {})
  const storage = await startStorage({ authority, entra, now }, { accounts: [names.account] })
  await storage.createContainer(names.account, names.container)
  const plan = await planTrustService({ authority, now }, folder)
  const app = registerApp(entra, plan)
  storage.assignRole({
    principalId: app.objectId,
    role: 'Storage Blob Data Contributor',
    account: names.account,
    container: names.container,
    pathPrefix: `${plan.repository.slug}/`,
  })
  writePolicy(plan, app)
  const ports = moveIntoContainer(docker, plan)
  const inward = [entra.url, storage.endpointOf(names.account)].map((url) =>
    Number(new URL(url).port),
  )
  const forwarders = await Promise.all(inward.map((port) => forward(docker.gateway, port)))
  const volume = `${docker.network}-state`
  const container = await startService(docker, { image, volume, folder, ports })
  const outside = (text: string) => text.replaceAll('localhost', docker.gateway)
  const settings = stepSettings({ entra, storage }, '')
  mkdirSync(join(folder, 'ca'))
  writeFileSync(join(folder, 'ca/ca.pem'), caPem)
  return {
    ...plan,
    authority,
    drone: plan.droneWith({}),
    container,
    settings: (token, more) => {
      const all = Object.entries(settings(token, more))
      return Object.fromEntries(all.map(([name, value]) => [name, outside(value)]))
    },
    waitUntilHealthy: () => waitUntilHealthy(docker, container),
    close: async () => {
      await docker.run('rm', '--force', '--volumes', container)
      await docker.run('volume', 'rm', volume)
      for (const forwarder of forwarders) forwarder.close()
      await storage.close()
      await entra.close()
    },
  }
}

function registerApp(entra: LabEntra, { issuer, repository }: TrustServicePlan) {
  const app = entra.registerApp({
    tenantId: entra.tenantId,
    clientId: crypto.randomUUID(),
    objectId: crypto.randomUUID(),
    displayName: names.identity,
  })
  app.addCredential({
    name: 'octo-hello-main',
    issuer,
    subject: `repo:${repository.slug}@${repository.uid}:ref:refs/heads/main`,
    audience: names.audience,
  })
  return app
}

// The same configuration as it stands in the container; gives the ports to publish.
function moveIntoContainer(
  docker: Docker,
  { folder, configFile, stateFolder: state, serviceUrl }: TrustServicePlan,
) {
  const text = readFileSync(configFile, 'utf8')
  const moved = text
    .replaceAll(state, stateFolder)
    .replaceAll(folder, configFolder)
    .replaceAll('address: 127.0.0.1:', 'address: 0.0.0.0:')
    .replace(
      `service_url: ${serviceUrl}`,
      `service_url: ${serviceUrl.replace('localhost', docker.gateway)}`,
    )
  writeFileSync(configFile, moved)
  // Its user in the container is none of this machine's.
  chmodSync(folder, 0o755)
  for (const path of globSync(join(folder, '*.*'))) chmodSync(path, 0o644)
  return [...moved.matchAll(/address: 0\.0\.0\.0:(\d+)/g)].map(([, port]) => Number(port))
}

function startService(
  docker: Docker,
  {
    image,
    volume,
    folder,
    ports,
  }: { image: string; volume: string; folder: string; ports: readonly number[] },
): Promise<string> {
  const addresses = ['127.0.0.1', docker.gateway]
  const published = ports.flatMap((port) =>
    addresses.map((address) => `--publish=${address}:${port}:${port}`),
  )
  const hardened = ['--read-only', '--cap-drop=ALL', '--security-opt=no-new-privileges']
  const mounts = [`--volume=${folder}:${configFolder}:ro`, `--volume=${volume}:${stateFolder}`]
  const options = [`--network=${docker.network}`, '--health-interval=1s', ...hardened, ...mounts]
  return docker.must('run', '--detach', ...options, ...published, image)
}

async function waitUntilHealthy(docker: Docker, container: string): Promise<number> {
  const startedAt = performance.now()
  while (performance.now() - startedAt < healthySeconds * 1000) {
    const state = await docker.must('inspect', '--format', '{{.State.Health.Status}}', container)
    if (state === 'healthy') return (performance.now() - startedAt) / 1000
    await sleep(200)
  }
  const { output } = await docker.run('logs', container)
  throw new Error(`the service is not healthy after ${healthySeconds} seconds:\n${output}`)
}

function forward(host: string, port: number): Promise<Server> {
  const server = createServer((outer) => {
    const inner = connect(port, '127.0.0.1')
    outer.on('error', () => inner.destroy())
    inner.on('error', () => outer.destroy())
    outer.pipe(inner).pipe(outer)
  })
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => resolve(server))
  })
}
