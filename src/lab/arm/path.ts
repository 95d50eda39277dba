// Resource ids and request paths of Azure Resource Manager: scope, provider, types and names; letters
// of either case mean the same (Azure Resource Manager, "Resource ID", resource provider contract).
import { ControlRefusal } from '../control/server.ts'

/** A parsed request path: `{scope}/providers/{namespace}/{type}/{name}/…`, or a subscription or group. */
export type ArmPath = {
  /** `/subscriptions/…` as it was sent; empty for the tenant. */
  scope: string
  /** Lower case, with the namespace: `microsoft.storage/storageaccounts/blobservices/containers`. */
  type: string
  names: readonly string[]
  isItem: boolean
  /** The whole path without a slash at the end. */
  id: string
}

/** Takes a request path apart; 400 when it cannot be decoded. */
export function parseArmPath(path: string): ArmPath {
  const segments = decodePath(path)
  const id = `/${segments.join('/')}`
  const at = segments.findLastIndex((segment) => segment.toLowerCase() === 'providers')
  if (at < 0) {
    const { types, names } = pair(segments)
    const above = segments.slice(0, types.length > 1 ? 2 : 0)
    const scope = above.length > 0 ? `/${above.join('/')}` : ''
    return { scope, type: types.join('/'), names, isItem: types.length === names.length, id }
  }
  const { types, names } = pair(segments.slice(at + 2))
  const scope = at === 0 ? '' : `/${segments.slice(0, at).join('/')}`
  const type = [segments[at + 1]?.toLowerCase() ?? '', ...types].join('/')
  return { scope, type, names, isItem: types.length === names.length, id }
}

/** Whether the one scope is the other or lies below it. */
export function isWithin(inner: string, outer: string): boolean {
  const [one, other] = [inner.toLowerCase(), outer.toLowerCase()]
  return other === '' || other === '/' || one === other || one.startsWith(`${other}/`)
}

/** Whether two resource ids are the same. */
export function isSameScope(one: string, other: string): boolean {
  return one.toLowerCase() === other.toLowerCase()
}

function pair(segments: readonly string[]): { types: string[]; names: string[] } {
  const types = segments.filter((_, index) => index % 2 === 0).map((type) => type.toLowerCase())
  return { types, names: segments.filter((_, index) => index % 2 === 1) }
}

function decodePath(path: string): string[] {
  try {
    const segments = path.split('/').map((segment) => decodeURIComponent(segment))
    return segments.filter((segment) => segment !== '')
  } catch {
    throw new ControlRefusal(400, 'BadRequest', 'The request URL is not valid.')
  }
}
