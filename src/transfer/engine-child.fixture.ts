// Downloads everything from a fake store, in a process of its own that a test kills.
import { setTimeout as sleepFor } from 'node:timers/promises'

import { Secret } from '../core/secret.ts'
import { createLeanHttp } from '../http/lean/lean.ts'
import { createBlobRemote } from './blob/remote.ts'
import { runJob, toDownload } from './engine.fixture.ts'
import { createHalt } from './move/halt.ts'
import { createSlots } from './move/slots.ts'

/** Downloads the container `ccc` into a folder. */
export async function downloadAll(origin: string, folder: string): Promise<void> {
  const now = () => new Date()
  const sleep = async (ms: number) => sleepFor(ms)
  const halt = createHalt({ sleep }, new AbortController().signal)
  const token = new Secret('t')
  const http = createLeanHttp({ maxConnections: 4 })
  let count = 0
  const newId = () => `id-${count++}`
  const remote = createBlobRemote(
    {
      send: http.send,
      tokens: { get: async () => token, refresh: async () => token },
      now,
      sleep,
      random: () => 0.5,
      newId,
      userAgent: 'test/1',
      halt,
    },
    { origin: new URL(origin), pathPrefix: '', container: 'ccc' },
  )
  const slots = createSlots({ now, sleep }, { connections: 4, bytes: 64 * 1024 * 1024 })
  const deps = { remote, slots, halt, newId, pid: process.pid, now, onBytes: () => undefined }
  await runJob(deps, toDownload(folder))
  http.close()
}
