// Who may call at all, and in which form: https, a token that proves the caller, the intent that Files
// wants with it, a version of the API that knows bearer tokens, no conditions (facts/transfer.md §7).
import type { IncomingMessage } from 'node:http'

import type { CompactVerifyGetKey } from 'jose'

import { sha256Hex } from '../../core/digest.ts'
import type { Clock } from '../../core/time.ts'
import { headerOf, StorageRefusal } from '../storage-errors.ts'
import { isKeyBased } from '../storage-operations.ts'
import { readBearer, verifyAccessToken } from '../storage-tokens.ts'
import { filesRefusal } from './errors.ts'
import type { FilesAction } from './roles.ts'
import type { FilesTarget } from './target.ts'
import type { FilesTree } from './tree.ts'

type Knowing = {
  now: Clock
  tenantId: string
  findKey: CompactVerifyGetKey
  accounts: ReadonlySet<string>
  isNetworkDenied: boolean
}

type Identity = {
  authenticationHash: string
  requesterAppId: string
  requesterObjectId: string
  tenantId: string
}

// Older versions ignore bearer tokens, for files and for the shares themselves.
const firstBearerVersion = '2022-11-02'
const firstShareBearerVersion = '2024-11-04'
const firstNfsVersion = '2025-05-05'
const conditions = ['if-match', 'if-none-match', 'if-modified-since', 'if-unmodified-since']

/** Proves the caller and its intent, or refuses; what is proven goes into the row of the log. */
export async function identify(
  front: Knowing,
  request: IncomingMessage,
  target: FilesTarget,
  row: Identity,
): Promise<void> {
  if (!('encrypted' in request.socket)) throw filesRefusal('AccountRequiresHttps')
  if (!front.accounts.has(target.account)) throw filesRefusal('ResourceNotFound')
  const authorization = headerOf(request, 'authorization')
  if (isKeyBased(request.url ?? '', authorization)) {
    throw new StorageRefusal('KeyBasedAuthenticationNotPermitted')
  }
  const token = readBearer(authorization, headerOf(request, 'x-ms-version'))
  if (token === undefined) throw new StorageRefusal('NoAuthenticationInformation')
  row.authenticationHash = sha256Hex(token).toUpperCase()
  const caller = await verifyAccessToken(front, token)
  row.tenantId = caller.tenantId
  row.requesterObjectId = caller.objectId
  row.requesterAppId = caller.appId
  const intent = headerOf(request, 'x-ms-file-request-intent')
  if (intent === '') {
    throw filesRefusal('MissingRequiredHeader', { HeaderName: 'x-ms-file-request-intent' })
  }
  if (intent !== 'backup') {
    throw filesRefusal('InvalidHeaderValue', { HeaderName: 'x-ms-file-request-intent' })
  }
  if (front.isNetworkDenied) throw new StorageRefusal('AuthorizationFailure')
}

/** Refuses versions of the API that do not know the call, and conditions, which Files does not know. */
export function assertSupported(
  tree: FilesTree,
  request: IncomingMessage,
  { account, share }: FilesTarget,
  action: FilesAction,
): void {
  const version = headerOf(request, 'x-ms-version')
  const first = action === 'shares/manage' ? firstShareBearerVersion : firstBearerVersion
  if (version < first) {
    const detail = 'Authentication scheme Bearer is not supported in this version.'
    throw new StorageRefusal('AuthenticationFailed', { detail })
  }
  const isNfs = tree.shares.get(`${account}/${share}`)?.protocol === 'NFS'
  if (isNfs && version < firstNfsVersion) {
    throw filesRefusal('InvalidHeaderValue', { HeaderName: 'x-ms-version' })
  }
  if (conditions.some((name) => request.headers[name] !== undefined)) {
    throw filesRefusal('ConditionHeadersNotSupported')
  }
}
