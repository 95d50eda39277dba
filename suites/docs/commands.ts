// Runs the shell blocks of one page, in order, in one bash and one scratch folder, and says what went
// otherwise than the page has it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'

import type { PageBlock } from '../../site/page.ts'
import type { ReadFile } from './pages.ts'
import { findMissingLine } from './shape.ts'
import {
  readCommands,
  readOutcomes,
  readReadyText,
  readReason,
  shellLanguages,
  writeScript,
  type Command,
} from './shell.ts'

/** What became of a page: blocks run and not run with a reason, commands, seconds, and what is wrong. */
export type PageRun = {
  run: number
  notRun: number
  commands: number
  seconds: number
  problems: string[]
}

const longestMs = 9 * 60 * 1000

/** The shell blocks of a page. */
export function shellBlocks({ blocks }: Pick<ReadFile, 'blocks'>): PageBlock[] {
  return blocks.filter(({ language }) => shellLanguages.has(language))
}

/** Writes the blocks of a page that begin with the name of a file (`# policy.yaml`) below a folder. */
export function writeNamedFiles({ blocks }: Pick<ReadFile, 'blocks'>, folder: string): void {
  for (const { text, language } of blocks) {
    const name = /^(?:#|\/\/) ([\w./-]+\.\w+)(?:\s|$)/.exec(text)?.[1]
    if (name === undefined || shellLanguages.has(language) || name.includes('..')) continue
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
}

/** Runs a page in `folder`, which has these files unless the page has its own, with exactly these variables. */
export async function runPage(
  page: Pick<ReadFile, 'file' | 'blocks'>,
  {
    folder,
    env,
    files = [],
  }: { folder: string; env: Record<string, string>; files?: readonly string[] },
): Promise<PageRun> {
  const all = shellBlocks(page)
  const blocks = all.filter((block) => readReason(block) === undefined)
  const problems = all
    .filter(({ note }) => note !== '' && !/^(not run: |in the background until: )/.test(note))
    .map(({ line, note }) => `${page.file}:${line}: no such order: ${note}`)
  const notRun = all.length - blocks.length
  if (blocks.length === 0) return { run: 0, notRun, commands: 0, seconds: 0, problems }
  mkdirSync(folder, { recursive: true })
  for (const file of files) cpSync(file, join(folder, basename(file)))
  writeNamedFiles(page, folder)
  const commands = blocks.flatMap((block): Command[] =>
    readReadyText(block) === undefined
      ? readCommands(block)
      : [{ text: block.text, shown: '', line: block.line }],
  )
  const outcomes = readOutcomes(await runBash(writeScript(blocks, folder), folder, env))
  problems.push(...compare(page.file, commands, outcomes))
  return {
    run: blocks.length,
    notRun,
    commands: commands.length,
    seconds: Math.max(0, ...outcomes.map(({ second }) => second)),
    problems,
  }
}

function compare(
  file: string,
  commands: readonly Command[],
  outcomes: ReturnType<typeof readOutcomes>,
): string[] {
  return commands.flatMap(({ text, shown, line }, index) => {
    const at = `${file}:${line}: \`${text.trim().split('\n').join(' ').slice(0, 200)}\``
    const outcome = outcomes[index]
    if (!outcome) return [`${at} was not reached`]
    // Whoever asks for the code expects it.
    const isAsked = /^echo "?\$\?/.test(commands[index + 1]?.text ?? '')
    if (outcome.exit !== 0 && !isAsked) {
      return [`${at} ended with ${outcome.exit}: ${outcome.printed.trim().slice(-1500)}`]
    }
    const missing = findMissingLine(shown, outcome.printed)
    if (missing === undefined) return []
    return [`${at} did not print “${missing}” but: ${outcome.printed.trim().slice(0, 1500)}`]
  })
}

async function runBash(script: string, cwd: string, env: Record<string, string>): Promise<string> {
  const child = spawn('bash', [], { cwd, env, stdio: ['pipe', 'pipe', 'pipe'], detached: true })
  const end = () => {
    try {
      process.kill(-(child.pid ?? 0), 'SIGTERM')
    } catch {
      // It has ended by itself.
    }
  }
  const timer = setTimeout(end, longestMs)
  process.once('exit', end)
  let output = ''
  const read = (chunk: Buffer) => void (output += chunk.toString())
  child.stdout.on('data', read)
  child.stderr.on('data', read)
  // As a whole, because commands of the page must not eat the script from standard input.
  child.stdin.end(`main() {\n${script}}\nmain </dev/null\n`)
  await once(child, 'close')
  clearTimeout(timer)
  process.off('exit', end)
  return output
}
