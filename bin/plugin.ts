// The door of the plugin step: the only place here that sees the environment, the clock, signals and
// the exit. What `--help` does not need is loaded later. `azure-storage-drone plugin` comes in here too.
import { setTimeout as wait } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'

import { version } from '../src/core/version.ts'
import { helpText } from '../src/plugin/help.ts'

const args = process.argv.slice(2).filter((arg, index) => index > 0 || arg !== 'plugin')

if (args.includes('--help') || args.includes('-h')) process.stdout.write(helpText(version))
else if (args.includes('--version')) process.stdout.write(`${version}\n`)
else if (args.length > 0) {
  process.stderr.write(`error: unknown argument ${args[0]}; settings come as PLUGIN_* variables\n`)
  process.exitCode = 2
} else await main()

async function main(): Promise<void> {
  // A small nursery is swept often, and what was received and written away goes with it: a large
  // download peaks at 150 MB instead of 250 (measured), and is not slower.
  setFlagsFromString('--semi-space-growth-factor=1')
  const [{ run }, { createHttp }, { createLog }, { randomUUID }] = await Promise.all([
    import('../src/plugin/run.ts'),
    import('../src/http/node.ts'),
    import('../src/plugin/report.ts'),
    import('node:crypto'),
  ])
  const ending = new AbortController()
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    // Once: a second signal ends the process without cleaning up.
    process.once(signal, () => ending.abort())
  }
  process.exitCode = await run(
    {
      openHttp: createHttp,
      now: () => new Date(),
      sleep: async (milliseconds, signal) => {
        await wait(milliseconds, undefined, signal ? { signal } : {}).catch(() => undefined)
      },
      random: Math.random,
      newId: randomUUID,
      log: createLog((text) => process.stdout.write(text)),
      signal: ending.signal,
      pid: process.pid,
      version,
    },
    process.env,
  )
}
