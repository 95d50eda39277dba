// The lab's directory: tenants, people, applications, managed identities and their federated
// credentials. Applications and service principals are two objects, as in Entra.
import { randomUUID } from 'node:crypto'

import {
  createCredentialList,
  type LabCredential,
  type Propagation,
  type StoredCredential,
} from './entra-credentials.ts'

/** What an application is registered with; ids are GUIDs. */
export type LabAppSettings = {
  tenantId: string
  clientId: string
  /** Of the service principal, which tokens carry and roles are assigned to. */
  objectId: string
  displayName?: string
}

/** Beyond the settings: what Graph and ARM tell apart, and the tests of these. */
export type LabAppDetails = {
  kind?: 'application' | 'managed identity'
  createdAt?: Date
  /** Since when the service principal is there for everybody; `none` before it is created. */
  principalSince?: Date | 'none'
  /** Permissions of Microsoft Graph that were consented to, such as `Application.ReadWrite.All`. */
  graphPermissions?: readonly string[]
}

/** A client secret, or a certificate, which the lab lists and never takes for proof. */
export type LabSecret = {
  keyId: string
  kind: 'password' | 'certificate'
  displayName: string
  value: string
  startsAt: Date
  endsAt: Date
}

/** A person of the tenant. */
export type LabUser = { id: string; displayName: string; userPrincipalName: string }

/** A registered application or a managed identity; changes count from the next exchange on. */
export type LabApp = Readonly<Required<LabAppSettings>> &
  Readonly<Required<LabAppDetails>> & {
    displayName: string
    /** Of the application object, which Graph addresses. */
    readonly applicationId: string
    enabled: boolean
    principalSince: Date | 'none'
    graphPermissions: readonly string[]
    /** Further properties that Graph keeps, such as `notes` and `tags`. */
    properties: Record<string, unknown>
    readonly secrets: LabSecret[]
    /** Object ids of people and service principals. */
    readonly owners: string[]
    readonly credentials: readonly StoredCredential[]
    addCredential: (credential: LabCredential, propagation?: Propagation) => StoredCredential
    replaceCredential: (name: string, credential: LabCredential, propagation?: Propagation) => void
    removeCredential: (name: string, propagation?: Propagation) => void
    /** The credentials one exchange at this time goes by. */
    seeCredentials: (time: Date) => readonly StoredCredential[]
  }

/** The tenants and identities one lab Entra knows. */
export type LabDirectory = {
  registerApp: (settings: LabAppSettings, details?: LabAppDetails) => LabApp
  /** Deletes the application and its service principal; assignments to it stay, as orphans. */
  removeApp: (clientId: string) => void
  addUser: (user: Omit<LabUser, 'id'>) => LabUser
  readonly apps: readonly LabApp[]
  readonly users: readonly LabUser[]
  hasTenant: (tenantId: string) => boolean
  findApp: (tenantId: string, clientId: string) => LabApp | undefined
  /** Whether a role can be assigned to this object id: a person, or a principal that is there by now. */
  knowsPrincipal: (objectId: string, time: Date) => boolean
}

/** Makes a directory with one tenant; registering an app in another tenant creates that one. */
export function createDirectory(homeTenantId: string): LabDirectory {
  const apps: LabApp[] = []
  const users: LabUser[] = []
  const tenants = new Set([homeTenantId.toLowerCase()])
  const findApp = (tenantId: string, clientId: string): LabApp | undefined =>
    apps.find((app) => isSameId(app.tenantId, tenantId) && isSameId(app.clientId, clientId))
  return {
    apps,
    users,
    registerApp(settings, details = {}) {
      if (findApp(settings.tenantId, settings.clientId)) {
        throw new RangeError(`application ${settings.clientId} is registered already`)
      }
      const app = createApp(settings, details)
      tenants.add(settings.tenantId.toLowerCase())
      apps.push(app)
      return app
    },
    removeApp(clientId) {
      const index = apps.findIndex((app) => isSameId(app.clientId, clientId))
      if (index < 0) throw new RangeError(`there is no application ${clientId}`)
      apps.splice(index, 1)
    },
    addUser(user) {
      const added = { ...user, id: randomUUID() }
      users.push(added)
      return added
    },
    hasTenant: (tenantId) => tenants.has(tenantId.toLowerCase()),
    findApp,
    knowsPrincipal(objectId, time) {
      if (users.some(({ id }) => isSameId(id, objectId))) return true
      const app = apps.find((each) => isSameId(each.objectId, objectId))
      return app !== undefined && hasPrincipal(app, time)
    },
  }
}

/** Whether the service principal is there by this time, for everybody. */
export function hasPrincipal({ principalSince }: LabApp, time: Date): boolean {
  return principalSince !== 'none' && principalSince <= time
}

/** Whether two GUIDs are the same; their letters may be of either case. */
export function isSameId(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase()
}

function createApp(settings: LabAppSettings, details: LabAppDetails): LabApp {
  const credentials = createCredentialList()
  const beginning = new Date(0)
  return {
    ...settings,
    displayName: settings.displayName ?? settings.clientId,
    kind: details.kind ?? 'application',
    createdAt: details.createdAt ?? beginning,
    principalSince: details.principalSince ?? beginning,
    graphPermissions: details.graphPermissions ?? [],
    applicationId: randomUUID(),
    enabled: true,
    properties: {},
    secrets: [],
    owners: [],
    credentials: credentials.all,
    addCredential: (credential, propagation) => credentials.add(credential, propagation),
    replaceCredential: (name, credential, propagation) =>
      credentials.replace(name, credential, propagation),
    removeCredential: (name, propagation) => credentials.remove(name, propagation),
    seeCredentials: (time) => credentials.see(time),
  }
}
