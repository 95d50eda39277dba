// The client everything outside uses: the lean one, or node:https where a proxy stands in between.
import type { HttpClient, HttpOptions } from './http.ts'
import { createLeanHttp } from './lean/lean.ts'

/** Opens a client that picks its transport by the origin of each request. */
export function openHttp(options: HttpOptions): HttpClient {
  const lean = createLeanHttp(options)
  const { proxy } = options
  if (!proxy?.httpProxy && !proxy?.httpsProxy) return lean
  let proxied: Promise<HttpClient> | undefined
  return {
    send: async (request) => {
      const { proxyFor } = await import('./proxy.ts')
      if (proxyFor(proxy, request.origin) === undefined) return lean.send(request)
      proxied ??= import('./node.ts').then(({ createHttp }) => createHttp(options))
      return (await proxied).send(request)
    },
    // Which of the two it will be takes a module to tell.
    warm: () => undefined,
    close: () => {
      lean.close()
      void proxied?.then((client) => client.close())
    },
  }
}
