// The storage log in the forms people get it in: rows of StorageBlobLogs as Log Analytics has them, and lines
// as diagnostic settings write them (Azure Monitor, "Azure Blob Storage monitoring data reference").
import type { StorageCall } from './storage-front.ts'

/** Columns of the table, in an order of ours. */
export type StorageLogColumns = Readonly<Record<string, string | number>>

const callerIp = '127.0.0.1:50000'

/** A call as a row of StorageBlobLogs. */
export function toLogColumns(call: StorageCall): StorageLogColumns {
  return {
    TimeGenerated: call.time.toISOString(),
    AccountName: call.account,
    OperationName: call.operation,
    StatusCode: String(call.status),
    StatusText: call.statusText,
    Uri: uriOf(call),
    CallerIpAddress: callerIp,
    AuthenticationType: typeOf(call),
    AuthenticationHash: call.authenticationHash,
    RequesterAppId: call.requesterAppId,
    RequesterObjectId: call.requesterObjectId,
    ClientRequestId: call.clientRequestId,
    UserAgentHeader: `"${call.userAgent}"`,
    CorrelationId: call.requestId,
    ServiceType: 'blob',
  }
}

/** A call as a line of diagnostic settings. */
export function toDiagnosticLine(call: StorageCall): string {
  return JSON.stringify({
    time: call.time.toISOString(),
    category: /^(Put|Delete|Set|Create)/.test(call.operation) ? 'StorageWrite' : 'StorageRead',
    operationName: call.operation,
    schemaVersion: '1.0',
    statusCode: call.status,
    statusText: call.statusText,
    callerIpAddress: callerIp,
    correlationId: call.requestId,
    identity: {
      type: typeOf(call),
      tokenHash: call.authenticationHash,
      requester: {
        appId: call.requesterAppId,
        objectId: call.requesterObjectId,
        tenantId: call.tenantId,
      },
    },
    properties: {
      accountName: call.account,
      serviceType: 'blob',
      userAgentHeader: call.userAgent,
      clientRequestId: call.clientRequestId,
      requestBodySize: call.requestBytes,
      responseBodySize: call.responseBytes,
    },
    uri: uriOf(call),
  })
}

function typeOf({ requesterObjectId, requesterAppId }: StorageCall): string {
  if (requesterAppId !== '') return 'OAuth'
  return requesterObjectId === '' ? 'Anonymous' : 'DelegationSas'
}

// As the real service would have been called: the account is part of its host.
function uriOf({ account, path }: StorageCall): string {
  return `https://${account}.blob.core.windows.net:443${path.slice(account.length + 1)}`
}
