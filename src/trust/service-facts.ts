// What trust has to know of the service configuration, read without its secrets: whoever plans trust sits
// at another machine than the service.
import * as z from 'zod'

import { Fault } from '../core/fault.ts'
import { readYaml, type Source } from '../policy/source.ts'
import type { TrustService } from './lint.ts'

const facts = z.object({ issuer_url: z.string(), instances: z.record(z.string(), z.unknown()) })

/** The issuer and the CI instances of a configuration, and where each line of it is; throws config_invalid. */
export function readTrustService(text: string): { service: TrustService; source: Source } {
  const source = readYaml(text, 'service configuration')
  const checked = facts.safeParse(source.value)
  if (!checked.success) {
    const why = z.prettifyError(checked.error)
    throw new Fault('config_invalid', `The service configuration says too little: ${why}`)
  }
  const { issuer_url: issuerUrl, instances } = checked.data
  return { service: { issuerUrl, instances: Object.keys(instances) }, source }
}
