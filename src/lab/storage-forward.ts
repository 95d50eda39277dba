// Passes a storage call through to Azurite byte for byte: raw path, query, headers and body,
// streamed both ways with back-pressure (RFC 9110 §7.6 on what a proxy must not pass on).
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import { pipeline } from 'node:stream'

import { messageOf } from '../core/fault.ts'
import type { Azurite } from './azurite.ts'
import { StorageRefusal } from './storage-errors.ts'

// `expect` too: our own listener has answered it already.
const hopHeaders = new Set(['connection', 'keep-alive', 'expect', 'proxy-connection'])

/** Called with the answer's head before the client can see it, then with each chunk's size. */
export type ForwardWatcher = {
  onAnswer: (answer: IncomingMessage) => void
  onRequestBytes: (count: number) => void
  onResponseBytes: (count: number) => void
}

/** A connection pool to Azurite. */
export type Forwarder = {
  forward: (
    request: IncomingMessage,
    response: ServerResponse,
    watcher: ForwardWatcher,
  ) => Promise<void>
  close: () => void
}

/** Makes a forwarder; it trusts Azurite's certificate by the lab's authority. */
export function createForwarder(
  { caPem }: { caPem: string },
  { host, port }: Pick<Azurite, 'host' | 'port'>,
): Forwarder {
  const agent = new Agent({ keepAlive: true, ca: caPem })
  return {
    forward: (request, response, watcher) =>
      new Promise((resolve, reject) => {
        const upstream = httpsRequest({
          agent,
          host,
          port,
          method: request.method,
          path: request.url,
          headers: withoutHopHeaders(request.rawHeaders),
        })
        upstream.once('response', (answer) => {
          watcher.onAnswer(answer)
          const { statusCode = 502, statusMessage = '' } = answer
          response.writeHead(statusCode, statusMessage, withoutHopHeaders(answer.rawHeaders))
          answer.on('data', (chunk: Buffer) => watcher.onResponseBytes(chunk.length))
          // A broken answer breaks the client's connection too; there is nobody left to tell.
          pipeline(answer, response, () => resolve())
        })
        upstream.once('error', (error) => {
          reject(new StorageRefusal('InternalError', { detail: messageOf(error) }))
        })
        response.once('close', () => {
          if (!response.writableFinished) upstream.destroy()
        })
        request.on('data', (chunk: Buffer) => watcher.onRequestBytes(chunk.length))
        // Not `pipeline`: it would cut the client off when Azurite fails, before we can say so.
        request.pipe(upstream)
      }),
    close: () => agent.destroy(),
  }
}

// Header names and values alternate, spelled as they came.
function withoutHopHeaders(rawHeaders: readonly string[]): string[] {
  const kept: string[] = []
  for (let at = 0; at + 1 < rawHeaders.length; at += 2) {
    const [name = '', value = ''] = rawHeaders.slice(at, at + 2)
    if (!hopHeaders.has(name.toLowerCase())) kept.push(name, value)
  }
  return kept
}
