// What there is in Azure, as plain values: what Graph and ARM are read into, and what plans are compared
// with. Also a file form, so that a person with read rights can hand it to one with none.
import * as z from 'zod'

import { Fault } from '../core/fault.ts'

const application = z.object({
  objectId: z.string(),
  appId: z.string(),
  displayName: z.string(),
  uniqueName: z.string().optional(),
})

const managedIdentity = z.object({
  resourceId: z.string(),
  clientId: z.string(),
  principalId: z.string(),
})

const servicePrincipal = z.object({
  objectId: z.string(),
  appId: z.string(),
  isEnabled: z.boolean(),
})

const credential = z.object({
  /** Client id of the application or managed identity that has it. */
  clientId: z.string(),
  id: z.string(),
  name: z.string(),
  issuer: z.string(),
  /** Null of a flexible credential, which matches an expression instead. */
  subject: z.string().nullable(),
  audiences: z.array(z.string()),
  description: z.string().optional(),
})

const roleAssignment = z.object({
  guid: z.string(),
  scope: z.string(),
  principalId: z.string(),
  roleGuid: z.string(),
  condition: z.string().optional(),
  description: z.string().optional(),
  /** When it was made, ISO 8601. */
  createdAt: z.string().optional(),
})

const roleDefinition = z.object({
  guid: z.string(),
  name: z.string(),
  isBuiltIn: z.boolean(),
  description: z.string().optional(),
  actions: z.array(z.string()),
  dataActions: z.array(z.string()),
  assignableScopes: z.array(z.string()),
})

const account = z.object({ name: z.string(), subscription: z.string(), resourceGroup: z.string() })

const actualState = z.object({
  tenantId: z.string(),
  applications: z.array(application),
  managedIdentities: z.array(managedIdentity),
  servicePrincipals: z.array(servicePrincipal),
  credentials: z.array(credential),
  roleAssignments: z.array(roleAssignment),
  roleDefinitions: z.array(roleDefinition),
  accounts: z.array(account),
})

/** One tenant as far as trust goes: everything of the identities of the policy, and of what we made. */
export type ActualState = z.output<typeof actualState>

/** An application registration. */
export type ActualApplication = ActualState['applications'][number]

/** A user-assigned managed identity. */
export type ActualManagedIdentity = ActualState['managedIdentities'][number]

/** A federated credential of an application or managed identity. */
export type ActualCredential = ActualState['credentials'][number]

/** A role assignment at any scope. */
export type ActualAssignment = ActualState['roleAssignments'][number]

/** A role, with its GUID alone for an id. */
export type ActualRoleDefinition = ActualState['roleDefinitions'][number]

/** A tenant in which nothing is. */
export function emptyTenant(tenantId: string): ActualState {
  return {
    tenantId,
    applications: [],
    managedIdentities: [],
    servicePrincipals: [],
    credentials: [],
    roleAssignments: [],
    roleDefinitions: [],
    accounts: [],
  }
}

/** Reads the file form (JSON); throws config_invalid. */
export function parseActual(text: string): ActualState {
  try {
    return actualState.parse(JSON.parse(text))
  } catch (cause) {
    const why = cause instanceof z.ZodError ? z.prettifyError(cause) : String(cause)
    throw new Fault('config_invalid', `The state of Azure cannot be read: ${why}`, { cause })
  }
}
