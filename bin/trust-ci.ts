// The API of a CI server as the service's configuration names it, for `trust review` and `trust rotate`: its
// token is read only here, and only where that can be done.
import * as z from 'zod'

import type { Endpoint } from '../src/ci/drone/call.ts'
import { resolveSecret, secretReference } from '../src/config/secret-reference.ts'
import { messageOf } from '../src/core/fault.ts'
import type { TrustIo } from './trust-input.ts'

const apiForm = z.object({
  url: z.url({ protocol: /^https?$/ }),
  token: secretReference,
  ca_file: z.string().optional(),
  allow_http: z.boolean().default(false),
})
const instanceForm = z.object({ ci: z.string().default('drone'), api: z.unknown().optional() })

/** The API of an instance as it stands in the file, or why it cannot be asked from here. */
export function openEndpoint(io: TrustIo, instance: unknown): Endpoint | string {
  const { ci, api } = instanceForm.safeParse(instance).data ?? {}
  if (ci !== undefined && ci !== 'drone')
    return 'it is no Drone server, and others are not asked yet'
  if (api === undefined || api === null) return 'the configuration names no api of it'
  const checked = apiForm.safeParse(api)
  if (!checked.success) return z.prettifyError(checked.error).replaceAll(/\s+/g, ' ')
  const { url, token: reference, ca_file: caFile, allow_http: allowsHttp } = checked.data
  if (!allowsHttp && !url.startsWith('https:')) return 'its api begins with http://'
  const problems: string[] = []
  const sources = { readFile: io.readFile, env: process.env }
  const token = resolveSecret(sources, 'api.token', reference, problems, 1)
  const [problem] = problems
  if (problem !== undefined) return `its token cannot be read here (${problem})`
  try {
    return { url, token, ...(caFile !== undefined && { ca: io.readFile(caFile) }) }
  } catch (error) {
    return `its CA file cannot be read here (${messageOf(error)})`
  }
}
