// For the tests of the blob remote: a remote on the fake store, with waits that are noted but not kept.
import { Secret } from '../../core/secret.ts'
import { createHttp } from '../../http/node.ts'
import { createHalt } from '../move/halt.ts'
import type { Properties, Write } from '../remote.ts'
import { type FakeStore, startStore } from './blob-store.fixture.ts'
import type { CallDeps } from './call.ts'
import { createBlobRemote } from './remote.ts'

/** A remote, its store, and everything it did to its surroundings. */
export async function openRemoteBench(more: Partial<CallDeps> = {}) {
  const store: FakeStore = await startStore()
  const http = createHttp({ maxConnections: 8 })
  const sleeps: number[] = []
  const throttles: (number | undefined)[] = []
  const ending = new AbortController()
  const sleep = async (ms: number): Promise<void> => void sleeps.push(ms)
  const halt = createHalt({ sleep }, ending.signal)
  let [ids, tokenNumber] = [0, 0]
  const deps: CallDeps = {
    send: http.send,
    tokens: {
      get: async () => new Secret(`t${tokenNumber}`),
      refresh: async () => new Secret(`t${++tokenNumber}`),
    },
    now: () => new Date(0),
    sleep,
    random: () => 0.5,
    newId: () => `id-${ids++}`,
    userAgent: 'test/1',
    halt,
    onThrottle: (afterMs) => void throttles.push(afterMs),
    ...more,
  }
  const address = { origin: store.origin, pathPrefix: '', container: 'ccc' }
  return {
    store,
    deps,
    sleeps,
    throttles,
    ending,
    remote: createBlobRemote(deps, address),
    inContainer: (container: string) => createBlobRemote(deps, { ...address, container }),
    close: async () => {
      halt.abort()
      http.close()
      await store.close()
    },
  }
}

/** What to write beside a content; plain text under no condition unless said otherwise. */
export function writing(
  more: Partial<Omit<Write, 'properties'>> & { properties?: Partial<Properties> } = {},
): Write {
  return {
    condition: { kind: 'none' },
    attributes: {},
    digests: {},
    ...more,
    properties: { contentType: 'text/plain', metadata: {}, tags: {}, ...more.properties },
  }
}
