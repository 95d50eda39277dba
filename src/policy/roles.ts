// The Azure role that gives a grant's verbs and no more: a built-in one where one fits, otherwise the
// data actions of a custom role (facts/federation.md §3.1).
import { can, type Grant } from './grant.ts'

/** A role a grant needs in Azure. */
export type NeededRole = {
  /** Name of the built-in role; undefined when a custom role with these actions is needed. */
  builtIn: string | undefined
  dataActions: readonly string[]
  /** The built-in role that gives all of it and perhaps more. */
  nearest: string
  /** What the built-in role gives beyond the verbs; empty when it is exact. */
  excess: string
}

const blobs = 'Microsoft.Storage/storageAccounts/blobServices/containers/blobs'
const files = 'Microsoft.Storage/storageAccounts/fileServices/fileshares/files'
const filesService = 'Microsoft.Storage/storageAccounts/fileServices'

/** The role for these verbs; undefined when only a gateway can enforce the grant. */
export function findRole(
  grant: Pick<Grant, 'service' | 'verbs' | 'enforcedBy'>,
): NeededRole | undefined {
  if (grant.enforcedBy === 'gateway') return undefined
  return grant.service === 'blob' ? findBlobRole(grant.verbs) : findFileRole(grant.verbs)
}

function findBlobRole(verbs: Grant['verbs']): NeededRole {
  const reads = can(verbs, 'read') || can(verbs, 'list')
  const [writes, deletes] = [can(verbs, 'write'), can(verbs, 'delete')]
  const dataActions = [
    ...(reads ? [`${blobs}/read`] : []),
    ...(writes ? [`${blobs}/write`, `${blobs}/add/action`] : []),
    ...(deletes ? [`${blobs}/delete`] : []),
  ]
  const isReader = reads && !writes && !deletes
  const isAll = reads && writes && deletes
  const nearest = isReader ? 'Storage Blob Data Reader' : 'Storage Blob Data Contributor'
  return { builtIn: isReader || isAll ? nearest : undefined, dataActions, nearest, excess: '' }
}

function findFileRole(verbs: Grant['verbs']): NeededRole {
  const reads = can(verbs, 'read')
  const [writes, deletes] = [can(verbs, 'write'), can(verbs, 'delete')]
  const dataActions = [
    ...(reads ? [`${files}/read`, `${filesService}/readFileBackupSemantics/action`] : []),
    ...(writes ? [`${files}/write`] : []),
    ...(deletes ? [`${files}/delete`] : []),
    ...(writes || deletes ? [`${filesService}/writeFileBackupSemantics/action`] : []),
  ]
  if (reads && !writes && !deletes) {
    const nearest = 'Storage File Data Privileged Reader'
    const excess = 'it reads past every NTFS access list of the share'
    return { builtIn: nearest, dataActions, nearest, excess }
  }
  const nearest = 'Storage File Data Privileged Contributor'
  const excess = 'it changes permissions too, and passes every NTFS access list of the share'
  const isAll = reads && writes && deletes
  return isAll
    ? { builtIn: nearest, dataActions, nearest, excess }
    : { builtIn: undefined, dataActions, nearest, excess: '' }
}
