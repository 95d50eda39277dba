// What role assignments do to the lab's storage. An assignment that storage could not hold to the
// letter is refused before it is kept: the lab never grants more than Azure would.
import { ControlRefusal } from '../control/server.ts'
import type { LabFiles } from '../files/files-server.ts'
import type { FilesRole } from '../files/roles.ts'
import type { DataAction } from '../storage-operations.ts'
import type { RoleAssignment, StorageRole } from '../storage-roles.ts'
import type { LabStorage } from '../storage.ts'
import { findPathLimit, type PathLimit } from './condition-prefix.ts'
import { judgeCall } from './condition-verdict.ts'
import { type Condition, parseCondition } from './condition.ts'
import { allowsDataAction, containersAction, type RoleDefinition } from './role-definitions.ts'

/** The storage services that role assignments count for. */
export type DataPlane = {
  blobs?: Pick<LabStorage, 'assignRole' | 'removeRole'>
  files?: Pick<LabFiles, 'assignRole' | 'removeRole'>
}

/** Puts an assignment in force; the answer takes it away again. */
export type Effect = () => () => void

const blobRoles: readonly StorageRole[] = [
  'Storage Blob Delegator',
  'Storage Blob Data Reader',
  'Storage Blob Data Contributor',
  'Storage Blob Data Owner',
]
const fileRoles: readonly FilesRole[] = [
  'Storage File Data Privileged Reader',
  'Storage File Data Privileged Contributor',
  'Storage File Data SMB Share Reader',
  'Storage File Data SMB Share Contributor',
  'Storage Account Contributor',
]

const plainActions: readonly DataAction[] = [
  'containers/blobs/read',
  'containers/blobs/write',
  'containers/blobs/delete',
  'containers/blobs/tags/read',
  'containers/blobs/tags/write',
]

type Grant = {
  principalId: string
  definition: RoleDefinition
  scope: string
  condition?: string | undefined
}

/** What an assignment does, nothing when it is about the control plane only; 501 when storage cannot hold it. */
export function planEffect(
  { accounts, dataPlane }: { accounts: readonly { name: string }[]; dataPlane: DataPlane },
  grant: Grant,
): Effect {
  const { definition, principalId } = grant
  const places = findPlaces(accounts, grant.scope)
  const blobs = planBlobs(grant, places)
  const fileRole = fileRoles.find((role) => role === definition.roleName)
  if (!blobs && !fileRole && !definition.isBuiltIn && definition.dataActions.length > 0) {
    throw refuseEffect(`the custom role '${definition.roleName}' with data actions`)
  }
  return () => {
    const { blobs: blobPlane, files } = dataPlane
    const undo: (() => void)[] = []
    for (const each of blobPlane ? (blobs ?? []) : []) {
      const id = blobPlane?.assignRole({ principalId, ...each }) ?? ''
      undo.push(() => blobPlane?.removeRole(id))
    }
    for (const { account, container, share } of fileRole && files ? places : []) {
      if (!fileRole || !files || container !== undefined) continue
      const place = { account, ...(share !== undefined && { share }) }
      const id = files.assignRole({ principalId, role: fileRole, ...place })
      undo.push(() => files.removeRole(id))
    }
    return () => {
      for (const each of undo) each()
    }
  }
}

type BlobAssignment = Omit<RoleAssignment, 'principalId'>

// The blob side of a grant; undefined when its role has none.
function planBlobs(grant: Grant, places: readonly Place[]): BlobAssignment[] | undefined {
  const { definition, condition } = grant
  const role = blobRoles.find((each) => each === definition.roleName)
  const actions = readActions(definition)
  const given = role === undefined ? { ...(actions && { actions }) } : { role }
  const tree = condition === undefined ? undefined : readCondition(condition)
  const limit = tree ? findPathLimit(tree, (each) => allowsDataAction(definition, each)) : {}
  if (role === undefined && !actions) {
    if (limit) return undefined
    throw refuseEffect('this condition')
  }
  return places.flatMap(({ account, container, share }): BlobAssignment[] => {
    if (share !== undefined) return []
    const place = { account, ...(container !== undefined && { container }) }
    if (!limit && tree)
      return [{ ...given, ...place, allows: judgeWith(tree, definition, container) }]
    return toLimited({ ...given, ...place }, limit ?? {})
  })
}

function toLimited(assignment: BlobAssignment, limit: PathLimit): BlobAssignment[] {
  const container = assignment.container ?? limit.container
  // A condition that names another container than the scope allows nothing.
  if (limit.container !== undefined && container !== limit.container) return []
  const whole = { ...assignment, ...(container !== undefined && { container }) }
  return limit.prefixes?.map((pathPrefix) => ({ ...whole, pathPrefix })) ?? [whole]
}

// A role that only adds blobs would need to know which are there; with `write` it makes no difference.
function readActions({ isBuiltIn, dataActions }: RoleDefinition): DataAction[] | undefined {
  if (isBuiltIn || dataActions.length === 0) return undefined
  const names = dataActions.map((action) => action.replace(`${containersAction}/`, 'containers/'))
  const known = plainActions.filter((action) => names.includes(action))
  const isWriting = known.includes('containers/blobs/write')
  const rest = names.filter((name) => !known.some((action) => action === name))
  const isCovered = rest.every(
    (name) => isWriting && /^containers\/blobs\/(add|move)\/action$/.test(name),
  )
  return isCovered ? known : undefined
}

// Each call is judged by itself: reading, listing and changing may reach different paths.
function judgeWith(
  tree: Condition,
  definition: RoleDefinition,
  container: string | undefined,
): (action: DataAction, path: string, isList: boolean) => boolean {
  if (container === undefined) throw refuseEffect('this condition')
  const judge = (action: DataAction, path: string, isList: boolean) => {
    const whole = action.replace('containers/', `${containersAction}/`)
    return judgeCall(tree, { action: whole, isList, container, path })
  }
  for (const action of plainActions) {
    const isGiven = allowsDataAction(
      definition,
      action.replace('containers/', `${containersAction}/`),
    )
    const isList = action === 'containers/blobs/read'
    const isOpen = judge(action, '', false) === undefined || judge(action, '', isList) === undefined
    if (isGiven && isOpen) throw refuseEffect('this condition')
  }
  // What is not known is not allowed.
  return (action, path, isList) => judge(action, path, isList) === true
}

function readCondition(text: string): Condition {
  const tree = parseCondition(text)
  if (typeof tree !== 'string') return tree
  throw new ControlRefusal(
    400,
    'InvalidConditionSyntax',
    `The condition of the role assignment is not valid: ${tree}.`,
  )
}

function refuseEffect(what: string): ControlRefusal {
  return new ControlRefusal(
    501,
    'LabCannotEnforce',
    `The lab's storage cannot enforce ${what}, so it does not take the role assignment.`,
  )
}

type Place = { account: string; container?: string; share?: string }

// Above an account, an assignment holds for all accounts; beside them for none.
function findPlaces(accounts: readonly { name: string }[], scope: string): Place[] {
  const inAccount =
    /\/providers\/microsoft\.storage\/storageaccounts\/([^/]+)(?:\/(blobservices\/default\/containers|fileservices\/default\/(?:file)?shares)\/([^/]+))?$/i
  const match = inAccount.exec(scope)
  if (!match) {
    const isAbove = !/\/providers\//i.test(scope)
    return isAbove ? accounts.map(({ name }) => ({ account: name })) : []
  }
  const [, name = '', kind, child] = match
  const account = accounts.find((each) => each.name === name.toLowerCase())?.name
  if (account === undefined) return []
  if (kind === undefined || child === undefined) return [{ account }]
  return [
    kind.toLowerCase().startsWith('blob')
      ? { account, container: child }
      : { account, share: child },
  ]
}
