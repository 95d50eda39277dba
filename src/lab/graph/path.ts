// Paths of Microsoft Graph: `/v1.0/applications/{id}`, `/v1.0/applications(appId='…')` and
// `…(name='…')` (OData 4.01 URL Conventions §4.3, keys in parentheses and as segments).
import { ControlRefusal } from '../control/server.ts'

/** Which object of a collection: by its id or by an alternate key. */
export type GraphKey = { property: string; value: string }

/** A parsed path: `route` has `*` for each key, as in `applications` then a key then `owners`. */
export type GraphPath = { version: 'v1.0' | 'beta'; route: string; keys: readonly GraphKey[] }

const collections = new Set([
  'applications',
  'servicePrincipals',
  'federatedIdentityCredentials',
  'organization',
  'owners',
  'signIns',
  'users',
])

/** Takes a path apart; 400 for a version that does not exist and for broken keys. */
export function parseGraphPath(path: string): GraphPath {
  const [version, ...segments] = decodePath(path).slice(1)
  if (version !== 'v1.0' && version !== 'beta') {
    throw new ControlRefusal(400, 'BadRequest', 'Invalid version.')
  }
  const route: string[] = []
  const keys: GraphKey[] = []
  let collection = ''
  for (const segment of segments) {
    if (collection !== '' && !segment.startsWith('$')) {
      keys.push({ property: 'id', value: segment })
      route.push('*')
      collection = ''
      continue
    }
    const { name, key } = readSegment(segment)
    route.push(name, ...(key ? ['*'] : []))
    if (key) keys.push(key)
    collection = key || !collections.has(name) ? '' : name
  }
  return { version, route: route.join('/'), keys }
}

function readSegment(segment: string): { name: string; key?: GraphKey } {
  if (!segment.includes('(')) return { name: segment }
  const match = /^(\w+)\((\w+)='((?:[^']|'')*)'\)$/.exec(segment)
  if (!match) {
    throw new ControlRefusal(400, 'BadRequest', `Resource not found for the segment '${segment}'.`)
  }
  const [, name = '', property = '', value = ''] = match
  return { name, key: { property, value: value.replaceAll("''", "'") } }
}

function decodePath(path: string): string[] {
  try {
    return path.split('/').map((segment) => decodeURIComponent(segment))
  } catch {
    throw new ControlRefusal(400, 'BadRequest', 'Bad Request - Invalid URL')
  }
}
