// What every transfer test needs: a client on a fake store with time that does not pass, and a
// folder of its own.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { Secret } from '../core/secret.ts'
import { createHttp } from '../http/node.ts'
import { type FakeStore, startStore } from './blob-store.fixture.ts'
import { createBlobClient } from './blob/client.ts'
import { createHalt } from './halt.ts'
import { createSlots } from './schedule.ts'

/** A client, a store and a folder; `sleeps` are the waits that were asked for, in milliseconds. */
export async function openBench({ container = 'ccc', connections = 8 } = {}) {
  const store = await startStore()
  const folder = await mkdtemp(join(tmpdir(), 'asd-'))
  const http = createHttp({ maxConnections: connections })
  const sleeps: number[] = []
  const ending = new AbortController()
  const sleep = async (ms: number, signal?: AbortSignal) => {
    sleeps.push(ms)
    // The grace after a failure is waited for really, all others not at all.
    if (ms !== 2_000) return
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, 200)
      signal?.addEventListener('abort', () => {
        clearTimeout(timer)
        resolve()
      })
    })
  }
  let count = 0
  const newId = () => `id-${count++}`
  const tokens = {
    current: new Secret('t0'),
    renewals: 0,
    get: () => Promise.resolve(tokens.current),
    refresh: () => {
      tokens.renewals += 1
      tokens.current = new Secret(`t${tokens.renewals}`)
      return Promise.resolve(tokens.current)
    },
  }
  const halt = createHalt({ sleep }, ending.signal)
  const address = { origin: store.origin, pathPrefix: '', container }
  const now = () => new Date(0)
  const client = createBlobClient(
    { send: http.send, tokens, now, sleep, random: () => 0.5, newId, userAgent: 'test/1', halt },
    address,
  )
  const slots = createSlots({ connections, bytes: 64 * 1024 * 1024 })
  const moved = { bytes: 0 }
  const deps = {
    client,
    halt,
    slots,
    newId,
    onBytes: (bytes: number) => {
      moved.bytes += bytes
    },
  }
  const close = async () => {
    halt.abort()
    http.close()
    await store.close()
    await rm(folder, { recursive: true, force: true })
  }
  return { store, folder, sleeps, tokens, ending, client, deps, moved, close }
}

/** What `openBench` gives. */
export type Bench = Awaited<ReturnType<typeof openBench>>

/** Spoils the first `times` requests whose line contains `text`. */
export function spoilFirst(
  store: FakeStore,
  text: string,
  spoil: ReturnType<FakeStore['spoil']>,
  times = 1,
): void {
  let left = times
  store.spoil = (line) => (line.includes(text) && left-- > 0 ? spoil : undefined)
}
