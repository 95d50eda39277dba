// A container, share or path in it as a URL: what the settings on places say in a pipeline.
import { clouds } from '../../azure/clouds.ts'
import { quote } from './values.ts'

/** Settings a URL stands for, and the path below the container or share. */
export type UrlPlace = { given: [name: string, raw: unknown][]; path: string }

/** Whether a word is meant as a URL. */
export function isUrl(word: string): boolean {
  return /^https?:\/\//i.test(word)
}

/** Takes a URL apart, which lies below `endpoint` if that is given; a text says why it cannot be. */
export function readUrl(text: string, endpoint: string | undefined): UrlPlace | string {
  // A query may be a SAS: it is not shown.
  const [bare = '', query] = text.split('?', 2)
  const why = refuseForm(bare, query) ?? refusePlace(bare, endpoint)
  if (why !== undefined) return `${quote(bare)} ${why}`
  const prefix = prefixOf(endpoint)
  const decoded = decode(pathOf(bare).slice(prefix.length).split('/').filter(Boolean))
  if (decoded === undefined) {
    return `${quote(bare)} has a % that is not followed by two hex digits: write %25`
  }
  const [container, ...path] = decoded
  if (container === undefined) return `${quote(bare)} names no container or share`
  const { service, given } = readHost(new URL(bare), prefix, endpoint)
  const name = service === 'file' ? 'share' : 'container'
  return { given: [...given, [name, container]], path: path.join('/') }
}

function refuseForm(bare: string, query: string | undefined): string | undefined {
  if (query !== undefined && /(^|&)sig=/.test(query)) {
    return 'carries a SAS, which is a static key, and this program takes none'
  }
  if (query !== undefined) return 'has a query: write %3F for a question mark in a name'
  return URL.canParse(bare) && bare.startsWith('https:') ? undefined : 'is no https URL'
}

function refusePlace(bare: string, endpoint: string | undefined): string | undefined {
  const { host, hostname, origin } = new URL(bare)
  if (endpoint === undefined) {
    return accountOf(hostname) === undefined
      ? `is of no storage account known by its name: give --endpoint, for example --endpoint ${origin}`
      : undefined
  }
  // A wrong endpoint is told with the other settings.
  if (!URL.canParse(endpoint)) return undefined
  const isBelow =
    new URL(endpoint).host === host && `${pathOf(bare)}/`.startsWith(`${prefixOf(endpoint)}/`)
  return isBelow ? undefined : `does not lie below --endpoint ${quote(endpoint)}`
}

type Host = { service?: string; given: UrlPlace['given'] }

function readHost({ hostname, origin }: URL, prefix: string, endpoint: string | undefined): Host {
  const known = accountOf(hostname)
  if (known === undefined) {
    // Azurite and the like: https://host:port/account/container.
    const name = prefix.split('/').findLast(Boolean) ?? hostname.split('.')[0] ?? ''
    return { given: [['account', /^[a-z\d]{3,24}$/.test(name) ? name : 'account']] }
  }
  const { account, service } = known
  const suffix = hostname.slice(account.length + 1).replace(/^file\./, 'blob.')
  const [cloud] = Object.entries(clouds).find(([, { blobSuffix }]) => blobSuffix === suffix) ?? []
  const where: [string, unknown] =
    cloud === undefined ? ['endpoint', endpoint ?? origin] : ['cloud', cloud]
  return { service, given: [['account', account], ['service', service], where] }
}

function accountOf(hostname: string): { account: string; service: string } | undefined {
  const match = /^([a-z\d]{3,24})\.(?:[a-z\d-]+\.)*?(blob|file)\./.exec(hostname)
  return match?.[1] && match[2] ? { account: match[1], service: match[2] } : undefined
}

function prefixOf(endpoint: string | undefined): string {
  return endpoint !== undefined && URL.canParse(endpoint)
    ? new URL(endpoint).pathname.replace(/\/+$/, '')
    : ''
}

// Not `pathname`: it resolves dots and encodes what a glob may hold.
function pathOf(bare: string): string {
  return bare.replace(/^https:\/\/[^/]*/, '')
}

function decode(segments: readonly string[]): string[] | undefined {
  try {
    return segments.map((segment) => decodeURIComponent(segment))
  } catch {
    return undefined
  }
}
