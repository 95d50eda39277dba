// The exact difference between what has to be in Azure and what is. Pure. Only what is ours by its
// metadata is ever changed or removed; anything else is told and left. What is added comes before what
// is removed, so that no build goes without, save where Entra's limit of 20 leaves no room.
import type { ActualState } from './actual.ts'
import type { PlanNote, TrustPlan } from './change.ts'
import type { DesiredIdentity, DesiredState } from './desired.ts'
import { identityOfUniqueName } from './ownership.ts'
import { planAssignments, planStrayAssignments } from './plan-assignments.ts'
import { planCredentials, planStrayCredentials } from './plan-credentials.ts'
import { planDefinitions } from './plan-definitions.ts'
import { findIdentity } from './plan-identities.ts'
import { isSame } from './plan-part.ts'

/** The plan for one tenant; identities of other tenants are noted and left out. */
export function planTrust(desired: DesiredState, actual: ActualState): TrustPlan {
  const { installation } = desired
  const isHere = ({ tenantId }: { tenantId: string }) => isSame(tenantId, actual.tenantId)
  const identities = desired.identities.filter((each) => isHere(each))
  const found = identities.map((each) => findIdentity(each, actual))
  const known = found.flatMap(({ identity }) => (identity ? [identity] : []))
  const definitions = planDefinitions(desired, actual)
  const parts = [
    ...found.map(({ part }) => part),
    { changes: definitions.changes, removals: [], notes: [] },
    ...known.map((identity) => planCredentials(installation, identity, actual)),
    ...known.map((identity) => planAssignments(installation, identity, actual)),
    planStrayCredentials(installation, known, actual),
    planStrayAssignments(installation, known, actual),
    { changes: [], removals: definitions.removals, notes: definitions.notes },
    { changes: [], removals: [], notes: noteAccounts(identities, actual) },
    { changes: [], removals: [], notes: noteUnused(desired, actual) },
  ]
  const others = desired.identities.filter((each) => !isHere(each))
  return {
    changes: [
      ...parts.flatMap(({ changes }) => changes),
      ...parts.flatMap(({ removals }) => removals),
    ],
    notes: [
      ...parts.flatMap(({ notes }) => notes),
      ...others.map(({ name, tenantId }): PlanNote => {
        const message = `The identity "${name}" belongs to the tenant ${tenantId}: sign in there and plan again.`
        return { code: 'plan_tenant_other', identity: name, message, isBlocking: false }
      }),
    ],
  }
}

function noteAccounts(
  identities: readonly DesiredIdentity[],
  { accounts }: ActualState,
): PlanNote[] {
  const scopes = identities.flatMap(({ name, assignments }) =>
    assignments.map(({ scope }) => ({ name, account: scope.split('/').slice(0, 9).join('/') })),
  )
  const known = new Set(
    accounts.map(({ name, subscription, resourceGroup }) =>
      `/subscriptions/${subscription}/resourceGroups/${resourceGroup}/providers/Microsoft.Storage/storageAccounts/${name}`.toLowerCase(),
    ),
  )
  const missed = scopes.filter(({ account }) => !known.has(account.toLowerCase()))
  const byAccount = new Map(missed.map((each) => [each.account, each]))
  return [...byAccount.values()].map(({ name, account }) => ({
    code: 'plan_account_missing',
    identity: name,
    message: `There is no storage account ${account}: correct \`accounts\` in the policy, or make it.`,
    isBlocking: true,
  }))
}

// Applications are never removed: somebody may have given them more than we know of.
function noteUnused({ installation, identities }: DesiredState, actual: ActualState): PlanNote[] {
  return actual.applications.flatMap(({ appId, displayName, uniqueName }) => {
    const identity = identityOfUniqueName(installation, uniqueName)
    const isUsed = identities.some(
      (each) => isSame(each.clientId, appId) || each.uniqueName === uniqueName,
    )
    if (identity === undefined || isUsed) return []
    const message = `The application "${displayName}" (${appId}) was made for the identity "${identity}", which nothing uses any more: remove it by hand.`
    return [{ code: 'plan_application_unused', identity, message, isBlocking: false } as const]
  })
}
