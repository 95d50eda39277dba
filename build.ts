// Bundles the doors into dist/: Node does not strip types under node_modules, and a step must
// start fast, so the plugin is one small file of its own.
import { execFileSync } from 'node:child_process'
import { chmodSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

import { build, type BuildOptions, type Plugin } from 'esbuild'

// CommonJS inside an ESM bundle wants these names; the underscores keep them apart from minified ones.
const banner = `import { createRequire as __asdCreateRequire__ } from 'node:module'; const require = __asdCreateRequire__(import.meta.url);`

const shared = {
  bundle: true,
  platform: 'node',
  target: 'node24',
  format: 'esm',
  minify: true,
  metafile: true,
  legalComments: 'none',
} satisfies BuildOptions

// Chunks are named after their content: old ones must not stay beside new ones.
rmSync('dist', { recursive: true, force: true })
mkdirSync('dist')
// `--help` must not pay for the step, and a step starts sooner from a script with a code cache.
const stepApart: Plugin = {
  name: 'step-apart',
  setup: (builder) => {
    builder.onResolve({ filter: /^\.\/plugin-step\.ts$/ }, () => ({
      path: join(import.meta.dirname, 'bin/plugin-load.ts'),
    }))
  },
}
// A static import of a Node module asks for all it exports, which for node:crypto and node:tls means
// Web Crypto and every root certificate as text: 15 ms of a step's start and 3 MB (measured). So what
// the step imports is taken from the module name by name, when the part that wants it is loaded.
const nodeByName: Plugin = {
  name: 'node-by-name',
  setup: (builder) => {
    builder.onResolve({ filter: /^node:/ }, ({ path, kind }) => ({
      path,
      namespace: kind === 'import-statement' ? 'by-name' : 'whole',
    }))
    builder.onLoad({ filter: /.*/, namespace: 'whole' }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule('${path}')`,
    }))
    builder.onLoad({ filter: /.*/, namespace: 'by-name' }, ({ path }) => {
      const names = Object.keys(process.getBuiltinModule(path) ?? {}).filter(
        (name) => name !== 'default',
      )
      const exports = names.map(
        (name) => `export const ${name} = /* @__PURE__ */ (() => whole.${name})()`,
      )
      return {
        contents: [`const whole = process.getBuiltinModule('${path}')`, ...exports].join('\n'),
      }
    })
  },
}
const door = await build({
  ...shared,
  entryPoints: ['bin/plugin.ts'],
  outfile: 'dist/plugin.mjs',
  banner: { js: '#!/usr/bin/env node' },
  plugins: [stepApart, nodeByName],
})
const step = await build({
  ...shared,
  entryPoints: ['bin/plugin-step.ts'],
  outfile: 'dist/plugin-step.cjs',
  format: 'cjs',
  plugins: [nodeByName],
})
writeFileSync(
  'dist/plugin.meta.json',
  JSON.stringify({
    inputs: { ...door.metafile.inputs, ...step.metafile.inputs },
    outputs: { ...door.metafile.outputs, ...step.metafile.outputs },
  }),
)
// The same step as one file, for runners without containers: copied to a host that has Node.
await build({
  ...shared,
  entryPoints: ['bin/plugin.ts'],
  outfile: 'dist/azure-storage-drone.mjs',
  banner: { js: '#!/usr/bin/env node' },
  plugins: [nodeByName],
})
chmodSync('dist/azure-storage-drone.mjs', 0o755)
const programs = await build({
  ...shared,
  entryPoints: { cli: 'bin/cli.ts', service: 'bin/service.ts' },
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  splitting: true,
  banner: { js: banner },
  external: ['azurite'],
})
// What is inside, for the lists of contents that go with images.
writeFileSync('dist/programs.meta.json', JSON.stringify(programs.metafile))
execFileSync(process.execPath, ['bin/plugin-rehearsal.ts'], {
  env: { PATH: process.env['PATH'] },
  stdio: ['ignore', 'ignore', 'inherit'],
})
