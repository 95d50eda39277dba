// A whole installation on loopback, on embedded defaults: the lab's certificate authority, Entra and
// storage, our trust service as a process of its own with a configuration like any other, and a
// Drone that signs. The demo tells its story; the end-to-end tests break it in every way they can.
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

/** Everything that runs, and what is needed to use or break it. */
export type Installation = TrustServicePlan & {
  authority: LabAuthority
  entra: LabEntra
  app: LabApp
  storage: LabStorage
  /** Id of the role assignment that lets the identity write. */
  roleId: string
  service: Program
  drone: LabDrone
  /** Settings of a plugin step of this installation, as they stand in .drone.yml. */
  settings: (token: string, more?: Record<string, string>) => Record<string, string>
  close: () => Promise<void>
}

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
  const roleId = storage.assignRole({
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
    roleId,
    service,
    drone: plan.droneWith({}),
    settings: (token, more = {}) => ({
      token,
      account: names.account,
      container: names.container,
      endpoint: storage.endpointOf(names.account),
      authority_host: entra.url,
      ca_file: plan.caFile,
      ...more,
    }),
    close: async () => {
      await service.stop()
      await storage.close()
      await entra.close()
    },
  }
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
