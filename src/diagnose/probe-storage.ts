// The last links: the account as anybody meets it, then one listing, one write and one removal below the
// target with the build's token (Blob Service REST, File Service REST; facts/federation.md §2.1).
import { storageFault, storageUnreachable } from '../azure/storage-faults.ts'
import { Secret } from '../core/secret.ts'
import { type HttpAnswer, HttpError, type HttpRequest, type Send } from '../http/http.ts'
import { apiVersion } from '../transfer/blob/call.ts'
import {
  type ContainerAddress,
  encodeBlobName,
  showAddress,
  toBlobPath,
  toContainerPath,
} from '../transfer/blob/names.ts'
import { toFact, type FaultFact } from './facts.ts'

/** What storage calls need. */
export type StorageDeps = { send: Send; newId: () => string; userAgent: string }

/** A container or share, and the path below it that is meant; `prefix` is empty or ends in a slash. */
export type StoragePlace = {
  service: 'blob' | 'files'
  address: ContainerAddress
  prefix: string
}

type Part = Pick<HttpRequest, 'method' | 'path'> & {
  headers?: Record<string, string>
  body?: Buffer
}

const noToken = new Secret('e30.e30.e30')

/** What the account says to a call without a token: where it sends people for one. */
export async function probeAccount(
  deps: StorageDeps,
  place: StoragePlace,
): Promise<{ fault?: FaultFact; tenantId?: string }> {
  try {
    const anonymous = await send(deps, place, properties(place), undefined)
    // Where anonymous reading is known, the answer may be of that; to a token that is none it never is.
    const tenantId =
      tenantOf(anonymous) ?? tenantOf(await send(deps, place, properties(place), noToken))
    return tenantId === undefined ? {} : { tenantId }
  } catch (error) {
    if (!(error instanceof HttpError)) throw error
    return { fault: toFact(storageUnreachable(error, about(place, 'reach the account'))) }
  }
}

function tenantOf({ headers }: HttpAnswer): string | undefined {
  const home = /authorization_uri="?[^\s",]*?\/([\da-f-]{36})\//i
  return home.exec(headers['www-authenticate'] ?? '')?.[1]
}

/** Reads the properties of the container or share. */
export async function readProperties(
  deps: StorageDeps,
  place: StoragePlace,
  token: Secret,
): Promise<void> {
  await call(deps, place, properties(place), {
    token,
    doing: `look at ${showAddress(place.address)}`,
  })
}

/** Lists one name below the target; gives the folder of a share that was there to be listed. */
export async function listOne(
  deps: StorageDeps,
  place: StoragePlace,
  token: Secret,
): Promise<string> {
  const { address, prefix, service } = place
  const container = toContainerPath(address)
  const doing = `list below “${prefix}”`
  if (service === 'blob') {
    const query = `?restype=container&comp=list&maxresults=1&prefix=${encodeURIComponent(prefix)}`
    await call(deps, place, { method: 'GET', path: container + query }, { token, doing })
    return prefix
  }
  const segments = prefix.split('/').filter(Boolean)
  for (;;) {
    const folder = segments.join('/')
    const path = `${container}${folder && `/${encodeBlobName(folder)}`}?restype=directory&comp=list&maxresults=1`
    const answer = await call(
      deps,
      place,
      { method: 'GET', path },
      { token, doing, accepts: folder === '' ? [] : ['ResourceNotFound', 'ParentNotFound'] },
    )
    // A folder that an upload would make: what is above it has the same rights.
    if (answer.status < 300) return folder && `${folder}/`
    segments.pop()
  }
}

/** Makes a probe below this folder; gives the way to remove it. */
export async function createProbe(
  deps: StorageDeps,
  place: StoragePlace,
  folder: string,
  token: Secret,
): Promise<() => Promise<void>> {
  const name = `${folder}.azure-storage-drone-doctor-${deps.newId()}`
  const path = toBlobPath(place.address, name)
  const part: Part =
    place.service === 'blob'
      ? {
          method: 'PUT',
          path,
          headers: { 'x-ms-blob-type': 'BlockBlob', 'if-none-match': '*' },
          body: Buffer.from('probe\n'),
        }
      : {
          method: 'PUT',
          path,
          headers: { 'x-ms-type': 'file', 'x-ms-content-length': '0' },
          body: Buffer.alloc(0),
        }
  await call(deps, place, part, { token, doing: `create the probe “${name}”` })
  return async () => {
    await call(
      deps,
      place,
      { method: 'DELETE', path },
      { token, doing: `remove the probe “${name}”` },
    )
  }
}

function properties({ address, service }: StoragePlace): Part {
  const kind = service === 'blob' ? 'container' : 'share'
  return { method: 'GET', path: `${toContainerPath(address)}?restype=${kind}` }
}

async function call(
  deps: StorageDeps,
  place: StoragePlace,
  part: Part,
  { token, doing, accepts = [] }: { token: Secret; doing: string; accepts?: readonly string[] },
): Promise<HttpAnswer> {
  try {
    const answer = await send(deps, place, part, token)
    const isFine = answer.status >= 200 && answer.status < 300
    if (isFine || accepts.includes(answer.headers['x-ms-error-code'] ?? '')) return answer
    throw storageFault(answer, about(place, doing))
  } catch (error) {
    if (error instanceof HttpError) throw storageUnreachable(error, about(place, doing))
    throw error
  }
}

function send(
  { send: sendOne, newId, userAgent }: StorageDeps,
  { address, service }: StoragePlace,
  { method, path, headers, body }: Part,
  token: Secret | undefined,
): Promise<HttpAnswer> {
  return sendOne({
    method,
    origin: address.origin,
    path,
    headers: {
      ...headers,
      ...(token && { authorization: `Bearer ${token.reveal()}` }),
      ...(service === 'files' && { 'x-ms-file-request-intent': 'backup' }),
      'x-ms-version': apiVersion,
      'x-ms-client-request-id': newId(),
      'user-agent': userAgent,
    },
    ...(body && { body }),
  })
}

function about({ address, service }: StoragePlace, doing: string) {
  return {
    doing,
    container: address.container,
    host: address.origin.host,
    place: service === 'blob' ? ('container' as const) : ('share' as const),
  }
}
