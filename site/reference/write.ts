// Every page that is made from the sources, by file name.
import { readFileSync } from 'node:fs'

import { writeSettings } from '../../src/plugin/settings-page.ts'
import { toJsonSchema } from '../../src/policy/file-form.ts'
import { writeTrustPage } from '../../test/trust-page.fixture.ts'
import {
  writeEntraNumbers,
  writeFaultsPage,
  writeMessages,
  writeStorageCodes,
} from './faults-page.ts'
import {
  writeCommandsPage,
  writeExitCodesPage,
  writeIndexPage,
  writePolicyPage,
} from './other-pages.ts'
import {
  writeApiPage,
  writeConfigurationPage,
  writeEventsPage,
  writeMetricsPage,
} from './service-pages.ts'

/** What `npm run generate` writes; `root` ends with a slash. */
export async function writeGenerated(root: string): Promise<Record<string, string>> {
  const read = (file: string) => readFileSync(root + file, 'utf8')
  return {
    'schemas/policy.v1.schema.json': JSON.stringify(toJsonSchema()),
    'docs/trust-classes.md': writeTrustPage(),
    'docs/plugin.md': writeSettings(read('docs/plugin.md')),
    'docs/troubleshooting.md': writeTroubleshooting(read('docs/troubleshooting.md')),
    'docs/reference/README.md': writeIndexPage(),
    'docs/reference/faults.md': writeFaultsPage(),
    'docs/reference/configuration.md': writeConfigurationPage(),
    'docs/reference/policy.md': writePolicyPage(),
    'docs/reference/cli.md': await writeCommandsPage(root),
    'docs/reference/exit-codes.md': writeExitCodesPage(),
    'docs/reference/api.md': writeApiPage(),
    'docs/reference/metrics.md': await writeMetricsPage(),
    'docs/reference/events.md': writeEventsPage(),
  }
}

const parts: Readonly<Record<string, () => string>> = {
  messages: writeMessages,
  'entra numbers': writeEntraNumbers,
  'storage codes': writeStorageCodes,
}

// The page is written by hand around its tables.
function writeTroubleshooting(page: string): string {
  return Object.entries(parts).reduce((text, [name, write]) => {
    const [start, end] = [`<!-- ${name}: written by bin/generate.ts -->`, `<!-- end of ${name} -->`]
    const [before = '', rest = ''] = text.split(start, 2)
    const [, after = ''] = rest.split(end, 2)
    return `${before}${start}\n\n${write()}\n\n${end}${after}`
  }, page)
}
