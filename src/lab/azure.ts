// A whole lab Azure: Entra, Graph, ARM and both storage services with one tenant, one subscription,
// one resource group and an administrator; what is set up through Graph and ARM counts everywhere.
import { randomUUID } from 'node:crypto'

import type { Clock } from '../core/time.ts'
import { type LabArm, startArm } from './arm/arm.ts'
import type { DataPlane } from './arm/effects.ts'
import type { ArmAccount } from './arm/state.ts'
import type { LabAuthority } from './authority.ts'
import type { LabApp } from './entra-directory.ts'
import { armAudience, graphAudience } from './entra-tokens.ts'
import { type LabEntra, startEntra } from './entra.ts'
import { type LabFiles, startFilesServer } from './files/files-server.ts'
import { type LabGraph, startGraph } from './graph/graph.ts'
import { type LabStorage, startStorage } from './storage.ts'

const location = 'westeurope'
const secretLifetimeMs = 365 * 24 * 60 * 60 * 1000

/** What a lab Azure can be told; the defaults make one account that a review finds nothing wrong with. */
export type LabAzureOptions = {
  accounts?: readonly string[]
  resourceGroup?: string
  tenantId?: string
  accessTokenLifetimeSeconds?: number
}

/** A principal that signs in by itself, with a client secret or, in tests, without asking. */
export type LabAdministrator = {
  app: LabApp
  clientSecret: string
  /** A token for Graph, as `az account get-access-token` gives it. */
  graphToken: () => Promise<string>
  /** The same for ARM. */
  armToken: () => Promise<string>
}

/** Everything that runs, where it is, and what tests turn. */
export type LabAzure = {
  authority: LabAuthority
  entra: LabEntra
  graph: LabGraph
  arm: LabArm
  storage: LabStorage
  files: LabFiles
  tenantId: string
  subscriptionId: string
  resourceGroup: string
  location: string
  accounts: readonly string[]
  /** Owner of the subscription, with every permission of Graph that the project needs. */
  administrator: LabAdministrator
  /** Makes another principal with these permissions of Graph, and roles on the subscription. */
  addAdministrator: (rights: LabRights) => LabAdministrator
  /** Resource ids. */
  scopes: {
    subscription: string
    resourceGroup: string
    account: (account: string) => string
    container: (account: string, container: string) => string
    /** As role assignments name shares, `fileshares`. */
    share: (account: string, share: string) => string
  }
  /** Creates a container in storage, and shows it in ARM. */
  createContainer: (account: string, container: string) => Promise<void>
  /** Creates a share, and shows it in ARM. */
  createShare: (account: string, share: string) => void
  /** Shuts the firewall of all accounts, in storage and in what ARM shows. */
  denyNetwork: (isDenied: boolean) => void
  /** Sets every delay of Graph and ARM at once. */
  setPropagation: (propagation: { seconds: number; isIntermittent?: boolean }) => void
  close: () => Promise<void>
}

/** What an administrator may do: permissions of Graph, and names of roles on the subscription. */
export type LabRights = {
  displayName?: string
  graphPermissions?: readonly string[]
  roles?: readonly string[]
}

/** Starts everything; close it when done. */
export async function startAzure(
  { authority, now }: { authority: LabAuthority; now: Clock },
  options: LabAzureOptions = {},
): Promise<LabAzure> {
  const { accounts = ['labaccount'], resourceGroup = 'lab', ...entraOptions } = options
  const entra = await startEntra({ authority, now }, entraOptions)
  const subscriptionId = randomUUID()
  const dataPlane: DataPlane = {}
  const arm = await startArm(
    { authority, entra, now },
    {
      dataPlane,
      subscription: { id: subscriptionId, displayName: 'Lab' },
      resourceGroups: [{ name: resourceGroup, location }],
      accounts: accounts.map((name) => openAccount(name, resourceGroup)),
    },
  )
  const graph = await startGraph({ authority, entra, now })
  // Storage asks for the time once for each call, first of all: the moment to let due roles count.
  const settledNow: Clock = () => {
    arm.settle()
    return now()
  }
  const storage = await startStorage({ authority, entra, now: settledNow }, { accounts })
  const files = await startFilesServer({ authority, entra, now: settledNow }, { accounts })
  Object.assign(dataPlane, { blobs: storage, files })

  const scopes = nameScopes(subscriptionId, resourceGroup)
  addDiagnostics(arm, accounts.map(scopes.account))
  const addAdministrator = (rights: LabRights): LabAdministrator =>
    createAdministrator({ entra, arm, now }, scopes.subscription, rights)
  const findAccount = (name: string): ArmAccount => {
    const found = arm.state.accounts.find((account) => account.name === name)
    if (found) return found
    throw new RangeError(`there is no account ${name}`)
  }
  return {
    authority,
    entra,
    graph,
    arm,
    storage,
    files,
    tenantId: entra.tenantId,
    subscriptionId,
    resourceGroup,
    location,
    accounts,
    administrator: addAdministrator({
      displayName: 'Lab administrator',
      graphPermissions: ['Application.ReadWrite.All', 'AuditLog.Read.All', 'Organization.Read.All'],
      roles: ['Owner'],
    }),
    addAdministrator,
    scopes,
    async createContainer(account, container) {
      await storage.createContainer(account, container)
      findAccount(account).containers.push(container)
    },
    createShare(account, share) {
      files.createShare(account, share)
      findAccount(account).shares.push(share)
    },
    denyNetwork(isDenied) {
      storage.denyNetwork(isDenied)
      files.denyNetwork(isDenied)
      for (const { properties } of arm.state.accounts) {
        properties.publicNetworkAccess = isDenied ? 'Disabled' : 'Enabled'
      }
    },
    setPropagation: (propagation) => setPropagation(graph, arm, propagation),
    async close() {
      await Promise.all([graph.close(), arm.close(), files.close(), storage.close()])
      await entra.close()
    },
  }
}

function openAccount(name: string, resourceGroup: string): ArmAccount {
  return {
    name,
    resourceGroup,
    location,
    properties: {
      allowSharedKeyAccess: false,
      publicNetworkAccess: 'Enabled',
      networkAcls: {
        defaultAction: 'Deny',
        bypass: 'AzureServices',
        ipRules: [{ value: '127.0.0.1' }],
      },
      isHnsEnabled: false,
    },
    containers: [],
    shares: [],
  }
}

function nameScopes(subscriptionId: string, group: string): LabAzure['scopes'] {
  const subscription = `/subscriptions/${subscriptionId}`
  const resourceGroup = `${subscription}/resourceGroups/${group}`
  const account = (name: string): string =>
    `${resourceGroup}/providers/Microsoft.Storage/storageAccounts/${name}`
  return {
    subscription,
    resourceGroup,
    account,
    container: (name, container) => `${account(name)}/blobServices/default/containers/${container}`,
    share: (name, share) => `${account(name)}/fileServices/default/fileshares/${share}`,
  }
}

function addDiagnostics(arm: LabArm, accountIds: readonly string[]): void {
  const categories = ['StorageRead', 'StorageWrite', 'StorageDelete']
  for (const id of accountIds) {
    for (const service of ['blobServices', 'fileServices']) {
      arm.addDiagnostics({ name: 'audit', resourceId: `${id}/${service}/default`, categories })
    }
  }
}

function createAdministrator(
  { entra, arm, now }: { entra: LabEntra; arm: LabArm; now: Clock },
  scope: string,
  { displayName = 'Another administrator', graphPermissions = [], roles = [] }: LabRights,
): LabAdministrator {
  const ids = { tenantId: entra.tenantId, clientId: randomUUID(), objectId: randomUUID() }
  const app = entra.registerApp({ ...ids, displayName }, { graphPermissions })
  const clientSecret = randomUUID()
  const startsAt = now()
  const endsAt = new Date(startsAt.getTime() + secretLifetimeMs)
  const names = { keyId: randomUUID(), kind: 'password', displayName: 'lab' } as const
  app.secrets.push({ ...names, value: clientSecret, startsAt, endsAt })
  for (const roleName of roles) {
    arm.seedAssignment({ principalId: app.objectId, roleName, scope })
  }
  return {
    app,
    clientSecret,
    graphToken: () => entra.mintToken(app, graphAudience),
    armToken: () => entra.mintToken(app, armAudience),
  }
}

function setPropagation(
  graph: LabGraph,
  arm: LabArm,
  { seconds, isIntermittent = false }: { seconds: number; isIntermittent?: boolean },
): void {
  const shared = {
    credentialDelaySeconds: seconds,
    isCredentialDelayIntermittent: isIntermittent,
    principalDelaySeconds: seconds,
  }
  Object.assign(graph.settings, shared)
  Object.assign(arm.settings, { ...shared, roleDelaySeconds: seconds })
}
