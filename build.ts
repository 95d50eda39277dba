// Bundles the doors into dist/: Node does not strip types under node_modules, and a step must
// start fast, so the plugin is one small file of its own.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'

import { build, type BuildOptions } from 'esbuild'

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
const plugin = await build({
  ...shared,
  entryPoints: ['bin/plugin.ts'],
  outfile: 'dist/plugin.mjs',
  banner: { js: '#!/usr/bin/env node' },
})
writeFileSync('dist/plugin.meta.json', JSON.stringify(plugin.metafile))
await build({
  ...shared,
  entryPoints: { cli: 'bin/cli.ts', service: 'bin/service.ts' },
  outdir: 'dist',
  outExtension: { '.js': '.mjs' },
  splitting: true,
  banner: { js: banner },
  external: ['azurite'],
})
