// The plugin's code cache for the image: every function compiled, none run. What the build rehearses
// (bin/plugin-rehearsal.ts) is half as large and loads in three milliseconds less, but depends on the
// order of events, and an image must be the same each time.
import { execFileSync } from 'node:child_process'

// V8's hashes are in the cache, and so is the layout of its heap: hence a process of its own with a fixed
// seed and always the same program. The wrapper is that of bin/plugin-load.ts.
const program = `
const { readFileSync } = process.getBuiltinModule('node:fs')
const { setFlagsFromString } = process.getBuiltinModule('node:v8')
const { Script } = process.getBuiltinModule('node:vm')
const source = readFileSync(0, 'latin1')
setFlagsFromString('--no-lazy')
const script = new Script(\`(function (module) {\${source}\\n})\`, { filename: 'plugin-step.cjs' })
// V8 takes a cache only under the flags it was made with; the seed is none of them.
setFlagsFromString('--lazy')
process.stdout.write(script.createCachedData())
`

/** Compiles the script that bin/plugin-load.ts loads, with the Node at `node`. */
export function makeCodeCache(node: string, script: Buffer): Buffer {
  return execFileSync(node, ['--random-seed=1', '-e', program], {
    input: script,
    env: {},
    maxBuffer: 64 * 1024 * 1024,
  })
}
