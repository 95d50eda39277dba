// The tenant and its sign-ins in the lab's Graph: rows of the lab Entra's exchanges as the log of
// service principals and managed identities (Microsoft Graph beta, resource type "signIn").
import { ControlRefusal } from '../control/server.ts'
import type { LabExchange } from '../entra-exchange.ts'
import { type GraphCall, type GraphHandler, needPermission } from './call.ts'
import { answerList, answerObject, type GraphObject } from './list.ts'

/** The routes of tenant-wide reading. */
export const reportRoutes: Readonly<Record<string, GraphHandler>> = {
  'GET organization': (call) => {
    needPermission(call, 'Organization.Read.All', 'Directory.Read.All')
    return answerList(call, 'organization', [describeOrganization(call)])
  },
  'GET organization/*': (call) => {
    needPermission(call, 'Organization.Read.All', 'Directory.Read.All')
    return answerObject(call, 'organization', describeOrganization(call))
  },
  'GET auditLogs/signIns': (call) => {
    checkSignInAccess(call)
    // Without this filter both versions list interactive sign-ins of people only, and v1.0 has no other.
    const isOfApps = call.query.get('$filter')?.includes('signInEventTypes/any') ?? false
    if (isOfApps && call.version === 'v1.0') {
      throw new ControlRefusal(400, 'BadRequest', 'Invalid filter clause: signInEventTypes')
    }
    const rows = isOfApps ? call.state.entra.exchanges.toReversed() : []
    return answerList(
      call,
      'auditLogs/signIns',
      rows.filter(({ objectId }) => objectId !== '').map((row) => describeSignIn(call, row)),
    )
  },
}

function checkSignInAccess(call: GraphCall): void {
  if (!call.caller.permissions.includes('AuditLog.Read.All')) {
    throw new ControlRefusal(
      403,
      'Authentication_MSGraphPermissionMissing',
      'The principal does not have required Microsoft Graph permission(s): AuditLog.Read.All to call this API. For more information about Microsoft Graph permissions, please visit https://learn.microsoft.com/graph/permissions-overview.',
    )
  }
  if (call.state.settings.hasSignInLog) return
  throw new ControlRefusal(
    403,
    'Authentication_RequestFromNonPremiumTenantOrB2CTenant',
    "Neither tenant is B2C or tenant doesn't have premium license",
  )
}

function describeOrganization({ state }: GraphCall): GraphObject {
  return {
    id: state.entra.tenantId,
    displayName: state.settings.organizationName,
    tenantType: 'AAD',
    countryLetterCode: null,
    verifiedDomains: [
      { name: 'lab.onmicrosoft.com', type: 'Managed', isInitial: true, isDefault: true },
    ],
  }
}

function describeSignIn({ state }: GraphCall, row: LabExchange): GraphObject {
  const app = state.entra.directory.findApp(row.tenantId, row.clientId)
  const isManaged = app?.kind === 'managed identity'
  return {
    id: row.traceId,
    createdDateTime: row.time.toISOString(),
    appDisplayName: '',
    appId: row.clientId,
    servicePrincipalId: row.objectId,
    servicePrincipalName: app?.displayName ?? '',
    ipAddress: '127.0.0.1',
    isInteractive: false,
    correlationId: row.correlationId,
    uniqueTokenIdentifier: row.uti,
    federatedCredentialId: row.federatedCredentialId,
    servicePrincipalCredentialKeyId: '',
    clientCredentialType:
      row.federatedCredentialId === '' ? 'clientSecret' : 'federatedIdentityCredential',
    resourceDisplayName: row.resource,
    resourceTenantId: row.tenantId,
    signInEventTypes: [isManaged ? 'managedIdentity' : 'servicePrincipal'],
    status: {
      errorCode: Math.max(row.resultCode, 0),
      failureReason: row.resultCode === 0 ? 'Other.' : row.resultText,
      additionalDetails: null,
    },
    managedServiceIdentity: isManaged
      ? {
          msiType: 'userAssigned',
          associatedResourceId: app.properties['resourceId'],
          federatedTokenId: row.jti,
          federatedTokenIssuer: row.issuer,
        }
      : null,
  }
}
