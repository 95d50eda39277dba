// The repositories a Drone server knows, by its API (facts/drone.md §3.2; drone handler/api/repos/all.go):
// an administrator pages through all of them, anybody else sees their own in one answer.
import * as z from 'zod'

import { Fault, messageOf } from '../../core/fault.ts'
import { getFromApi } from './api.ts'
import type { Call, Endpoint } from './call.ts'

/** A repository as the server knows it; `uid` is its id at the source-code host. */
export type ServerRepository = { uid: string; slug: string; isActive: boolean }

/** What the token may see; of one that is not whole, what is missing may be there all the same. */
export type RepositoryListing = { repositories: ServerRepository[]; isWhole: boolean }

/** What listing needs of the world. */
export type ListingDeps = { call: Call; sleep: (milliseconds: number) => Promise<void> }

const repositoryForm = z.object({
  uid: z.string().min(1),
  slug: z.string().min(1),
  active: z.boolean().default(false),
})
// Go writes `null` for a list that was never made.
const listForm = z.array(repositoryForm).nullable()

const pageSize = 100
// So that a server whose pages never end cannot keep us.
const maxPages = 1000
const delaysMilliseconds = [1_000, 4_000, 15_000]
const longestDelayMilliseconds = 60_000

/** Everything the token may see; throws ci_api_unavailable or ci_api_denied. */
export async function listRepositories(
  deps: ListingDeps,
  endpoint: Endpoint,
): Promise<RepositoryListing> {
  const call = toPatient(deps)
  try {
    return { repositories: await listAll(call, endpoint), isWhole: true }
  } catch (error) {
    if (!(error instanceof Fault && error.code === 'ci_api_denied')) throw error
  }
  const body = await getFromApi(call, endpoint, `${endpoint.url}/api/user/repos`)
  return { repositories: readList(endpoint, body), isWhole: false }
}

/** One repository by its name today; undefined when there is none that the token may see. */
export async function findRepository(
  deps: ListingDeps,
  endpoint: Endpoint,
  slug: string,
): Promise<ServerRepository | undefined> {
  const parts = slug.split('/')
  // A URL parser takes these for steps up, and our token would be shown to another path.
  if (parts.some((part) => /^\.{0,2}$/.test(part))) return undefined
  const url = `${endpoint.url}/api/repos/${parts.map(encodeURIComponent).join('/')}`
  const body = await getFromApi(toPatient(deps), endpoint, url)
  return body && toRepository(readJson(endpoint, repositoryForm, body))
}

// The server sorts by nothing, so a page may repeat what another had. Its pages may also be shorter than
// asked for: the end is a page that brings nothing new.
async function listAll(call: Call, endpoint: Endpoint): Promise<ServerRepository[]> {
  const found = new Map<string, ServerRepository>()
  for (let page = 1; page <= maxPages; page += 1) {
    const url = `${endpoint.url}/api/repos?page=${page}&per_page=${pageSize}`
    const before = found.size
    const list = readList(endpoint, await getFromApi(call, endpoint, url))
    for (const each of list) found.set(each.uid, each)
    if (found.size === before) return [...found.values()]
  }
  throw unusable(endpoint, `its list of repositories has no end in ${maxPages} pages`)
}

function readList(endpoint: Endpoint, body: Buffer | undefined): ServerRepository[] {
  if (!body) throw unusable(endpoint, 'it has no list of repositories')
  return (readJson(endpoint, listForm, body) ?? []).map(toRepository)
}

function toRepository({ uid, slug, active }: z.output<typeof repositoryForm>): ServerRepository {
  return { uid, slug, isActive: active }
}

function readJson<Form extends z.ZodType>(
  endpoint: Endpoint,
  form: Form,
  body: Buffer,
): z.output<Form> {
  try {
    return form.parse(JSON.parse(body.toString('utf8')))
  } catch (error) {
    const why = error instanceof z.ZodError ? z.prettifyError(error) : messageOf(error)
    throw unusable(endpoint, why.replaceAll(/\s+/g, ' '))
  }
}

function unusable({ url }: Endpoint, why: string): Fault {
  const { host } = new URL(url)
  return new Fault('ci_api_unavailable', `The Drone server ${host} gave no usable answer: ${why}.`)
}

// Nobody's step waits for this: long answers are let in, and a server that asks for a pause gets it.
function toPatient({ call, sleep }: ListingDeps): Call {
  const limits = { timeoutMilliseconds: 60_000, answerLimitBytes: 64 * 1024 * 1024 }
  return async (outgoing) => {
    for (const delay of delaysMilliseconds) {
      const answer = await call({ ...outgoing, ...limits })
      if (answer.status !== 429 && answer.status !== 503) return answer
      const asked = Number(answer.headers.get('retry-after') ?? Number.NaN) * 1000
      await sleep(Number.isFinite(asked) ? Math.min(asked, longestDelayMilliseconds) : delay)
    }
    return call({ ...outgoing, ...limits })
  }
}
