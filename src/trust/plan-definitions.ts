// The difference in custom roles: ours alone, and one that somebody else assigned stays.
import type { ActualRoleDefinition, ActualState } from './actual.ts'
import type { Change, PlanNote } from './change.ts'
import type { DesiredState } from './desired.ts'
import { isOurs, isSame, type PlanPart } from './plan-part.ts'
import type { DesiredRoleDefinition } from './roles.ts'

type DefinitionChange = Extract<Change, { kind: 'role_definition' }>

/** Custom roles to add, update and remove. */
export function planDefinitions(
  { installation, roleDefinitions: wanted }: DesiredState,
  { tenantId, roleDefinitions: present, roleAssignments }: ActualState,
): PlanPart {
  const here = wanted.filter((each) => isSame(each.tenantId, tenantId))
  const changes = here.flatMap((each): DefinitionChange[] => {
    const found = present.find(({ guid }) => isSame(guid, each.guid))
    if (!found) return [changeOf('add', each)]
    const differences = compare(found, each)
    return differences.length > 0 ? [changeOf('update', each, differences)] : []
  })
  const removals: DefinitionChange[] = []
  const notes: PlanNote[] = []
  for (const found of present) {
    const isWanted = here.some(({ guid }) => isSame(guid, found.guid))
    if (isWanted || found.isBuiltIn || !isOurs(installation, found.description)) continue
    const foreign = roleAssignments.filter(
      ({ roleGuid, description }) =>
        isSame(roleGuid, found.guid) && !isOurs(installation, description),
    )
    if (foreign.length === 0) removals.push(changeOf('remove', toDefinition(found)))
    else {
      const message = `The role "${found.name}" is no longer needed, but ${foreign.length} assignment(s) that are not ours use it; it stays.`
      notes.push({ code: 'plan_role_used', identity: '', message, isBlocking: false })
    }
  }
  return { changes, removals, notes }
}

function changeOf(
  action: DefinitionChange['action'],
  definition: DefinitionChange['definition'],
  differences: string[] = [],
): DefinitionChange {
  const { guid, name, description, dataActions, assignableScopes } = definition
  const plain = { guid, name, description, dataActions, assignableScopes }
  return { kind: 'role_definition', action, identity: '', definition: plain, differences }
}

function toDefinition(found: ActualRoleDefinition): DefinitionChange['definition'] {
  const { guid, name, description = '', dataActions, assignableScopes } = found
  return { guid, name, description, dataActions, assignableScopes }
}

function compare(found: ActualRoleDefinition, wanted: DesiredRoleDefinition): string[] {
  const list = (texts: readonly string[]) =>
    texts
      .map((text) => text.toLowerCase())
      .toSorted()
      .join(', ')
  const pairs: [string, string, string][] = [
    ['name', found.name, wanted.name],
    ['description', found.description ?? '', wanted.description],
    ['actions', list(found.actions), ''],
    ['data actions', list(found.dataActions), list(wanted.dataActions)],
    ['assignable scopes', list(found.assignableScopes), list(wanted.assignableScopes)],
  ]
  return pairs
    .filter(([, before, after]) => before !== after)
    .map(([field, before, after]) => `${field}: ${before || '(none)'} -> ${after || '(none)'}`)
}
