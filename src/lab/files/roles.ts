// The lab's role assignments for file data. Over REST only the privileged roles count: the roles for
// SMB shares are for Kerberos mounts, and the share itself is the account administrators' matter
// (Azure Files, "Access Azure file shares using Microsoft Entra ID with Azure Files OAuth over REST").
import { randomUUID } from 'node:crypto'

/** What a role allows. */
export type FilesAction = 'files/read' | 'files/write' | 'files/delete' | 'shares/manage'

const roleActions = {
  'Storage File Data Privileged Reader': ['files/read'],
  'Storage File Data Privileged Contributor': ['files/read', 'files/write', 'files/delete'],
  'Storage Account Contributor': ['shares/manage'],
  'Storage File Data SMB Share Reader': [],
  'Storage File Data SMB Share Contributor': [],
  'Storage File Data SMB Share Elevated Contributor': [],
} satisfies Record<string, readonly FilesAction[]>

/** The built-in roles the lab knows. */
export type FilesRole = keyof typeof roleActions

/** Who may do what where; without a share it holds for the whole account. */
export type FilesRoleAssignment = {
  principalId: string
  role: FilesRole
  account: string
  share?: string
}

/** The assignments in force; changes count from the next call on. */
export type FilesRoleBook = {
  assign: (assignment: FilesRoleAssignment) => string
  remove: (id: string) => void
  allows: (
    principalId: string,
    target: { account: string; share: string },
    action: FilesAction,
  ) => boolean
}

/** Makes an empty book, which allows nothing. */
export function createFilesRoleBook(): FilesRoleBook {
  const assignments = new Map<string, FilesRoleAssignment>()
  return {
    assign(assignment) {
      const id = randomUUID()
      assignments.set(id, { ...assignment })
      return id
    },
    remove(id) {
      if (!assignments.delete(id)) throw new RangeError(`there is no role assignment ${id}`)
    },
    allows: (principalId, target, action) =>
      assignments
        .values()
        .some(
          (each) =>
            each.principalId === principalId &&
            each.account === target.account &&
            (each.share === undefined || each.share === target.share) &&
            actionsOf(each.role).includes(action),
        ),
  }
}

function actionsOf(role: FilesRole): readonly FilesAction[] {
  return roleActions[role]
}
