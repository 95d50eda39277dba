// Bundles the doors into dist/: Node does not strip types under node_modules, and a step must
// start fast, so the plugin is one small file of its own.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'

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
// In one file every `node:` import would come first, and `--help` would pay for all of them.
const stepApart: Plugin = {
  name: 'step-apart',
  setup: (builder) => {
    builder.onResolve({ filter: /^\.\/plugin-step\.ts$/ }, () => ({
      path: './plugin-step.mjs',
      external: true,
    }))
  },
}
const door = await build({
  ...shared,
  entryPoints: ['bin/plugin.ts'],
  outfile: 'dist/plugin.mjs',
  banner: { js: '#!/usr/bin/env node' },
  plugins: [stepApart],
})
const step = await build({
  ...shared,
  entryPoints: ['bin/plugin-step.ts'],
  outfile: 'dist/plugin-step.mjs',
})
writeFileSync(
  'dist/plugin.meta.json',
  JSON.stringify({
    inputs: { ...door.metafile.inputs, ...step.metafile.inputs },
    outputs: { ...door.metafile.outputs, ...step.metafile.outputs },
  }),
)
await build({
  ...shared,
  entryPoints: { cli: 'bin/cli.ts', service: 'bin/service.ts' },
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  splitting: true,
  banner: { js: banner },
  external: ['azurite'],
})
