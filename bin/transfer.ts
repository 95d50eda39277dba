// `azure-storage-drone upload|download|sync|list|remove|link|verify`: the step's engine and settings for
// people, with a shell's habits: what was asked for on standard output, everything else beside it.
import { setFlagsFromString } from 'node:v8'

import { Fault } from '../src/core/fault.ts'
import { version } from '../src/core/version.ts'
import { commandHelp } from '../src/plugin/help.ts'
import { toJson, toListedJson } from '../src/plugin/output.ts'
import { createLog } from '../src/plugin/report.ts'
import { type RunDeps, runSettings } from '../src/plugin/run.ts'
import { interpretSettings, invalid, type Settings } from '../src/plugin/settings.ts'
import { isCacheAction } from '../src/plugin/settings/cache.ts'
import { type CommandLine, readCommandLine, toFlagName } from '../src/plugin/settings/flags.ts'
import type { Action } from '../src/plugin/settings/row.ts'
import type { RemoteFile } from '../src/transfer/remote.ts'
import { gatherWrites, isPersonAt, openDoor } from './run-deps.ts'

/** Runs a command from its words to its exit code. */
export async function transferCommand(action: Action, args: readonly string[]): Promise<number> {
  return runLine(action, readCommandLine(action, args))
}

/** Runs a command whose words were read. */
export async function runLine(action: Action, line: CommandLine): Promise<number> {
  if (line.wantsHelp) {
    process.stdout.write(commandHelp(version, action))
    return 0
  }
  setFlagsFromString('--semi-space-growth-factor=1')
  const command = isCacheAction(action) ? `cache ${action}` : action
  const hint = `Run \`azure-storage-drone ${command} --help\`.`
  // A pipe may end in somebody's log; a terminal does not.
  const showsLinks = process.stdout.isTTY
  const read = (): Settings => {
    if (line.problems.length > 0) throw invalid(line.problems, hint)
    return interpretSettings({
      show: toFlagName,
      given: line.given,
      env: process.env,
      // Of a pipe, one end is a terminal still.
      isPerson: isPersonAt(process.stderr, process.env),
      tokenEmpty,
      hint,
      showsLinks,
    })
  }
  // `list … | head`: whoever reads has read enough.
  process.stdout.once('error', () => process.exit(0))
  const write = gatherWrites(process.stdout)
  const print = createLog(write)
  if (line.wantsJson) {
    const document = openDocument(action, write)
    const deps = { ...openDoor(process.stderr), ...document.deps }
    return runSettings(deps, process.env, read, (report) =>
      document.close(toJson(report, { showsLinks })),
    )
  }
  return runSettings({ ...openDoor(process.stderr), print }, process.env, read, ({ results }) => {
    if (!showsLinks) return
    for (const { links } of results) for (const { url } of links) print(url.reveal())
  })
}

type Document = {
  deps: Pick<RunDeps, 'print' | 'onListed'>
  close: (report: string) => void
}

// A listing may be longer than memory: its files are written as they come, the rest behind them.
function openDocument(action: Action, write: (text: string) => void): Document {
  let before = '{"files":[\n'
  const onListed = (file: RemoteFile) => {
    write(before + toListedJson(file))
    before = ',\n'
  }
  return {
    deps: { print: () => undefined, ...(action === 'list' && { onListed }) },
    close: (report) => {
      const isList = action === 'list'
      const files = before === ',\n' ? '\n],' : `${before}],`
      write(isList ? `${files}${report.slice(1)}\n` : `${report}\n`)
    },
  }
}

function tokenEmpty(): Fault {
  return new Fault(
    'plugin_token_empty',
    'There is nobody to be: AZURE_STORAGE_DRONE_TOKEN is empty or absent, and no other source of an identity is configured.',
    {
      hint: 'In a step of a build give the request token by `from_secret`; at a terminal, where no such variable is set, `az login` does. `azure-storage-drone doctor` names every source.',
    },
  )
}
