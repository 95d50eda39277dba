// Child processes of the demo and the end-to-end tests: started with exactly the variables they are
// given, everything they print kept, and never left behind.
import { spawn } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:net'

/** A program that runs until it is stopped. */
export type Program = {
  /** All it has printed so far, both streams. */
  output: () => string
  /** Asks it to end (SIGTERM) and waits. */
  stop: () => Promise<void>
  /** Ends it at once (SIGKILL), as a crash would. */
  kill: () => Promise<void>
  pid: number
}

/** A program that ran to its end. */
export type Finished = { exitCode: number; output: string; seconds: number }

const readySeconds = 30

/** Starts a program and waits until it has printed `readyWhen`; rejects with its output otherwise. */
export async function startProgram(
  command: readonly string[],
  { readyWhen }: { readyWhen: RegExp },
): Promise<Program> {
  const [file = '', ...args] = command
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'], env: {} })
  const killWithUs = () => child.kill('SIGKILL')
  process.once('exit', killWithUs)
  let output = ''
  const ended = once(child, 'exit')
  await new Promise<void>((resolve, reject) => {
    const fail = (why: string) => reject(new Error(`${file} ${args[0] ?? ''} ${why}:\n${output}`))
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      fail(`was not ready within ${readySeconds} seconds`)
    }, readySeconds * 1000)
    let isReady = false
    const read = (chunk: Buffer) => {
      output += chunk.toString()
      if (isReady || !readyWhen.test(output)) return
      isReady = true
      clearTimeout(timer)
      resolve()
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.once('error', (error) => fail(error.message))
    child.once('exit', (code) => {
      clearTimeout(timer)
      fail(`ended with ${code}`)
    })
  })
  const end = async (signal: NodeJS.Signals) => {
    process.off('exit', killWithUs)
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill(signal)
    await ended
  }
  return {
    output: () => output,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
    pid: child.pid ?? 0,
  }
}

/** Runs a program to its end with these variables and no others; `onOutput` sees the text as it comes. */
export async function runProgram(
  command: readonly string[],
  options: { cwd: string; env: Record<string, string>; onOutput?: (text: string) => void },
): Promise<Finished> {
  const [file = '', ...args] = command
  const startedAt = performance.now()
  const child = spawn(file, args, {
    cwd: options.cwd,
    env: options.env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const read = (chunk: Buffer) => {
    output += chunk.toString()
    options.onOutput?.(chunk.toString())
  }
  child.stdout.on('data', read)
  child.stderr.on('data', read)
  const [code] = (await once(child, 'close')) as [number | null]
  return { exitCode: code ?? -1, output, seconds: (performance.now() - startedAt) / 1000 }
}

// Below what systems hand out by themselves (32768 and up on Linux): a port from there may be somebody
// else's before the program that it was found for listens.
const lowestPort = 20_000
const highestPort = 32_000

// Ports belong to the process, and so does this: installations that start side by side have each found
// theirs seconds before anybody listens there.
const handedOut = new Set<number>()

/** Ports of the loopback interface that nobody listens on at this moment, and that nobody else was given here. */
export async function findFreePorts(count: number): Promise<number[]> {
  const ports: number[] = []
  while (ports.length < count) {
    const port = randomInt(lowestPort, highestPort)
    if (handedOut.has(port)) continue
    handedOut.add(port)
    if (await isFree(port)) ports.push(port)
  }
  return ports
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer()
  const { promise, resolve } = Promise.withResolvers<boolean>()
  server.once('error', () => resolve(false))
  server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  return promise
}
