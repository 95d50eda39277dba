// A whole installation on loopback, on embedded defaults: the lab's certificate authority, Entra and
// storage, our trust service as a process of its own with a configuration like any other, and a
// Drone that signs. Its application is registered by hand: the end-to-end tests break it in every way they
// can. What the demo shows is set up by `trust apply` (first-day.ts).
import { createAuthority, type LabAuthority } from '../lab/authority.ts'
import type { LabDrone, LabRepository } from '../lab/drone.ts'
import type { LabApp } from '../lab/entra-directory.ts'
import { startEntra, type LabEntra } from '../lab/entra.ts'
import { startStorage, type LabStorage } from '../lab/storage.ts'
import type { Program } from './program.ts'
import {
  names,
  planTrustService,
  startTrustService,
  type TrustServicePlan,
} from './trust-service.ts'

/** Everything that runs, and what is needed to use it. */
export type Running = TrustServicePlan & {
  authority: LabAuthority
  entra: LabEntra
  storage: LabStorage
  service: Program
  drone: LabDrone
  /** Settings of a plugin step of this installation, as they stand in .drone.yml. */
  settings: (token: string, more?: Record<string, string>) => Record<string, string>
  close: () => Promise<void>
}

/** An installation whose application was registered by hand, to be broken by hand. */
export type Installation = Running & { app: LabApp }

/** What an installation is made of; `service` is the command that runs the trust service. */
export type InstallationOptions = {
  folder: string
  service: readonly string[]
  now: () => Date
  accessTokenLifetimeSeconds?: number
}

/** Starts everything; whoever starts it closes it. */
export async function startInstallation(options: InstallationOptions): Promise<Installation> {
  const { folder, now } = options
  const authority = await createAuthority()
  const entra = await startEntra(
    { authority, now },
    options.accessTokenLifetimeSeconds === undefined
      ? {}
      : { accessTokenLifetimeSeconds: options.accessTokenLifetimeSeconds },
  )
  const storage = await startStorage({ authority, entra, now }, { accounts: [names.account] })
  await storage.createContainer(names.account, names.container)

  const plan = await planTrustService({ authority, now }, folder)
  const { repository } = plan
  const app = registerApp(entra, plan.issuer, repository)
  storage.assignRole({
    principalId: app.objectId,
    role: 'Storage Blob Data Contributor',
    account: names.account,
    container: names.container,
    pathPrefix: `${repository.slug}/`,
  })

  const service = await startTrustService(plan, options.service, app)
  return {
    ...plan,
    authority,
    entra,
    app,
    storage,
    service,
    drone: plan.droneWith({}),
    settings: stepSettings({ entra, storage }, plan.caFile),
    close: async () => {
      await service.stop()
      await storage.close()
      await entra.close()
    },
  }
}

/** Settings of a step that uses this lab instead of Azure. */
export function stepSettings(
  { entra, storage }: Pick<Running, 'entra' | 'storage'>,
  caFile: string,
): Running['settings'] {
  return (token, more = {}) => ({
    token,
    account: names.account,
    container: names.container,
    endpoint: storage.endpointOf(names.account),
    authority_host: entra.url,
    ca_file: caFile,
    ...more,
  })
}

function registerApp(entra: LabEntra, issuer: string, repository: LabRepository): LabApp {
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
