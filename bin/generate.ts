// Writes what is made from the sources: `node bin/generate.ts`. Tests fail while a file is out of date.
import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

import { writeSettings } from '../src/plugin/settings-page.ts'
import { toJsonSchema } from '../src/policy/file-form.ts'
import { writeTrustPage } from '../test/trust-page.fixture.ts'

const root = fileURLToPath(new URL('../', import.meta.url))

const files: Record<string, string> = {
  'schemas/policy.v1.schema.json': JSON.stringify(toJsonSchema()),
  'docs/trust-classes.md': writeTrustPage(),
  'docs/plugin.md': writeSettings(readFileSync(`${root}docs/plugin.md`, 'utf8')),
}

mkdirSync(`${root}schemas`, { recursive: true })
for (const [file, text] of Object.entries(files)) writeFileSync(root + file, text)
execFileSync(`${root}node_modules/.bin/oxfmt`, Object.keys(files), { cwd: root, stdio: 'inherit' })
