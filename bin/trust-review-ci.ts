// What `trust review` asks the CI servers: every repository they know, with the token that the service's
// configuration names for each, where that can be read here. Nothing else of the configuration's secrets is.
import { setTimeout as wait } from 'node:timers/promises'

import * as z from 'zod'

import { findRepository, listRepositories } from '../src/ci/drone/api-repositories.ts'
import { callOnce, type Endpoint } from '../src/ci/drone/call.ts'
import { messageOf } from '../src/core/fault.ts'
import { readYaml } from '../src/policy/source.ts'
import type {
  AskedInstances,
  NamedRepository,
  SeenRepositories,
} from '../src/trust/review-repositories.ts'
import { openEndpoint } from './trust-ci.ts'
import type { TrustIo } from './trust-input.ts'

const configForm = z.object({ instances: z.record(z.string(), z.unknown()) })

// Beside the listing; Drone answers each from its database.
const questionsAtOnce = 4

/** Asks the server of every instance that is named; what hinders is one sentence, and no fault. */
export async function askInstances(
  io: TrustIo,
  configText: string,
  named: readonly NamedRepository[],
): Promise<AskedInstances> {
  const { instances } = configForm.parse(readYaml(configText, 'service configuration').value)
  const asked = [...Map.groupBy(named, ({ instance }) => instance)].map(
    async ([instance, own]): Promise<[string, SeenRepositories | string]> => {
      const endpoint = openEndpoint(io, instances[instance])
      if (typeof endpoint !== 'string') return [instance, await askServer(instance, endpoint, own)]
      return [instance, `The CI server "${instance}" was not asked: ${endpoint}.`]
    },
  )
  return new Map(await Promise.all(asked))
}

// What is not in the list is asked for by its name: a list that changes while it is read can miss one.
async function askServer(
  instance: string,
  endpoint: Endpoint,
  named: readonly NamedRepository[],
): Promise<SeenRepositories | string> {
  const deps = { call: callOnce, sleep: (milliseconds: number) => wait(milliseconds) }
  try {
    const { repositories, isWhole } = await listRepositories(deps, endpoint)
    const uids = new Set(repositories.map(({ uid }) => uid))
    const missing = named.filter(({ uid }) => !uids.has(uid))
    const found = [...repositories]
    for (let start = 0; start < missing.length; start += questionsAtOnce) {
      const group = missing.slice(start, start + questionsAtOnce)
      const answers = await Promise.all(
        group.map(({ slug }) => findRepository(deps, endpoint, slug)),
      )
      found.push(...answers.flatMap((each) => each ?? []))
    }
    return { repositories: found, isWhole }
  } catch (error) {
    return `The CI server "${instance}" did not tell its repositories: ${messageOf(error)}`
  }
}
