// The difference in role assignments. Azure keeps one per scope, principal and role, so a changed
// condition is an update of the assignment that is there and never a second one.
import type { ActualAssignment, ActualState } from './actual.ts'
import type { DesiredAssignment } from './assignments.ts'
import type { Change, PlanNote, PlannedAssignment } from './change.ts'
import { assignmentGuid } from './guid.ts'
import { isOurs, isSame, type FoundIdentity, type PlanPart } from './plan-part.ts'

type AssignmentChange = Extract<Change, { kind: 'role_assignment' }>

/** Assignments to add, update and remove for one identity. */
export function planAssignments(
  installation: string,
  { desired, principalId }: FoundIdentity,
  { roleAssignments, roleDefinitions }: ActualState,
): PlanPart {
  const identity = desired.name
  const present = roleAssignments.filter((each) => isSame(each.principalId, principalId))
  const kept = new Set<ActualAssignment>()
  const changes: AssignmentChange[] = []
  const notes: PlanNote[] = []
  const common = { kind: 'role_assignment', identity, principalId } as const
  for (const wanted of desired.assignments) {
    const assignment = toPlanned(wanted)
    const found = present.find(
      ({ scope, roleGuid }) => isSame(scope, wanted.scope) && isSame(roleGuid, wanted.role.guid),
    )
    const guid = principalId && assignmentGuid(wanted.scope, principalId, wanted.role.guid)
    if (!found) {
      changes.push({ ...common, action: 'add', guid, assignment, differences: [] })
      continue
    }
    kept.add(found)
    const differences = compare(found, wanted)
    if (isOurs(installation, found.description) || isSame(found.guid, guid)) {
      if (differences.length > 0) {
        changes.push({ ...common, action: 'update', guid: found.guid, assignment, differences })
      }
    } else if (differences.some((each) => each.startsWith('condition'))) {
      const message = `The identity "${identity}" has ${wanted.role.name} at ${wanted.scope} already, with another condition, by an assignment that is not ours (${found.guid}): remove it by hand.`
      notes.push({ code: 'plan_assignment_conflict', identity, message, isBlocking: true })
    }
  }
  const rest = present.filter((each) => !kept.has(each))
  const nameOf = (guid: string) => roleName(roleDefinitions, guid)
  for (const each of rest.filter(({ description }) => !isOurs(installation, description))) {
    const message = `The identity "${identity}" has ${nameOf(each.roleGuid)} at ${each.scope}, which the policy does not ask for; it is not ours and stays.`
    notes.push({ code: 'plan_assignment_foreign', identity, message, isBlocking: false })
  }
  const removals = rest
    .filter(({ description }) => isOurs(installation, description))
    .map((each) => removalOf(identity, each, nameOf(each.roleGuid)))
  return { changes, removals, notes }
}

/** Assignments of ours to principals that the policy no longer leads to. */
export function planStrayAssignments(
  installation: string,
  identities: readonly FoundIdentity[],
  { roleAssignments, roleDefinitions }: ActualState,
): PlanPart {
  const stray = roleAssignments.filter(
    (each) =>
      !identities.some(({ principalId }) => isSame(principalId, each.principalId)) &&
      isOurs(installation, each.description),
  )
  const removals = stray.map((each) =>
    removalOf(each.principalId, each, roleName(roleDefinitions, each.roleGuid)),
  )
  return { changes: [], removals, notes: [] }
}

function removalOf(identity: string, found: ActualAssignment, name: string): AssignmentChange {
  const { scope, condition, description = '', roleGuid, principalId, guid } = found
  const assignment = { scope, condition, description, roleGuid, roleName: name }
  const action = 'remove'
  return {
    kind: 'role_assignment',
    action,
    identity,
    principalId,
    guid,
    assignment,
    differences: [],
  }
}

function toPlanned({ scope, role, condition, description }: DesiredAssignment): PlannedAssignment {
  return { scope, condition, description, roleGuid: role.guid, roleName: role.name }
}

function compare(found: ActualAssignment, wanted: DesiredAssignment): string[] {
  const plain = (text = '') => text.replaceAll(/\s+/g, ' ').trim()
  const pairs: [string, string, string][] = [
    ['condition', plain(found.condition), plain(wanted.condition)],
    ['description', found.description ?? '', wanted.description],
  ]
  return pairs
    .filter(([, before, after]) => before !== after)
    .map(([field, before, after]) => `${field}: ${before || '(none)'} -> ${after || '(none)'}`)
}

function roleName(definitions: ActualState['roleDefinitions'], guid: string): string {
  return definitions.find((each) => isSame(each.guid, guid))?.name ?? `the role ${guid}`
}
