// Writes what is made from the sources: `node bin/generate.ts`. Tests fail while a file is out of date.
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'

import { writeGenerated } from '../site/reference/write.ts'

const root = fileURLToPath(new URL('../', import.meta.url))

const files = await writeGenerated(root)
for (const [file, text] of Object.entries(files)) {
  mkdirSync(dirname(root + file), { recursive: true })
  writeFileSync(root + file, text)
}
execFileSync(`${root}node_modules/.bin/oxfmt`, Object.keys(files), { cwd: root, stdio: 'inherit' })
