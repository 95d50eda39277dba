// Which proxy an origin is reached through, by the habits of curl for HTTP_PROXY, HTTPS_PROXY and
// NO_PROXY (its manual, ENVIRONMENT), plus address ranges.
import { BlockList, isIP } from 'node:net'

import { HttpError, type ProxyOptions } from './http.ts'

/** The proxy's URL, or undefined for a direct way; throws `HttpError` for an address that is none. */
export function proxyFor(proxy: ProxyOptions | undefined, origin: URL): string | undefined {
  const address = origin.protocol === 'https:' ? proxy?.httpsProxy : proxy?.httpProxy
  if (!address || isDirect(proxy?.noProxy ?? '', origin)) return undefined
  const full = address.includes('://') ? address : `http://${address}`
  const url = URL.parse(full)
  if (!url?.hostname || (url.protocol !== 'http:' && url.protocol !== 'https:')) {
    // The address is not shown: it may hold a password.
    const why = 'the proxy address is not an http:// or https:// URL'
    throw new HttpError(why, 'ERR_PROXY_INVALID_CONFIG', false)
  }
  return url.href
}

function isDirect(noProxy: string, { hostname, port, protocol }: URL): boolean {
  const host = hostname.replaceAll(/[[\]]/g, '').replace(/\.$/, '').toLowerCase()
  const realPort = port || (protocol === 'http:' ? '80' : '443')
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      if (entry === '*') return true
      const [, name = entry, entryPort] = /^(\[.*\]|[^:]+):(\d+)$/.exec(entry) ?? []
      if (entryPort !== undefined && entryPort !== realPort) return false
      return matches(name.replaceAll(/[[\]]/g, ''), host)
    })
}

function matches(entry: string, host: string): boolean {
  const family = isIP(host)
  if (family !== 0) return inRange(entry, host, family === 6 ? 'ipv6' : 'ipv4')
  // `example.com`, `.example.com` and `*.example.com` all mean the name and what is below it.
  const name = entry.replace(/^\*?\./, '').replace(/\.$/, '')
  return name !== '' && (host === name || host.endsWith(`.${name}`))
}

function inRange(entry: string, host: string, family: 'ipv4' | 'ipv6'): boolean {
  const [first = '', last] = entry.split('-')
  const [net = '', bits] = entry.split('/')
  const list = new BlockList()
  try {
    if (last !== undefined) list.addRange(first, last, family)
    else if (bits === undefined) list.addAddress(entry, family)
    else if (/^\d{1,3}$/.test(bits)) list.addSubnet(net, Number(bits), family)
  } catch {
    // Not an address of this family: it is no match.
    return false
  }
  return list.check(host, family)
}
