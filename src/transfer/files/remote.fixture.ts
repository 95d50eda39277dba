// What the tests of this room need: a share as the engine sees it, over the real transport, with time
// that does not pass while it waits.
import { Secret } from '../../core/secret.ts'
import { createHttp } from '../../http/node.ts'
import type { CallDeps } from '../blob/call.ts'
import { crc64Of } from '../crc64/crc64.ts'
import { createHalt } from '../move/halt.ts'
import type { Remote, Write } from '../remote.ts'
import { createFilesRemote } from './remote.ts'

/** Where the service is and who calls it. */
export type Service = {
  origin: URL
  pathPrefix: string
  caPem: string
  token: string
  now: () => Date
}

/** A remote place for one share, and the way to close its connections. */
export function openShare(
  { origin, pathPrefix, caPem, token, now }: Service,
  share: string,
  more: Partial<CallDeps> = {},
): { remote: Remote; sleeps: number[]; close: () => void } {
  const http = createHttp({ maxConnections: 16, ca: [caPem] })
  const sleeps: number[] = []
  const sleep = (ms: number) => {
    sleeps.push(ms)
    return Promise.resolve()
  }
  let count = 0
  const secret = new Secret(token)
  const deps: CallDeps = {
    send: http.send,
    tokens: { get: () => Promise.resolve(secret), refresh: () => Promise.resolve(secret) },
    now,
    sleep,
    random: () => 0.5,
    newId: () => `id-${count++}`,
    userAgent: 'test/1',
    halt: createHalt({ sleep }, new AbortController().signal),
    ...more,
  }
  const remote = createFilesRemote(deps, { origin, pathPrefix, container: share })
  return { remote, sleeps, close: () => http.close() }
}

/** A write of this content as the engine would have it: with its CRC-64. */
export function writeOf(content: Buffer, more: Partial<Write> = {}): Write {
  return {
    properties: { contentType: 'text/plain', metadata: {}, tags: {} },
    attributes: {},
    digests: { crc64: crc64Of(content) },
    condition: { kind: 'none' },
    ...more,
  }
}
