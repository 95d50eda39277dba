// The arguments of a command: what Node's own parser says of wrong ones, as our sentence.
import { parseArgs, type ParseArgsConfig } from 'node:util'

import { Fault, messageOf } from '../src/core/fault.ts'

/** Reads the arguments of `command`; throws `cli_usage`. */
export function readArgs<const Config extends ParseArgsConfig>(
  command: string,
  config: Config,
): ReturnType<typeof parseArgs<Config>> {
  try {
    return parseArgs(config)
  } catch (cause) {
    // The parser's advice on `--` comes in a sentence of its own.
    const what = messageOf(cause).replace(/\.$/, '')
    throw new Fault('cli_usage', `${command}: ${what}.`, { cause })
  }
}
