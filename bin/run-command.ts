// Runs somebody else's command in our place: its own terminal, our signals, and its exit code.
import { spawn } from 'node:child_process'
import { constants } from 'node:os'

import { Fault, messageOf } from '../src/core/fault.ts'
import type { Environment } from '../src/plugin/settings.ts'

const passedOn = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'SIGUSR2'] as const

// A terminal gives these to the command itself, and some programs take a second one for “at once”.
const givenByTerminal: readonly string[] = ['SIGINT', 'SIGQUIT', 'SIGHUP']

/** Runs the command to its end; gives its exit code as a shell would, also when there is no such command. */
export async function runCommand(
  [command = '', ...args]: readonly string[],
  env: Environment,
): Promise<number> {
  const { promise, resolve } = Promise.withResolvers<number>()
  const child = spawn(command, args, { stdio: 'inherit', env: { ...env } })
  const handlers = passedOn.map((signal) => {
    const handle = () => {
      if (!(process.stdin.isTTY && givenByTerminal.includes(signal))) child.kill(signal)
    }
    process.on(signal, handle)
    return [signal, handle] as const
  })
  child.once('exit', (code, signal) => {
    resolve(signal === null ? (code ?? 70) : 128 + constants.signals[signal])
  })
  child.once('error', (error: NodeJS.ErrnoException) => {
    // A running command that could not be sent a signal is none of these.
    if (child.pid === undefined) resolve(tellAbsent(command, error))
  })
  try {
    return await promise
  } finally {
    for (const [signal, handle] of handlers) process.off(signal, handle)
  }
}

// With the exit codes of a shell, as whoever wraps a command expects them.
function tellAbsent(command: string, error: NodeJS.ErrnoException): number {
  const isAbsent = error.code === 'ENOENT'
  const why = isAbsent ? 'there is no such command' : messageOf(error)
  const fault = new Fault('handoff_command_absent', `“${command}” cannot be run: ${why}.`)
  process.stderr.write(`${fault.message}\nwhat to do: ${fault.hint}\n`)
  return isAbsent ? 127 : 126
}
