// What `trust` commands do at the person's own desk: ask before a change, and put a file in the place of
// another.
import { randomUUID } from 'node:crypto'
import { chmodSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'

import { usage, type TrustIo } from './trust-input.ts'

/** A person's yes or no; throws cli_usage when there is nobody to ask. */
export async function isWanted(io: TrustIo, question: string): Promise<boolean> {
  const answer = await (io.ask ?? ask)(question)
  if (answer !== undefined) return answer
  throw usage('there is nobody to ask here: look at --dry-run, then add --yes.')
}

/** Writes a file that is there anew, at once: a link stays a link, and the file keeps its mode. */
export function rewriteFile(io: TrustIo, path: string, text: string): void {
  ;(io.replaceFile ?? replaceFile)(path, text)
}

async function ask(question: string): Promise<boolean | undefined> {
  if (!process.stdin.isTTY || !process.stdout.isTTY) return undefined
  const terminal = createInterface({ input: process.stdin, output: process.stdout })
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim())
  } finally {
    terminal.close()
  }
}

function replaceFile(path: string, text: string): void {
  const real = realpathSync(path)
  const temporary = `${real}.${randomUUID()}`
  try {
    writeFileSync(temporary, text, { flag: 'wx', mode: 0o600, flush: true })
    chmodSync(temporary, statSync(real).mode & 0o777)
    renameSync(temporary, real)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}
