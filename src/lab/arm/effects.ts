// What role assignments do to the lab's storage. An assignment that storage could not hold to the
// letter is refused before it is kept: the lab never grants more than Azure would.
import { ControlRefusal } from '../control/server.ts'
import type { LabFiles } from '../files/files-server.ts'
import type { FilesRole } from '../files/roles.ts'
import type { StorageRole } from '../storage-roles.ts'
import type { LabStorage } from '../storage.ts'
import { findPathLimit, type PathLimit } from './condition-prefix.ts'
import { parseCondition } from './condition.ts'
import { allowsDataAction, type RoleDefinition } from './role-definitions.ts'

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
  const limit = readLimit(grant)
  const places = findPlaces(accounts, grant.scope)
  const blobRole = blobRoles.find((role) => role === definition.roleName)
  const fileRole = fileRoles.find((role) => role === definition.roleName)
  if (!blobRole && !fileRole && !definition.isBuiltIn && definition.dataActions.length > 0) {
    throw refuseEffect(`the custom role '${definition.roleName}' with data actions`)
  }
  return () => {
    const { blobs, files } = dataPlane
    const undo = places.flatMap(({ account, container, share }) => {
      if (blobRole && blobs && share === undefined) {
        const within = container ?? limit.container
        if (within !== undefined && limit.container !== undefined && within !== limit.container) {
          return [] // the condition names another container than the scope: nothing is allowed
        }
        const place = { account, ...(within !== undefined && { container: within }) }
        const prefixes = limit.prefixes?.map((pathPrefix) => ({ pathPrefix })) ?? [{}]
        const ids = prefixes.map((prefix) =>
          blobs.assignRole({ principalId, role: blobRole, ...place, ...prefix }),
        )
        return ids.map((id) => () => blobs.removeRole(id))
      }
      if (fileRole && files && container === undefined) {
        const place = { account, ...(share !== undefined && { share }) }
        const id = files.assignRole({ principalId, role: fileRole, ...place })
        return [() => files.removeRole(id)]
      }
      return []
    })
    return () => {
      for (const each of undo) each()
    }
  }
}

function readLimit({ definition, condition }: Grant): PathLimit {
  if (condition === undefined) return {}
  const tree = parseCondition(condition)
  if (typeof tree === 'string') {
    throw new ControlRefusal(
      400,
      'InvalidConditionSyntax',
      `The condition of the role assignment is not valid: ${tree}.`,
    )
  }
  const limit = findPathLimit(tree, (action) => allowsDataAction(definition, action))
  if (limit) return limit
  throw refuseEffect('this condition')
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
