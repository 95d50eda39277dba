// The rest of the plugin's door: one step with the environment, clock and network of this process.
import { run } from '../src/plugin/run.ts'
import { openDoor } from './run-deps.ts'

/** Runs the step that the environment describes; gives the exit code. */
export async function runStep(): Promise<number> {
  const deps = openDoor(process.stdout)
  return run(
    {
      ...deps,
      explain: async (refused) => {
        const { explainRefusal } = await import('./plugin-explain.ts')
        return explainRefusal(deps, refused)
      },
    },
    process.env,
  )
}
