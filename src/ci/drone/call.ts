// One HTTP call to a Drone server or to another extension: no redirects, no proxy taken from the
// environment, an end in time, and an answer of limited size. The caller judges the status.
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'

import type { Secret } from '../../core/secret.ts'

/** A server we call: its URL, the token it knows us by, and certificates (PEM) to trust instead of Node's own. */
export type Endpoint = { url: string; token: Secret; ca?: string }

/** One call; `timeoutMilliseconds` bounds all of it, from the name look-up to the last byte. */
export type OutgoingCall = {
  method: 'GET' | 'POST'
  url: string
  headers: Readonly<Record<string, string>>
  body?: Uint8Array
  ca?: string
  timeoutMilliseconds: number
  answerLimitBytes: number
}

/** A whole answer, whatever its status; header names are in lower case. */
export type CallAnswer = { status: number; headers: ReadonlyMap<string, string>; body: Buffer }

/** Makes one call; rejects with an ordinary Error when no whole answer came. */
export type Call = (call: OutgoingCall) => Promise<CallAnswer>

/** The real network. A connection for each call: a reused one can die under a request. */
export const callOnce: Call = (call) => {
  const { promise, resolve, reject } = Promise.withResolvers<CallAnswer>()
  const signal = AbortSignal.timeout(call.timeoutMilliseconds)
  const { method, headers } = call
  const options = {
    method,
    headers,
    agent: false,
    signal,
    ...(call.ca && { ca: call.ca }),
  } as const
  const open = call.url.startsWith('https:') ? requestHttps : requestHttp
  const request = open(call.url, options, (response) => {
    const pieces: Buffer[] = []
    let sizeBytes = 0
    response.on('data', (piece: Buffer) => {
      sizeBytes += piece.length
      if (sizeBytes > call.answerLimitBytes) {
        request.destroy(new Error(`the answer is longer than ${call.answerLimitBytes} bytes`))
      } else pieces.push(piece)
    })
    response.on('error', fail)
    response.on('close', () => {
      if (!response.complete) return fail(new Error('the answer was cut short'))
      const names = Object.entries(response.headers)
      resolve({
        status: response.statusCode ?? 0,
        headers: new Map(names.map(([name, value]) => [name, String(value)])),
        body: Buffer.concat(pieces),
      })
    })
  })
  function fail(error: Error): void {
    reject(signal.aborted ? new Error(`no answer within ${call.timeoutMilliseconds} ms`) : error)
  }
  request.on('error', fail)
  request.end(call.body)
  return promise
}
