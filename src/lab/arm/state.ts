// What the lab's ARM keeps: one subscription with its resources, and the settings tests change.
import type { Clock } from '../../core/time.ts'
import { type ControlAnswer, type ControlCall, ControlRefusal } from '../control/server.ts'
import type { LabCaller } from '../entra-bearer.ts'
import type { LabEntra } from '../entra.ts'
import type { DataPlane } from './effects.ts'
import type { ArmPath } from './path.ts'
import type { RoleDefinition } from './role-definitions.ts'

/** A JSON object on the wire. */
export type ArmObject = Record<string, unknown>

/** A storage account; its properties are what ARM shows of it, and tests change them in place. */
export type ArmAccount = {
  name: string
  resourceGroup: string
  location: string
  properties: {
    allowSharedKeyAccess: boolean
    publicNetworkAccess: 'Enabled' | 'Disabled' | 'SecuredByPerimeter'
    networkAcls: { defaultAction: 'Allow' | 'Deny'; bypass: string; ipRules: { value: string }[] }
    isHnsEnabled: boolean
  }
  containers: string[]
  shares: string[]
}

/** A role assignment as it is kept; the scope is a resource id. */
export type ArmAssignment = {
  guid: string
  scope: string
  roleGuid: string
  principalId: string
  principalType: string
  description?: string | undefined
  condition?: string | undefined
  conditionVersion?: string | undefined
  createdAt: Date
  updatedAt: Date
  createdBy: string
}

/** A management lock. */
export type ArmLock = { name: string; scope: string; level: 'ReadOnly' | 'CanNotDelete' }

/** A diagnostic setting: which log categories of a resource go to a workspace. */
export type ArmDiagnostics = { name: string; resourceId: string; categories: readonly string[] }

/** A user-assigned managed identity; the directory has its credentials, under the client id. */
export type ArmIdentity = {
  name: string
  resourceGroup: string
  location: string
  tags: ArmObject
  clientId: string
  principalId: string
}

/** How slow, how strict and how busy the lab's ARM is; tests change it in place. */
export type ArmSettings = {
  /** From the write of a role assignment until storage goes by it, and the same for its deletion. */
  roleDelaySeconds: number
  /** From the write of a managed identity's credential until each exchange goes by it. */
  credentialDelaySeconds: number
  isCredentialDelayIntermittent: boolean
  /** From the creation of an identity until its principal is known. */
  principalDelaySeconds: number
  /** How long a credential's write takes in real time; another one meanwhile is a conflict. */
  credentialWriteMs: number
  /** Least time between two credential writes of one identity by the lab's clock; sooner is a 429. */
  credentialWriteIntervalSeconds: number
  pageSize: number
}

/** Everything the handlers share. */
export type ArmState = {
  now: Clock
  entra: LabEntra
  dataPlane: DataPlane
  settings: ArmSettings
  subscription: { id: string; displayName: string }
  resourceGroups: { name: string; location: string }[]
  accounts: ArmAccount[]
  identities: ArmIdentity[]
  definitions: RoleDefinition[]
  assignments: ArmAssignment[]
  locks: ArmLock[]
  diagnostics: ArmDiagnostics[]
}

/** A call with its path taken apart and its caller proven. */
export type ArmCall = ControlCall & { target: ArmPath; state: ArmState; caller: LabCaller }

/** Answers one kind of call; `action` is what the caller needs at the scope to be answered at all. */
export type ArmRoute = {
  action: string
  answer: (call: ArmCall) => ControlAnswer | Promise<ControlAnswer>
}

/** `/subscriptions/{id}` of the lab's subscription. */
export function subscriptionScope({ subscription }: ArmState): string {
  return `/subscriptions/${subscription.id}`
}

/** The id of a resource in one of the lab's groups. */
export function resourceId(state: ArmState, resourceGroup: string, rest: string): string {
  return `${subscriptionScope(state)}/resourceGroups/${resourceGroup}/providers/${rest}`
}

/** The name at this place of the path. */
export function nameAt({ target }: ArmCall, index: number): string {
  return target.names[index] ?? ''
}

/** The `properties` of a request's body; 400 without one. */
export function readProperties(call: ArmCall): ArmObject {
  const { body } = call
  const properties = isRecord(body) ? body['properties'] : undefined
  if (isRecord(properties)) return properties
  throw new ControlRefusal(
    400,
    'InvalidRequestContent',
    'The request content was invalid and could not be deserialized.',
  )
}

/** 404 for a resource that is not there. */
export function refuseMissingResource(id: string, resourceGroup: string): ControlRefusal {
  const what = id.split('/providers/').at(-1) ?? id
  return new ControlRefusal(
    404,
    'ResourceNotFound',
    `The Resource '${what}' under resource group '${resourceGroup}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix`,
  )
}

function isRecord(value: unknown): value is ArmObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
