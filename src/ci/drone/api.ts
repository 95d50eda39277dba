// The Drone server's API as a witness (facts/drone.md §3.2): what it says of a build right now, with
// a user token. Two questions, because a build there does not name its repository's id at the
// source-code host. Answers are kept for seconds, so that an ended build is known as one soon.
import { Fault, messageOf } from '../../core/fault.ts'
import type { Build } from '../build.ts'
import { keepRecentAnswers, type BuildApi } from '../recent-answers.ts'
import type { Call, Endpoint } from './call.ts'
import { parseApiBuild, type Origin } from './payload.ts'

const timeoutMilliseconds = 2000
const answerLimitBytes = 4 * 1024 * 1024

/** A witness over the API of one server; it rejects with ci_api_unavailable or ci_api_denied. */
export function createBuildApi(
  deps: { now: () => Date; call: Call },
  endpoint: Endpoint,
  origin: Origin,
): BuildApi {
  return keepRecentAnswers(deps, (claimed) => ask(deps.call, endpoint, origin, claimed))
}

async function ask(
  call: Call,
  endpoint: Endpoint,
  origin: Origin,
  { repository: { slug }, number }: Build,
): Promise<Build | undefined> {
  const slash = slug.lastIndexOf('/')
  const parts = [slug.slice(0, slash), slug.slice(slash + 1)]
  // A URL parser takes these for steps up, and our token would be shown to another path.
  if (parts.some((part) => /^\.\.?$/.test(part))) return undefined
  const repositoryUrl = `${endpoint.url}/api/repos/${parts.map(encodeURIComponent).join('/')}`
  const [repository, build] = await Promise.all([
    getFromApi(call, endpoint, repositoryUrl),
    getFromApi(call, endpoint, `${repositoryUrl}/builds/${number}`),
  ])
  return repository && build && parseApiBuild(origin, { repository, build })
}

/** The body at an address of the API, undefined where there is nothing; throws ci_api_unavailable or ci_api_denied. */
export async function getFromApi(
  call: Call,
  endpoint: Endpoint,
  url: string,
): Promise<Buffer | undefined> {
  const { host } = new URL(endpoint.url)
  const { status, body } = await call({
    method: 'GET',
    url,
    headers: {
      accept: 'application/json',
      'accept-encoding': 'identity',
      authorization: `Bearer ${endpoint.token.reveal()}`,
    },
    ...(endpoint.ca && { ca: endpoint.ca }),
    timeoutMilliseconds,
    answerLimitBytes,
  }).catch((cause: unknown) => {
    throw unavailable(`The API of the Drone server ${host} cannot be asked: ${messageOf(cause)}.`)
  })
  if (status === 200) return body
  if (status === 404) return undefined
  if (status === 401 || status === 403) {
    throw new Fault(
      'ci_api_denied',
      `The API of the Drone server ${host} refuses our token (${status}).`,
    )
  }
  throw unavailable(`The API of the Drone server ${host} answered ${status}.`)
}

function unavailable(sentence: string): Fault {
  return new Fault('ci_api_unavailable', sentence)
}
