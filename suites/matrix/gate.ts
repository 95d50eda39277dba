// The lab under the names of an Azure cloud: one https server that passes requests for Entra, Blob and
// Files on by their Host header, and a proxy that leads every tunnel for such a name to it.
import type { ClientRequest, IncomingMessage, ServerResponse } from 'node:http'
import { Agent, createServer, request } from 'node:https'
import type { AddressInfo } from 'node:net'
import { pipeline } from 'node:stream'

import type { Cloud } from '../../src/azure/clouds.ts'
import type { Installation } from '../../src/demo/installation.ts'
import { type Proxy, startProxy } from './proxy.ts'

/** The names of a cloud, as they stand in `host:port` of tunnels. */
export type CloudHosts = { login: string; blob: string; files: string }

/** A running gate. */
export type Gate = { proxy: Proxy; hosts: CloudHosts; close: () => Promise<void> }

/** Starts a gate for one cloud. */
export async function startGate(
  { authority, entra, storage }: Pick<Installation, 'authority' | 'entra' | 'storage'>,
  { filesUrl, account, cloud }: { filesUrl: string; account: string; cloud: Cloud },
): Promise<Gate> {
  const hosts = {
    login: new URL(cloud.authorityHost).host,
    blob: `${account}.${cloud.blobSuffix}`,
    files: `${account}.${cloud.fileSuffix}`,
  }
  const targets: Readonly<Record<string, Target>> = {
    // Its documents name addresses by the Host header, so that stays.
    [hosts.login]: { url: entra.url, prefix: '', host: hosts.login },
    [hosts.blob]: { url: storage.url, prefix: `/${account}` },
    [hosts.files]: { url: filesUrl, prefix: `/${account}` },
  }
  const agent = new Agent({ keepAlive: true, ca: authority.caPem })
  const { certPem, keyPem } = await authority.issue(Object.keys(targets))
  const server = createServer({ cert: certPem, key: keyPem }, (question, response) => {
    const target = targets[question.headers.host ?? '']
    if (!target) response.writeHead(421).end()
    else question.pipe(passOn(agent, target, question, response))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const proxy = await startProxy((host, asked) =>
    targets[host] ? { host: '127.0.0.1', port } : { host, port: asked },
  )
  return {
    proxy,
    hosts,
    close: async () => {
      await proxy.close()
      agent.destroy()
      await new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      })
    },
  }
}

type Target = { url: string; prefix: string; host?: string }

function passOn(
  agent: Agent,
  { url, prefix, host: kept }: Target,
  question: IncomingMessage,
  response: ServerResponse,
): ClientRequest {
  const { host, hostname, port } = new URL(url)
  const upstream = request({
    agent,
    hostname,
    servername: hostname,
    port,
    method: question.method,
    path: `${prefix}${question.url ?? ''}`,
    headers: { ...question.headers, host: kept ?? host },
  })
  upstream.once('response', (answer) => {
    response.writeHead(answer.statusCode ?? 502, answer.headers)
    pipeline(answer, response, () => undefined)
  })
  upstream.once('error', () => response.destroy())
  return upstream
}
