// The built-in roles the lab's ARM knows, with the permissions that matter here, and what a role
// allows (azure-docs, role-based-access-control/built-in-roles; facts/federation.md §3.1).

/** A role: control plane actions and data actions, each with what is taken away again. */
export type RoleDefinition = {
  guid: string
  roleName: string
  description: string
  isBuiltIn: boolean
  actions: readonly string[]
  notActions: readonly string[]
  dataActions: readonly string[]
  notDataActions: readonly string[]
  assignableScopes: readonly string[]
}

/** `Microsoft.Storage/storageAccounts/blobServices/containers`, under which all blob actions are. */
export const containersAction = 'Microsoft.Storage/storageAccounts/blobServices/containers'
const filesAction = 'Microsoft.Storage/storageAccounts/fileServices'
const delegationAction =
  'Microsoft.Storage/storageAccounts/blobServices/generateUserDelegationKey/action'
const keyActions = ['Microsoft.Storage/storageAccounts/listKeys/action']

/** The built-in roles. */
export const builtInRoles: readonly RoleDefinition[] = [
  role('8e3af657-a8ff-443c-a75c-2fe8c4bcb635', 'Owner', { actions: ['*'] }),
  role('b24988ac-6180-42a0-ab88-20f7382dd24c', 'Contributor', {
    actions: ['*'],
    notActions: [
      'Microsoft.Authorization/*/Delete',
      'Microsoft.Authorization/*/Write',
      'Microsoft.Authorization/elevateAccess/Action',
    ],
  }),
  role('acdd72a7-3385-48ef-bd42-f606fba81ae7', 'Reader', { actions: ['*/read'] }),
  role('18d7d88d-d35e-4fb5-a5c3-7773c20a72d9', 'User Access Administrator', {
    actions: ['*/read', 'Microsoft.Authorization/*'],
  }),
  role('f58310d9-a9f6-439a-9e8d-f62e7b41a168', 'Role Based Access Control Administrator', {
    actions: [
      'Microsoft.Authorization/roleAssignments/write',
      'Microsoft.Authorization/roleAssignments/delete',
      '*/read',
    ],
  }),
  role('e40ec5ca-96e0-45a2-b4ff-59039f2c2b59', 'Managed Identity Contributor', {
    actions: ['Microsoft.ManagedIdentity/userAssignedIdentities/*', 'Microsoft.Resources/*/read'],
  }),
  role('2a2b9908-6ea1-4ae2-8e65-a410df84e7d1', 'Storage Blob Data Reader', {
    actions: [`${containersAction}/read`, delegationAction],
    dataActions: [`${containersAction}/blobs/read`],
  }),
  role('ba92f5b4-2d11-453d-a403-e96b0029c9fe', 'Storage Blob Data Contributor', {
    actions: [
      `${containersAction}/delete`,
      `${containersAction}/read`,
      `${containersAction}/write`,
      delegationAction,
    ],
    dataActions: [
      `${containersAction}/blobs/delete`,
      `${containersAction}/blobs/read`,
      `${containersAction}/blobs/write`,
      `${containersAction}/blobs/move/action`,
      `${containersAction}/blobs/add/action`,
    ],
  }),
  role('b7e6dc6d-f1e8-4753-8033-0f276bb0955b', 'Storage Blob Data Owner', {
    actions: [`${containersAction}/*`, delegationAction],
    dataActions: [`${containersAction}/blobs/*`],
  }),
  role('db58b8e5-c6ad-4a2a-8342-4190687cbf4a', 'Storage Blob Delegator', {
    actions: [delegationAction],
  }),
  role('b8eda974-7b85-4f76-af95-65846b26df6d', 'Storage File Data Privileged Reader', {
    dataActions: [
      `${filesAction}/fileshares/files/read`,
      `${filesAction}/readFileBackupSemantics/action`,
    ],
  }),
  role('69566ab7-960f-475b-8e7c-b3118f30c6bd', 'Storage File Data Privileged Contributor', {
    dataActions: [
      `${filesAction}/fileshares/files/read`,
      `${filesAction}/fileshares/files/write`,
      `${filesAction}/fileshares/files/delete`,
      `${filesAction}/fileshares/files/modifypermissions/action`,
      `${filesAction}/readFileBackupSemantics/action`,
      `${filesAction}/writeFileBackupSemantics/action`,
    ],
  }),
  role('aba4ae5f-2193-4029-9191-0cb91df5e314', 'Storage File Data SMB Share Reader', {
    dataActions: [`${filesAction}/fileshares/files/read`],
  }),
  role('0c867c2a-1d8c-454a-a3db-ab2ea1bdc8bb', 'Storage File Data SMB Share Contributor', {
    dataActions: [
      `${filesAction}/fileshares/files/read`,
      `${filesAction}/fileshares/files/write`,
      `${filesAction}/fileshares/files/delete`,
    ],
  }),
  role('17d1049b-9a84-46fb-8f53-869881c3d3ab', 'Storage Account Contributor', {
    actions: ['Microsoft.Authorization/*/read', 'Microsoft.Storage/storageAccounts/*'],
  }),
  role('81a9662b-bebf-436f-a333-f67b29880f12', 'Storage Account Key Operator Service Role', {
    actions: [...keyActions, 'Microsoft.Storage/storageAccounts/regenerateKey/action'],
  }),
  role('c12c1c16-33a1-487b-954d-41c89c60f349', 'Reader and Data Access', {
    actions: [...keyActions, 'Microsoft.Storage/storageAccounts/read'],
  }),
]

/** Whether a role allows a control plane action. */
export function allowsAction(definition: RoleDefinition, action: string): boolean {
  const { actions, notActions } = definition
  return includesAction(actions, action) && !includesAction(notActions, action)
}

/** Whether a role allows a data action. */
export function allowsDataAction(definition: RoleDefinition, action: string): boolean {
  const { dataActions, notDataActions } = definition
  return includesAction(dataActions, action) && !includesAction(notDataActions, action)
}

/** Whether one of the patterns, in which `*` stands for anything, matches; case does not matter. */
export function includesAction(patterns: readonly string[], action: string): boolean {
  return patterns.some((pattern) => {
    const parts = pattern.split('*').map((part) => part.replace(/[.\\^$+?()[\]{}|]/g, '\\$&'))
    return new RegExp(`^${parts.join('.*')}$`, 'i').test(action)
  })
}

function role(
  guid: string,
  roleName: string,
  permissions: Partial<Pick<RoleDefinition, 'actions' | 'notActions' | 'dataActions'>>,
): RoleDefinition {
  const { actions = [], notActions = [], dataActions = [] } = permissions
  return {
    guid,
    roleName,
    description: `The built-in role ${roleName}.`,
    isBuiltIn: true,
    actions,
    notActions,
    dataActions,
    notDataActions: [],
    assignableScopes: ['/'],
  }
}
