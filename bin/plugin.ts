// The door of the plugin step. What `--help` does not need is loaded later, and is a file of its own in
// dist/: a bundle loads Node's modules for all of its parts at once. `azure-storage-drone plugin` comes in here too.
import { version } from '../src/core/version.ts'
import { helpText } from '../src/plugin/help.ts'

const args = process.argv.slice(2).filter((arg, index) => index > 0 || arg !== 'plugin')

if (args.includes('--help') || args.includes('-h')) process.stdout.write(helpText(version))
else if (args.includes('--version')) process.stdout.write(`${version}\n`)
else if (args.length > 0) {
  process.stderr.write(`error: unknown argument ${args[0]}; settings come as PLUGIN_* variables\n`)
  process.exitCode = 2
} else {
  const { runStep } = await import('./plugin-step.ts')
  process.exitCode = await runStep()
}
