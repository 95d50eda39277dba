// What a step gets from the process it runs in: clock, randomness, signals, the network, a log, and a
// terminal if there is one. The doors of the plugin and of the transfer commands share it.
import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { WriteStream } from 'node:tty'

import { version } from '../src/core/version.ts'
import { openHttp } from '../src/http/open.ts'
import { createLog } from '../src/plugin/report.ts'
import type { RunDeps } from '../src/plugin/run.ts'
import type { Environment } from '../src/plugin/settings.ts'

/** Where people read: a stream, maybe a terminal. */
export type Output = Pick<WriteStream, 'write'> & Partial<Pick<WriteStream, 'isTTY' | 'columns'>>

/** The means of one step; a first SIGTERM or SIGINT ends it cleanly, a second at once. */
export function openDoor(output: Output): RunDeps {
  const write = gatherWrites(output)
  const ending = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => ending.abort())
  }
  const isTerminal = output.isTTY === true
  const screen = {
    // A terminal that does not know its width says 0.
    columns: () => output.columns || 80,
    write,
  }
  return {
    openHttp,
    now: () => new Date(),
    sleep: async (milliseconds, signal) => {
      await wait(milliseconds, undefined, signal ? { signal } : {}).catch(() => undefined)
    },
    random: Math.random,
    newId: randomUUID,
    // A line goes where the bar stood.
    log: createLog((text) => write(isTerminal ? `\r\u001B[K${text}` : text)),
    signal: ending.signal,
    isBusy: createBusyMeter(),
    saveMemory,
    pid: process.pid,
    version,
    ...(isTerminal && { screen }),
  }
}

/** Whether a person typed the command: at a terminal, and in no build of any CI system. */
export function isPersonAt({ isTTY }: Pick<Output, 'isTTY'>, env: Environment): boolean {
  return isTTY === true && !env['CI'] && !env['DRONE']
}

const gatheredChars = 64 * 1024

/** Writes what is said in one turn at once: a listing of a hundred thousand names is not as many writes. */
export function gatherWrites(output: Output): (text: string) => void {
  let gathered = ''
  const flush = () => {
    if (gathered !== '') output.write(gathered)
    gathered = ''
  }
  return (text) => {
    if (gathered === '') queueMicrotask(flush)
    gathered += text
    if (gathered.length > gatheredChars) flush()
  }
}

// From here on the thread is what holds everything up, not the wire.
const busyShare = 0.95

function createBusyMeter(): () => boolean {
  let before = performance.eventLoopUtilization()
  return () => {
    const now = performance.eventLoopUtilization()
    const { utilization } = performance.eventLoopUtilization(now, before)
    before = now
    return utilization > busyShare
  }
}

// A small nursery is swept often, and what was received and written away goes with it: a large
// download peaks at 150 MB instead of 250 (measured), and is not slower. Many small files take a
// quarter less time with one that grows, so it is not kept small for them.
async function saveMemory(): Promise<void> {
  const { setFlagsFromString } = await import('node:v8')
  setFlagsFromString('--semi-space-growth-factor=1')
}
