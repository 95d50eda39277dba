// The parent's side: two lanes of workers that share the mutants of all rooms. A worker serves one
// room, for only that room's code is instrumented in it and only its tests are loaded.
import { fork } from 'node:child_process'

import type { Mutant } from './instrument.ts'
import type { Coverage, Job, Message } from './worker.ts'

/** What became of a mutant; `hung` ones brought their process to a stop or down. */
export type Fate = 'killed' | 'survived' | 'uncovered' | 'hung'

/** A room: what to try in it, what to try it with, and what is known so far. */
export type Room = {
  name: string
  files: Record<string, string>
  testFiles: string[]
  /** Those not yet tried; whoever tries one takes it out. */
  rest: Mutant[]
  coverage?: Coverage
}

/** What the lanes found. */
export type Seen = { fates: Map<Mutant, Fate>; leftOut: Set<string> }

const hangMs = 8_000
const startMs = 120_000
// A worker loads and measures its room before it tries anything.
const leastShareMs = 60_000

/** Tries mutants until there are none or the time is up, giving each room its share of the time. */
export async function runLane(rooms: readonly Room[], seen: Seen, deadline: number): Promise<void> {
  const isOpen = () => rooms.some(({ rest }) => rest.length > 0) && performance.now() < deadline
  while (isOpen()) {
    for (const [index, room] of rooms.entries()) {
      const ahead = rooms.slice(index).reduce((sum, { rest }) => sum + rest.length, 0)
      const share = room.rest.length / ahead
      const shareMs = Math.max(leastShareMs, (deadline - performance.now()) * share)
      const until = Math.min(deadline, performance.now() + shareMs)
      while (room.rest.length > 0 && performance.now() < until) {
        await runWorker(room, seen, until)
      }
    }
  }
}

/** Ends when the room has no more mutants, the time is up, or the process is done for. */
async function runWorker(room: Room, { fates, leftOut }: Seen, until: number): Promise<void> {
  const child = fork(new URL('worker.ts', import.meta.url), [], {
    // Mutants that print, or leave promises behind, must not disturb the count.
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    execArgv: ['--unhandled-rejections=none', '--max-old-space-size=3072', '--expose-gc'],
  })
  let current: Mutant | undefined
  const kill = () => child.kill('SIGKILL')
  let watchdog = setTimeout(kill, startMs)
  const ending = setTimeout(
    () => {
      // Not its fault.
      if (current) room.rest.push(current)
      current = undefined
      kill()
    },
    Math.max(0, until - performance.now()),
  )
  const goOn = () => {
    current = room.rest.pop()
    if (current) child.send({ id: current.id, file: current.file })
    else kill()
  }
  await new Promise<void>((resolve, reject) => {
    child.on('message', (message: Message) => {
      clearTimeout(watchdog)
      watchdog = setTimeout(kill, current ? hangMs : startMs)
      if (message.kind === 'broken') reject(new Error(message.reason))
      else if (message.kind === 'coverage') room.coverage = message.coverage
      else if (message.kind === 'left out') leftOut.add(message.test)
      else if (message.kind === 'next') goOn()
      else if (message.kind === 'full') kill()
      else if (message.kind !== 'alive') {
        if (current) fates.set(current, message.kind)
        current = undefined
      }
      if (message.kind === 'broken') kill()
    })
    child.once('exit', () => resolve())
    const { files, testFiles, coverage } = room
    const job: Job = { files, testFiles, ...(coverage && { coverage }) }
    child.send(job)
  })
  clearTimeout(watchdog)
  clearTimeout(ending)
  if (current) fates.set(current, 'hung')
}
