// The rest of the plugin's door: one step with the environment, clock and network of this process.
import { setFlagsFromString } from 'node:v8'

import { run } from '../src/plugin/run.ts'
import { openDoor } from './run-deps.ts'

/** Runs the step that the environment describes; gives the exit code. */
export async function runStep(): Promise<number> {
  // A small nursery is swept often, and what was received and written away goes with it: a large
  // download peaks at 150 MB instead of 250 (measured), and is not slower.
  setFlagsFromString('--semi-space-growth-factor=1')
  return run(openDoor(process.stdout), process.env)
}
