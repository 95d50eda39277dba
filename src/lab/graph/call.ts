// What every handler of the lab's Graph gets, and the words it refuses with (Microsoft Graph error
// responses and resource types; codes of the directory service).
import type { Clock } from '../../core/time.ts'
import { type ControlAnswer, type ControlCall, ControlRefusal } from '../control/server.ts'
import type { LabCaller } from '../entra-bearer.ts'
import type { LabApp } from '../entra-directory.ts'
import type { LabEntra } from '../entra.ts'
import type { GraphKey, GraphPath } from './path.ts'

/** How slow and how patient the lab's Graph is; tests change it in place. */
export type GraphSettings = {
  /** From the write of a credential until each exchange goes by it. */
  credentialDelaySeconds: number
  /** Meanwhile every second exchange goes by it, as with caches per node. */
  isCredentialDelayIntermittent: boolean
  /** From the creation of a service principal until Entra and ARM know it. */
  principalDelaySeconds: number
  pageSize: number
  /** `organization.displayName`. */
  organizationName: string
  /** Whether the tenant has the licence that the sign-in log needs (P1). */
  hasSignInLog: boolean
}

/** What the handlers share. */
export type GraphState = { now: Clock; entra: LabEntra; settings: GraphSettings }

/** A call with its path taken apart and its caller proven. */
export type GraphCall = ControlCall & GraphPath & { state: GraphState; caller: LabCaller }

/** Answers one route. */
export type GraphHandler = (call: GraphCall) => ControlAnswer

/** `@odata.context` of an answer. */
export function contextOf({ origin, version }: GraphCall, what: string): string {
  return `${origin}/${version}/$metadata#${what}`
}

/** The key at this place of the route. */
export function keyAt({ keys }: GraphCall, index: number): GraphKey {
  const key = keys[index]
  if (key) return key
  throw new ControlRefusal(400, 'BadRequest', 'The request URI is not valid.')
}

/** Refuses a value with the directory's code for invalid properties. */
export function refuseValue(message: string): ControlRefusal {
  return new ControlRefusal(400, 'Request_BadRequest', message)
}

/** 404 in the directory's words. */
export function refuseMissing(id: string): ControlRefusal {
  return new ControlRefusal(
    404,
    'Request_ResourceNotFound',
    `Resource '${id}' does not exist or one of its queried reference-property objects are not present.`,
  )
}

/** Refuses with 403 unless the caller's token carries one of these permissions. */
export function needPermission({ caller }: GraphCall, ...wanted: readonly string[]): void {
  if (wanted.some((each) => caller.permissions.includes(each))) return
  throw refuseRights()
}

/** Like needPermission, for a change of this app: its owners need less. */
export function needAppWrite(call: GraphCall, app: LabApp): void {
  const { caller } = call
  const isOwner = app.owners.includes(caller.objectId)
  if (isOwner && caller.permissions.includes('Application.ReadWrite.OwnedBy')) return
  needPermission(call, 'Application.ReadWrite.All')
}

/** Refuses with 403 unless the caller may read applications. */
export function needAppRead(call: GraphCall): void {
  needPermission(
    call,
    'Application.Read.All',
    'Application.ReadWrite.OwnedBy',
    'Application.ReadWrite.All',
    'Directory.Read.All',
  )
}

/** 403 in the directory's words. */
export function refuseRights(): ControlRefusal {
  return new ControlRefusal(
    403,
    'Authorization_RequestDenied',
    'Insufficient privileges to complete the operation.',
  )
}
