// The lab's directory: tenants, applications and their federated credentials, with the limits
// Entra puts on them (facts/federation.md §1.1).
const maxCredentials = 20
const maxTextChars = 600

/** A federated identity credential: whoever holds a token with exactly these claims is the app. */
export type LabCredential = { name: string; issuer: string; subject: string; audience: string }

/** What an application is registered with; ids are GUIDs. */
export type LabAppSettings = {
  tenantId: string
  clientId: string
  objectId: string
  displayName?: string
}

/** A registered application; changes count from the next exchange on. */
export type LabApp = Readonly<Required<LabAppSettings>> & {
  enabled: boolean
  readonly credentials: readonly LabCredential[]
  addCredential: (credential: LabCredential) => void
  removeCredential: (name: string) => void
}

/** The tenants and applications one lab Entra knows. */
export type LabDirectory = {
  registerApp: (settings: LabAppSettings) => LabApp
  hasTenant: (tenantId: string) => boolean
  findApp: (tenantId: string, clientId: string) => LabApp | undefined
}

/** Makes a directory with one tenant; registering an app in another tenant creates that one. */
export function createDirectory(homeTenantId: string): LabDirectory {
  const apps: LabApp[] = []
  const tenants = new Set([homeTenantId.toLowerCase()])
  const findApp = (tenantId: string, clientId: string): LabApp | undefined =>
    apps.find((app) => isSameId(app.tenantId, tenantId) && isSameId(app.clientId, clientId))
  return {
    registerApp(settings) {
      if (findApp(settings.tenantId, settings.clientId)) {
        throw new RangeError(`application ${settings.clientId} is registered already`)
      }
      const app = createApp(settings)
      tenants.add(settings.tenantId.toLowerCase())
      apps.push(app)
      return app
    },
    hasTenant: (tenantId) => tenants.has(tenantId.toLowerCase()),
    findApp,
  }
}

function createApp(settings: LabAppSettings): LabApp {
  const credentials: LabCredential[] = []
  return {
    ...settings,
    displayName: settings.displayName ?? settings.clientId,
    enabled: true,
    credentials,
    addCredential(credential) {
      checkCredential(credentials, credential)
      credentials.push({ ...credential })
    },
    removeCredential(name) {
      const index = credentials.findIndex((each) => each.name === name)
      if (index < 0) throw new RangeError(`no federated credential is named '${name}'`)
      credentials.splice(index, 1)
    },
  }
}

function checkCredential(present: readonly LabCredential[], added: LabCredential): void {
  const { name, issuer, subject, audience } = added
  if (present.length >= maxCredentials) {
    throw new RangeError(`an application has at most ${maxCredentials} federated credentials`)
  }
  if (!/^[A-Za-z0-9][A-Za-z0-9_-]{2,119}$/.test(name)) {
    throw new RangeError(
      `'${name}' is no name for a federated credential (3-120 of A-Z a-z 0-9 _ -)`,
    )
  }
  for (const [field, text] of Object.entries({ issuer, subject, audience })) {
    if (text === '' || text.length > maxTextChars) {
      throw new RangeError(
        `the ${field} of a federated credential has 1-${maxTextChars} characters`,
      )
    }
  }
  if (present.some((each) => each.name === name)) {
    throw new RangeError(`a federated credential is named '${name}' already`)
  }
  if (present.some((each) => each.issuer === issuer && each.subject === subject)) {
    throw new RangeError(
      `a federated credential has issuer '${issuer}' and subject '${subject}' already`,
    )
  }
}

function isSameId(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase()
}
