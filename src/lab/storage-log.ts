// What the fronts of both storage services have in common: the row of the storage log that a call fills
// in as it goes (StorageBlobLogs, StorageFileLogs), and failures on command.
import { randomUUID } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

import { messageOf } from '../core/fault.ts'
import { headerOf, StorageRefusal } from './storage-errors.ts'

/** The columns both logs have, before anything is known of the call. */
export function openLogRow(time: Date, request: IncomingMessage) {
  const [path = ''] = (request.url ?? '').split('?', 1)
  return {
    time,
    operation: 'Unknown',
    status: 0,
    statusText: '',
    account: '',
    path,
    authenticationHash: '',
    requesterAppId: '',
    requesterObjectId: '',
    tenantId: '',
    clientRequestId: headerOf(request, 'x-ms-client-request-id'),
    requestId: randomUUID() as string,
    userAgent: headerOf(request, 'user-agent'),
    requestBytes: 0,
    responseBytes: 0,
  }
}

/** The next failure that is meant for this operation, counted down; undefined when there is none. */
export function takeFailure<Failure extends { count: number; operation?: string }>(
  failures: readonly Failure[],
  operation: string,
): Failure | undefined {
  const failure = failures.find(
    (each) => each.count > 0 && (each.operation ?? operation) === operation,
  )
  if (failure) failure.count -= 1
  return failure
}

/** The refusal for anything thrown. */
export function asRefusal(error: unknown): StorageRefusal {
  if (error instanceof StorageRefusal) return error
  return new StorageRefusal('InternalError', { detail: messageOf(error) })
}
