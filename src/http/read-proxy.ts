// The variables that every program on a machine reads its proxy from.
import type { ProxyOptions } from './http.ts'

/** The proxy of the environment, by either way to write its variables; small letters win, as with curl. */
export function readProxy(env: Readonly<Record<string, string | undefined>>): ProxyOptions {
  // HTTP_PROXY in capitals can be set by a header of a CGI request; a step is none.
  const read = (name: string) => env[name] || env[name.toUpperCase()]
  const [httpProxy, httpsProxy, noProxy] = ['http_proxy', 'https_proxy', 'no_proxy'].map(read)
  return {
    ...(httpProxy && { httpProxy }),
    ...(httpsProxy && { httpsProxy }),
    ...(noProxy && { noProxy }),
  }
}
