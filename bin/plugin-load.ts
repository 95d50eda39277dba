// The rest of the plugin's door as the bundle has it: a script beside what V8 made of it when the
// bundle was rehearsed (bin/plugin-rehearsal.ts), which saves a step a fifth of its start.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Script } from 'node:vm'

type Step = { runStep: () => Promise<number> }

/** The compiled script, and what it exports. */
export type LoadedStep = { script: Script; step: Step }

/** The code cache of the script in `folder`. */
export function cacheFileOf(folder: string): string {
  return join(folder, 'plugin-step.cache')
}

/** Runs the step that the environment describes; gives the exit code. */
export async function runStep(): Promise<number> {
  // Node reads its root certificates in a thread of its own from here on, so this comes first.
  process.getBuiltinModule('node:tls')
  return loadStep(import.meta.dirname).step.runStep()
}

/** Loads the script in `folder`; a code cache of another Node is passed over by V8. */
export function loadStep(folder: string): LoadedStep {
  const filename = join(folder, 'plugin-step.cjs')
  // The bundle is ASCII throughout.
  const source = readFileSync(filename, 'latin1')
  const cachedData = readCache(folder)
  const script = new Script(`(function (module) {${source}\n})`, {
    filename,
    ...(cachedData && { cachedData }),
  })
  const module: { exports?: Step } = {}
  script.runInThisContext()(module)
  if (!module.exports) throw new TypeError(`${filename} exports nothing`)
  return { script, step: module.exports }
}

function readCache(folder: string): Buffer | undefined {
  try {
    return readFileSync(cacheFileOf(folder))
  } catch {
    return undefined
  }
}
