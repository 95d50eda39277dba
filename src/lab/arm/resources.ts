// What the lab's ARM lets one read: the subscription, resource groups, storage accounts with their
// containers and shares, locks and diagnostic settings.
import { type ControlAnswer, ControlRefusal } from '../control/server.ts'
import { isSameId } from '../entra-directory.ts'
import { groupOf } from './identities.ts'
import { answerPage } from './list.ts'
import { isSameScope, isWithin } from './path.ts'
import {
  type ArmAccount,
  type ArmCall,
  type ArmObject,
  type ArmRoute,
  type ArmState,
  nameAt,
  refuseMissingResource,
  resourceId,
  subscriptionScope,
} from './state.ts'

const accounts = 'microsoft.storage/storageaccounts'
const accountAction = 'Microsoft.Storage/storageAccounts'
const containersAction = `${accountAction}/blobServices/containers/read`
const sharesAction = `${accountAction}/fileServices/shares/read`
const subscriptionAction = 'Microsoft.Resources/subscriptions/read'
const groupAction = 'Microsoft.Resources/subscriptions/resourceGroups/read'

/** The routes that only read. */
export const resourceRoutes: Readonly<Record<string, ArmRoute>> = {
  'GET subscriptions list': { action: '', answer: (call) => listSubscriptions(call) },
  'GET subscriptions item': {
    action: subscriptionAction,
    answer: ({ state }) => ({ status: 200, body: describeSubscription(state) }),
  },
  'GET subscriptions/resourcegroups list': {
    action: groupAction,
    answer: (call) => {
      const groups = call.state.resourceGroups.map((each) => describeGroup(call.state, each))
      return answerPage(call, groups)
    },
  },
  'GET subscriptions/resourcegroups item': {
    action: groupAction,
    answer: (call) => {
      const found = call.state.resourceGroups.find(({ name }) => isSameId(name, nameAt(call, 1)))
      return { status: 200, ...(found && { body: describeGroup(call.state, found) }) }
    },
  },
  [`GET ${accounts} list`]: {
    action: `${accountAction}/read`,
    answer: (call) => {
      const group = groupOf(call)
      const found = call.state.accounts.filter(
        ({ resourceGroup }) => group === '' || isSameId(resourceGroup, group),
      )
      return answerPage(
        call,
        found.map((each) => describeAccount(call.state, each)),
      )
    },
  },
  [`GET ${accounts} item`]: {
    action: `${accountAction}/read`,
    answer: (call) => ({ status: 200, body: describeAccount(call.state, findAccount(call)) }),
  },
  [`GET ${accounts}/blobservices/containers list`]: {
    action: containersAction,
    answer: (call) => answerChildren(call, 'containers'),
  },
  [`GET ${accounts}/blobservices/containers item`]: {
    action: containersAction,
    answer: (call) => answerChild(call, 'containers'),
  },
  [`GET ${accounts}/fileservices/shares list`]: {
    action: sharesAction,
    answer: (call) => answerChildren(call, 'shares'),
  },
  [`GET ${accounts}/fileservices/shares item`]: {
    action: sharesAction,
    answer: (call) => answerChild(call, 'shares'),
  },
  'GET microsoft.authorization/locks list': {
    action: 'Microsoft.Authorization/locks/read',
    answer: (call) => {
      const { scope } = call.target
      const found = call.state.locks.filter(
        (lock) => isWithin(scope, lock.scope) || isWithin(lock.scope, scope),
      )
      return answerPage(
        call,
        found.map(({ name, scope: locked, level }) => ({
          id: `${locked}/providers/Microsoft.Authorization/locks/${name}`,
          name,
          type: 'Microsoft.Authorization/locks',
          properties: { level, notes: null },
        })),
      )
    },
  },
  'GET microsoft.insights/diagnosticsettings list': {
    action: 'Microsoft.Insights/diagnosticSettings/read',
    answer: (call) => listDiagnostics(call),
  },
}

function listSubscriptions(call: ArmCall): ControlAnswer {
  const { state, caller } = call
  const scope = subscriptionScope(state)
  const sees = state.assignments.some(
    (each) => isSameId(each.principalId, caller.objectId) && isWithin(each.scope, scope),
  )
  return answerPage(call, sees ? [describeSubscription(state)] : [])
}

function describeSubscription(state: ArmState): ArmObject {
  const { id, displayName } = state.subscription
  const { tenantId } = state.entra
  return {
    id: `/subscriptions/${id}`,
    subscriptionId: id,
    displayName,
    tenantId,
    state: 'Enabled',
    authorizationSource: 'RoleBased',
    managedByTenants: [],
  }
}

function describeGroup(
  state: ArmState,
  { name, location }: ArmState['resourceGroups'][number],
): ArmObject {
  return {
    id: `${subscriptionScope(state)}/resourceGroups/${name}`,
    name,
    type: 'Microsoft.Resources/resourceGroups',
    location,
    properties: { provisioningState: 'Succeeded' },
  }
}

function findAccount(call: ArmCall): ArmAccount {
  const [name, group] = [nameAt(call, 0), groupOf(call)]
  const found = call.state.accounts.find(
    (each) => isSameId(each.name, name) && isSameId(each.resourceGroup, group),
  )
  if (found) return found
  throw refuseMissingResource(`/providers/Microsoft.Storage/storageAccounts/${name}`, group)
}

function accountId(state: ArmState, { name, resourceGroup }: ArmAccount): string {
  return resourceId(state, resourceGroup, `${accountAction}/${name}`)
}

function describeAccount(state: ArmState, account: ArmAccount): ArmObject {
  const { name, location, properties } = account
  return {
    id: accountId(state, account),
    name,
    type: 'Microsoft.Storage/storageAccounts',
    location,
    kind: 'StorageV2',
    sku: { name: 'Standard_LRS', tier: 'Standard' },
    tags: {},
    properties: {
      ...properties,
      networkAcls: {
        ...properties.networkAcls,
        ipRules: properties.networkAcls.ipRules.map((rule) => ({ ...rule, action: 'Allow' })),
        virtualNetworkRules: [],
      },
      allowBlobPublicAccess: false,
      defaultToOAuthAuthentication: false,
      minimumTlsVersion: 'TLS1_2',
      supportsHttpsTrafficOnly: true,
      provisioningState: 'Succeeded',
      primaryLocation: location,
      primaryEndpoints: {
        blob: `https://${name}.blob.core.windows.net/`,
        file: `https://${name}.file.core.windows.net/`,
      },
    },
  }
}

function describeChild(
  state: ArmState,
  account: ArmAccount,
  kind: 'containers' | 'shares',
  name: string,
): ArmObject {
  const service = kind === 'containers' ? 'blobServices' : 'fileServices'
  return {
    id: `${accountId(state, account)}/${service}/default/${kind}/${name}`,
    name,
    type: `Microsoft.Storage/storageAccounts/${service}/${kind}`,
    properties:
      kind === 'containers'
        ? { publicAccess: 'None', leaseStatus: 'Unlocked', leaseState: 'Available' }
        : { accessTier: 'TransactionOptimized', shareQuota: 5120, enabledProtocols: 'SMB' },
  }
}

function answerChildren(call: ArmCall, kind: 'containers' | 'shares'): ControlAnswer {
  const account = findAccount(call)
  return answerPage(
    call,
    account[kind].map((name) => describeChild(call.state, account, kind, name)),
  )
}

function answerChild(call: ArmCall, kind: 'containers' | 'shares'): ControlAnswer {
  const account = findAccount(call)
  const name = nameAt(call, 2)
  if (account[kind].includes(name)) {
    return { status: 200, body: describeChild(call.state, account, kind, name) }
  }
  const [code, what] =
    kind === 'containers' ? ['ContainerNotFound', 'container'] : ['ShareNotFound', 'share']
  throw new ControlRefusal(404, code ?? '', `The specified ${what} does not exist.`)
}

function listDiagnostics(call: ArmCall): ControlAnswer {
  const { state, target } = call
  const found = state.diagnostics.filter((each) => isSameScope(each.resourceId, target.scope))
  return answerPage(
    call,
    found.map(({ name, resourceId: id, categories }) => ({
      id: `${id}/providers/microsoft.insights/diagnosticSettings/${name}`,
      name,
      type: 'Microsoft.Insights/diagnosticSettings',
      properties: {
        workspaceId: resourceId(
          state,
          state.resourceGroups[0]?.name ?? '',
          'Microsoft.OperationalInsights/workspaces/lab',
        ),
        logs: categories.map((category) => ({ category, enabled: true })),
        metrics: [],
      },
    })),
  )
}
