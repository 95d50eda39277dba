// Whether the applications, service principals and managed identities are there.
import type { ActualState } from './actual.ts'
import type { Change, PlanNote } from './change.ts'
import type { DesiredIdentity } from './desired.ts'
import { managedIdentityId } from './managed-identity.ts'
import { isSame, type FoundIdentity, type PlanPart } from './plan-part.ts'

/** The identity as it is, and what has to be made of it; only the part when it cannot be found. */
export function findIdentity(
  desired: DesiredIdentity,
  actual: ActualState,
): { identity?: FoundIdentity; part: PlanPart } {
  const found = desired.kind === 'application' ? findApplication : findManagedIdentity
  return found(desired, actual)
}

function findApplication(
  desired: DesiredIdentity,
  actual: ActualState,
): { identity?: FoundIdentity; part: PlanPart } {
  const { name, displayName, uniqueName, clientId: wanted } = desired
  const common = { identity: name, action: 'add' as const, differences: [] }
  const application = actual.applications.find((each) =>
    wanted === undefined ? each.uniqueName === uniqueName : isSame(each.appId, wanted),
  )
  if (!application && wanted !== undefined) return missing(desired)
  const clientId = application?.appId
  const principal = actual.servicePrincipals.find(
    ({ appId }) => clientId !== undefined && isSame(appId, clientId),
  )
  const changes: Change[] = [
    ...(application ? [] : [{ ...common, kind: 'application' as const, displayName, uniqueName }]),
    ...(principal ? [] : [{ ...common, kind: 'service_principal' as const, clientId }]),
  ]
  const message = `The service principal of the identity "${name}" is disabled: every exchange is refused.`
  const notes: PlanNote[] =
    principal?.isEnabled === false
      ? [{ code: 'plan_principal_disabled', identity: name, message, isBlocking: true }]
      : []
  return {
    identity: { desired, clientId, principalId: principal?.objectId },
    part: { changes, removals: [], notes },
  }
}

function findManagedIdentity(
  desired: DesiredIdentity,
  actual: ActualState,
): { identity?: FoundIdentity; part: PlanPart } {
  const resourceId = managedIdentityId(desired)
  const found = actual.managedIdentities.find((each) =>
    desired.clientId === undefined
      ? isSame(each.resourceId, resourceId)
      : isSame(each.clientId, desired.clientId),
  )
  if (!found && desired.clientId !== undefined) return missing(desired)
  const changes: Change[] = found
    ? []
    : [
        {
          kind: 'managed_identity',
          action: 'add',
          identity: desired.name,
          differences: [],
          name: desired.displayName,
          resourceId,
          location: desired.resource?.location ?? '',
        },
      ]
  return {
    identity: { desired, clientId: found?.clientId, principalId: found?.principalId },
    part: { changes, removals: [], notes: [] },
  }
}

function missing({ name, clientId = '' }: DesiredIdentity): { part: PlanPart } {
  const message = `The identity "${name}" has the client id ${clientId}, which is not in this tenant; take client_id out to have it made.`
  const note: PlanNote = {
    code: 'plan_identity_missing',
    identity: name,
    message,
    isBlocking: true,
  }
  return { part: { changes: [], removals: [], notes: [note] } }
}
