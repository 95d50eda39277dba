// `azure-storage-drone cache …`: the build cache by hand, and around a command.
import { Fault } from '../src/core/fault.ts'
import { findSetting, settingsTable } from '../src/plugin/settings-table.ts'
import { type CommandLine, readCommandLine } from '../src/plugin/settings/flags.ts'
import type { CacheAction } from '../src/plugin/settings/row.ts'
import { runCommand } from './run-command.ts'
import { runLine } from './transfer.ts'

const usage = `azure-storage-drone cache COMMAND URL

  restore URL [PATH...] --key KEY      restores the best key there is
  save URL [PATH...] --key KEY         saves paths under a key, once
  run URL [PATH...] --key KEY -- COMMAND
                                       restores, runs the command, and saves when it went well
  list URL [PATTERN]                   tells which keys there are
  show URL KEY                         tells what a key holds
  clear URL PATTERN                    removes keys; \`*\` stands for anything
  prune URL [--ttl 14d] [--quota 10GB] removes what nobody uses, and what no key holds

URL is the folder of a repository's caches: https://ACCOUNT.blob.core.windows.net/CONTAINER/octo/hello.
Outside of a build, --scope says whose caches: default, branches/NAME or pulls/NUMBER. All flags:
\`cache restore --help\`. What keys, scopes and presets are: docs/cache.md.
`

const actions: Readonly<Record<string, CacheAction>> = {
  restore: 'restore',
  save: 'save',
  list: 'keys',
  show: 'keys',
  clear: 'clear',
  prune: 'prune',
}

/** Runs `cache …`; resolves to the exit code. */
export async function cacheCommand(
  [name = '--help', ...args]: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
  write: (text: string) => void,
): Promise<number> {
  if (name === '--help' || name === '-h') {
    write(usage)
    return 0
  }
  if (name === 'run') return runAround(args, env)
  const action = Object.hasOwn(actions, name) ? actions[name] : undefined
  if (!action) throw new Fault('cli_usage', `cache: There is no command "${name}".`)
  return runLine(action, read(action, args))
}

// The flags of a save mean nothing for a restore and the reverse: each gets its own.
async function runAround(
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>>,
): Promise<number> {
  const at = args.indexOf('--')
  const command = at < 0 ? [] : args.slice(at + 1)
  if (command.length === 0) {
    throw new Fault('cli_usage', 'cache: expected `run URL [PATH...] --key KEY -- COMMAND`.')
  }
  const words = args.slice(0, at)
  const restored = await runLine('restore', meantFor('restore', read('restore', words)))
  if (restored !== 0) return restored
  const exitCode = await runCommand(command, env)
  if (exitCode !== 0) return exitCode
  return runLine('save', meantFor('save', read('save', words)))
}

function read(action: CacheAction, args: readonly string[]): CommandLine {
  // In this company it is clear which key is meant.
  const words = args.map((word) => word.replace(/^--key(?==|$)/, '--cache-key'))
  return readCommandLine(action, words)
}

function meantFor(action: CacheAction, line: CommandLine): CommandLine {
  const given = line.given.filter(([name]) => {
    const setting = findSetting(name)
    const ways = setting === undefined ? undefined : settingsTable[setting].ways
    return ways === undefined || ways.includes(action)
  })
  return { ...line, given }
}
