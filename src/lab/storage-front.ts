// One call at the storage front: classify, prove the caller, check the rights, log, then forward or
// refuse as Azure Storage does. Deny by default: an operation nobody described is refused.
import type { IncomingMessage, ServerResponse } from 'node:http'

import { type CompactVerifyGetKey, createLocalJWKSet } from 'jose'

import { sha256Hex } from '../core/digest.ts'
import type { Clock } from '../core/time.ts'
import type { LabEntra } from './entra.ts'
import { answerRefusal, headerOf, StorageRefusal } from './storage-errors.ts'
import type { Forwarder } from './storage-forward.ts'
import { asRefusal, openLogRow, takeFailure } from './storage-log.ts'
import { classifyOperation, isKeyBased, parseTarget, readDelegation } from './storage-operations.ts'
import type { RoleBook } from './storage-roles.ts'
import { readBearer, verifyAccessToken } from './storage-tokens.ts'

/** A row of the storage log, named as in StorageBlobLogs; the byte counts grow while data flows. */
export type StorageCall = {
  time: Date
  operation: string
  status: number
  /** `Success` or the storage error code. */
  statusText: string
  account: string
  container: string
  /** The path as it was sent, without the query. */
  path: string
  /** SHA-256 of the presented token, upper-case hex; empty when there was none. */
  authenticationHash: string
  requesterAppId: string
  requesterObjectId: string
  tenantId: string
  clientRequestId: string
  requestId: string
  userAgent: string
  requestBytes: number
  responseBytes: number
}

/** Failures to inject: the next `count` calls, of one operation when it is named. */
export type InjectedFailure = {
  count: number
  status: number
  code: string
  retryAfterSeconds?: number
  operation?: string
}

type FrontDeps = { now: Clock; entra: LabEntra; roles: RoleBook; forwarder: Forwarder }

/** What a front knows and what tests change while it runs. */
export type StorageFront = FrontDeps & {
  accounts: ReadonlySet<string>
  findKey: CompactVerifyGetKey
  calls: StorageCall[]
  failures: InjectedFailure[]
  isNetworkDenied: boolean
  /** Object ids that have got a key to sign links with. */
  delegates: Set<string>
}

/** A front for these accounts, with an empty log. */
export function createFront(deps: FrontDeps, accounts: readonly string[]): StorageFront {
  return {
    ...deps,
    accounts: new Set(accounts),
    findKey: createLocalJWKSet(deps.entra.jwks()),
    calls: [],
    failures: [],
    isNetworkDenied: false,
    delegates: new Set(),
  }
}

/** Answers one call; the log has it before the client sees the answer. */
export async function handleCall(
  front: StorageFront,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const call: StorageCall = { ...openLogRow(front.now(), request), container: '' }
  try {
    await admit(front, request, call)
    await front.forwarder.forward(request, response, {
      onAnswer(answer) {
        call.requestId = headerOf(answer, 'x-ms-request-id') || call.requestId
        call.status = answer.statusCode ?? 0
        call.statusText = headerOf(answer, 'x-ms-error-code') || 'Success'
        front.calls.push(call)
      },
      onRequestBytes: (count) => void (call.requestBytes += count),
      onResponseBytes: (count) => void (call.responseBytes += count),
    })
  } catch (error) {
    const refusal = asRefusal(error)
    call.status = refusal.status
    call.statusText = refusal.code
    front.calls.push(call)
    const context = { now: call.time, requestId: call.requestId, tenantId: front.entra.tenantId }
    answerRefusal(context, request, response, refusal)
  }
}

async function admit(
  front: StorageFront,
  request: IncomingMessage,
  call: StorageCall,
): Promise<void> {
  const { method = '', url = '', headers } = request
  const target = parseTarget(url)
  if (!target) throw new StorageRefusal('InvalidUri')
  const operation = classifyOperation(target, { method, url, headers })
  call.account = target.account
  call.container = target.container
  call.operation = operation?.name ?? 'Unknown'

  injectFailure(front.failures, call.operation)
  if (!front.accounts.has(target.account)) throw new StorageRefusal('ResourceNotFound')
  await identify(front, request, call)
  if (front.isNetworkDenied) throw new StorageRefusal('AuthorizationFailure')
  if (!operation || !front.roles.allows(call.requesterObjectId, target, operation)) {
    throw new StorageRefusal('AuthorizationPermissionMismatch')
  }
  if (operation.name === 'GetUserDelegationKey') front.delegates.add(call.requesterObjectId)
}

async function identify(
  { now, entra, findKey, delegates }: StorageFront,
  request: IncomingMessage,
  call: StorageCall,
): Promise<void> {
  const authorization = headerOf(request, 'authorization')
  const delegation = readDelegation(request.url ?? '', authorization)
  if (delegation) {
    // Azurite behind us checks signature, times and permissions; it does not know who may sign.
    const { objectId, tenantId, signature } = delegation
    call.authenticationHash = sha256Hex(signature).toUpperCase()
    if (tenantId !== entra.tenantId || !delegates.has(objectId)) {
      throw new StorageRefusal('AuthenticationFailed')
    }
    call.tenantId = tenantId
    call.requesterObjectId = objectId
    return
  }
  if (isKeyBased(request.url ?? '', authorization)) {
    throw new StorageRefusal('KeyBasedAuthenticationNotPermitted')
  }
  const token = readBearer(authorization, headerOf(request, 'x-ms-version'))
  if (token === undefined) throw new StorageRefusal('NoAuthenticationInformation')
  call.authenticationHash = sha256Hex(token).toUpperCase()
  const caller = await verifyAccessToken({ now, findKey, tenantId: entra.tenantId }, token)
  call.tenantId = caller.tenantId
  call.requesterObjectId = caller.objectId
  call.requesterAppId = caller.appId
}

function injectFailure(failures: InjectedFailure[], operation: string): void {
  const failure = takeFailure(failures, operation)
  if (!failure) return
  const { code, status, retryAfterSeconds } = failure
  throw new StorageRefusal(code, {
    status,
    ...(retryAfterSeconds !== undefined && { retryAfterSeconds }),
  })
}
