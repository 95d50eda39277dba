// What the doctor is tried on: a lab Azure, our trust service as a process, and a front before each of
// issuer, service and Entra; every case begins from the same healthy state.
import { randomUUID } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { type Finished, type Program, runProgram, startProgram } from '../../src/demo/program.ts'
import { names, planTrustService, type TrustServicePlan } from '../../src/demo/trust-service.ts'
import { createAuthority, type LabAuthority } from '../../src/lab/authority.ts'
import { type LabAzure, startAzure } from '../../src/lab/azure.ts'
import { type LabBuild, pushBuild, stepEnvironment } from '../../src/lab/drone.ts'
import type { LabApp } from '../../src/lab/entra-directory.ts'
import type { StorageRole } from '../../src/lab/storage-roles.ts'
import { type Front, startFront } from './front.ts'
import { policyFor } from './policy.ts'
import { shiftClock } from './shifted-clock.ts'

/** Everything that runs, and what cases turn. */
export type DoctorLab = {
  authority: LabAuthority
  /** One that neither Entra nor a step trusts by itself. */
  stranger: LabAuthority
  azure: LabAzure
  plan: TrustServicePlan
  fronts: Record<'issuer' | 'service' | 'entra', Front>
  /** Of the ID tokens. */
  issuer: string
  subject: string
  app: LabApp
  /** The same in a tenant that the account does not know. */
  foreignApp: LabApp
  /** Of the credential that fits. */
  credentialName: string
  newBuild: (changes?: Partial<LabBuild>) => Promise<LabBuild>
  /** The request token of a build for an entry. */
  tokenFor: (build: LabBuild, entry?: string) => Promise<string>
  /** Replaces the credential that fits by one that differs. */
  changeCredential: (changes: Partial<Record<'issuer' | 'subject' | 'audience', string>>) => void
  /** What `az ad app federated-credential list` would print, as a file. */
  credentialsFile: () => string
  /** Gives the identity another role in place of its own. */
  setRole: (role: StorageRole | undefined, where?: { container?: string; prefix?: string }) => void
  /** Lets the identity write to a share until the next case. */
  assignShare: (share: string) => void
  /** Starts the service again with a clock that is wrong. */
  shiftService: (aheadSeconds: number) => Promise<void>
  settings: () => Record<string, string>
  doctor: (ask: Ask) => Promise<Finished>
  reset: () => Promise<void>
  close: () => Promise<void>
}

/** One run of the command. */
export type Ask = {
  token: string
  settings?: Readonly<Record<string, string>>
  args?: readonly string[]
  env?: Readonly<Record<string, string>>
  clockAheadSeconds?: number
}

/** Starts everything in a folder; `programs` holds the bundles. */
export async function startDoctorLab(folder: string, programs: string): Promise<DoctorLab> {
  const authority = await createAuthority()
  const stranger = await createAuthority()
  const now = () => new Date()
  const { account, container, audience } = names
  const azure = await startAzure({ authority, now }, { accounts: [account] })
  for (const each of [container, 'other']) await azure.createContainer(account, each)
  azure.createShare(account, container)
  const plan = await planTrustService({ authority, now }, folder)
  const { repository } = plan
  const fronts = await openFronts(authority, plan, azure)
  const issuer = `${fronts.issuer.url}/${names.instance}`
  const subject = `repo:${repository.slug}@${repository.uid}:ref:refs/heads/main`
  const app = register(azure, azure.tenantId)
  const foreignApp = register(azure, randomUUID())
  const fitting = { name: 'octo-hello-main', issuer, subject, audience }
  foreignApp.addCredential(fitting)
  writeFileSync(join(folder, 'policy.yaml'), policyFor(repository, { app, foreignApp }))
  let shiftedBy = 0
  const start = () =>
    startProgram(
      [
        process.execPath,
        ...shiftClock(shiftedBy),
        join(programs, 'service.mjs'),
        '--config',
        plan.configFile,
      ],
      { readyWhen: /"msg":"ready"/ },
    )
  let service: Program = await start()
  let lastId = 700
  let roles: string[] = []
  let shareRoles: string[] = []
  const drone = () => plan.droneWith({ now: () => new Date(Date.now() + shiftedBy * 1000) })
  const settings = () => ({
    action: 'upload',
    source: '.',
    target: `${repository.slug}/7`,
    account,
    container,
    endpoint: azure.storage.endpointOf(account),
    authority_host: fronts.entra.url,
    ca_file: plan.caFile,
  })
  const setRole: DoctorLab['setRole'] = (role, where = {}) => {
    for (const id of roles) azure.storage.removeRole(id)
    roles = []
    if (role === undefined) return
    roles = [app, foreignApp].map(({ objectId }) =>
      azure.storage.assignRole({
        principalId: objectId,
        role,
        account,
        container: where.container ?? container,
        ...(where.prefix !== undefined && { pathPrefix: where.prefix }),
      }),
    )
  }
  const shiftService = async (aheadSeconds: number) => {
    if (aheadSeconds === shiftedBy) return
    await service.stop()
    shiftedBy = aheadSeconds
    service = await start()
  }
  const replaceCredential = (changes: Parameters<DoctorLab['changeCredential']>[0]) => {
    for (const name of app.credentials.map((each) => each.name)) app.removeCredential(name)
    app.addCredential({ ...fitting, ...changes })
  }
  return {
    authority,
    stranger,
    azure,
    plan,
    fronts,
    issuer,
    subject,
    app,
    foreignApp,
    credentialName: fitting.name,
    newBuild: async (changes = {}) => {
      lastId += 1
      const running = { id: lastId, number: lastId, status: 'running', version: 2 }
      const build = pushBuild(repository, { ...running, ...changes })
      await drone().sendWebhook(repository, build)
      return build
    },
    tokenFor: async (build, entry = names.entry) => {
      const { status, body } = await drone().requestSecret(repository, build, entry)
      if (status !== 200) throw new Error(`no token for ${entry}: ${status} ${body}`)
      return (JSON.parse(body) as { data: string }).data
    },
    changeCredential: replaceCredential,
    credentialsFile: () => {
      const file = join(folder, 'credentials.json')
      const rows = app.credentials.map(({ audience: one, ...rest }) => ({
        ...rest,
        audiences: [one],
      }))
      writeFileSync(file, JSON.stringify(rows))
      return file
    },
    setRole,
    assignShare: (share) => {
      const role = 'Storage File Data Privileged Contributor'
      const principalId = app.objectId
      shareRoles.push(azure.files.assignRole({ principalId, role, account, share }))
    },
    shiftService,
    settings,
    doctor: ({ token, settings: changed = {}, args = [], env = {}, clockAheadSeconds = 0 }) => {
      const variables = stepEnvironment(repository, pushBuild(repository), 'doctor', {
        ...settings(),
        ...changed,
        token,
      })
      const given = Object.entries({ ...variables, ...env }).filter(([, value]) => value !== '')
      const command = [
        process.execPath,
        ...shiftClock(clockAheadSeconds),
        join(programs, 'cli.mjs'),
        'doctor',
        '--json',
        ...args,
      ]
      return runProgram(command, { cwd: folder, env: Object.fromEntries(given) })
    },
    reset: async () => {
      await shiftService(0)
      for (const front of Object.values(fronts)) {
        front.meddle(undefined)
        await front.setDown(false)
        await front.showCertificateOf(authority)
      }
      replaceCredential({})
      app.enabled = true
      app.principalSince = new Date(0)
      setRole('Storage Blob Data Contributor', { prefix: `${repository.slug}/` })
      for (const id of shareRoles) azure.files.removeRole(id)
      shareRoles = []
      azure.denyNetwork(false)
      azure.entra.forgetIssuers()
    },
    close: async () => {
      await service.stop()
      for (const front of Object.values(fronts)) await front.close()
      await azure.close()
    },
  }
}

async function openFronts(
  authority: LabAuthority,
  plan: TrustServicePlan,
  azure: LabAzure,
): Promise<DoctorLab['fronts']> {
  const publicUrl = new URL(plan.issuer).origin
  const fronts = {
    issuer: await startFront(authority, publicUrl),
    service: await startFront(authority, plan.serviceUrl),
    entra: await startFront(authority, azure.entra.url),
  }
  const text = readFileSync(plan.configFile, 'utf8')
    .replace(`issuer_url: ${publicUrl}`, `issuer_url: ${fronts.issuer.url}`)
    .replace(`service_url: ${plan.serviceUrl}`, `service_url: ${fronts.service.url}`)
  writeFileSync(plan.configFile, text)
  return fronts
}

function register({ entra }: LabAzure, tenantId: string): LabApp {
  return entra.registerApp({
    tenantId,
    clientId: randomUUID(),
    objectId: randomUUID(),
    displayName: names.identity,
  })
}
