// What `trust rotate` has to know of the CI side: whether the server knows a repository by its new name
// already (instances.*.api), and whether its runners may ask for tokens of it.
import { setTimeout as wait } from 'node:timers/promises'

import * as z from 'zod'

import { findRepository } from '../src/ci/drone/api-repositories.ts'
import { callOnce } from '../src/ci/drone/call.ts'
import { Fault, messageOf } from '../src/core/fault.ts'
import { compileGlob } from '../src/policy/glob.ts'
import { readYaml } from '../src/policy/source.ts'
import type { Rename } from '../src/trust/rotate-subjects.ts'
import { openEndpoint } from './trust-ci.ts'
import { readText, type TrustIo } from './trust-input.ts'

const instanceForm = z.object({
  ci: z.string().default('drone'),
  api: z.unknown().optional(),
  runners: z
    .record(z.string(), z.object({ repositories: z.array(z.string()).default([]) }))
    .default({}),
})

/** One CI instance as the configuration describes it, as far as a rename goes. */
export type CiInstance = z.output<typeof instanceForm>

/** An instance of the service configuration; throws config_invalid. */
export function readInstance(io: TrustIo, config: string, instance: string): CiInstance {
  const { value } = readYaml(readText(io, config), 'service configuration')
  const form = z.object({ instances: z.record(z.string(), z.unknown()) })
  const checked = instanceForm.safeParse(form.safeParse(value).data?.instances[instance])
  if (checked.success) return checked.data
  const why = z.prettifyError(checked.error)
  throw new Fault('config_invalid', `The CI instance "${instance}" cannot be read: ${why}`)
}

/** Runners that may ask for the repository by its old name and not by its new one. */
export function findDeafRunners({ runners }: CiInstance, { from, to }: Rename): string[] {
  return Object.entries(runners).flatMap(([name, { repositories }]) => {
    const admits = (slug: string) =>
      repositories.some((pattern) => pattern === '**' || compileGlob(pattern)(slug))
    return admits(from) && !admits(to) ? [name] : []
  })
}

/** What the CI server knows of a rename; `unasked` says why nobody could be asked. */
export type Seen = { state: 'renamed' | 'pending' } | { state: 'unasked'; why: string }

/** Asks the CI server whether the id has its new name. */
export async function seeRename(
  io: TrustIo,
  instance: CiInstance,
  { to, toId }: Rename,
): Promise<Seen> {
  const endpoint = openEndpoint(io, instance)
  if (typeof endpoint === 'string') return { state: 'unasked', why: endpoint }
  try {
    const found = await findRepository({ call: callOnce, sleep: wait }, endpoint, to)
    const isThere = found?.uid === toId && found.slug === to
    return { state: isThere ? 'renamed' : 'pending' }
  } catch (error) {
    return { state: 'unasked', why: messageOf(error) }
  }
}
