// `azure-storage-drone serve --check-config FILE`: reads everything a service would read at its start, and
// starts nothing. For the moment before an upgrade.
import { readFileSync } from 'node:fs'

import { readServiceConfig } from '../src/config/service-config.ts'
import { version } from '../src/core/version.ts'
import { loadPolicy } from '../src/issuer/policy-source.ts'
import { parsePolicy } from '../src/policy/schema.ts'
import { readOrFault } from './service-listen.ts'

/** Checks a configuration and the files it names, and says what is deprecated; throws config_invalid or policy_*. */
export function checkConfig(configFile: string, write: (text: string) => void): void {
  const readFile = (path: string) => readFileSync(path, 'utf8')
  const config = readServiceConfig({ readFile, env: process.env }, configFile)
  for (const warning of config.warnings) write(`warning: ${warning}\n`)
  const { entries, notices = [] } = loadPolicy({
    read: () => readOrFault(config.policyFile, 'policy file'),
    parse: (text) => parsePolicy(text),
  }).policy
  for (const notice of notices) write(`note: ${notice}\n`)
  for (const { tls } of Object.values(config.listen)) {
    for (const file of [tls?.certificateFile, tls?.keyFile, tls?.caFile]) {
      if (file !== undefined) readOrFault(file, 'certificate or key')
    }
  }
  const warnings =
    config.warnings.length === 0 ? 'no warnings' : `${config.warnings.length} warnings`
  write(
    `${configFile} is good for release ${version}: ${config.instances.size} instances, ${entries.size} policy entries; ${warnings}\n`,
  )
}
