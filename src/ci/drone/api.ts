// The Drone server's API as a witness (facts/drone.md §3.2): what it says of a build right now, with
// a user token. Two questions, because a build there does not name its repository's id at the
// source-code host. Answers are kept for seconds, so that an ended build is known as one soon.
import { Fault, messageOf } from '../../core/fault.ts'
import type { Build } from '../build.ts'
import type { Call, Endpoint } from './call.ts'
import { parseApiBuild, type Origin } from './payload.ts'

/** What the server says of the build that somebody claims; undefined when it knows no such build. */
export type BuildApi = (claimed: Build) => Promise<Build | undefined>

/** Seconds an answer is believed, counted from the moment it was asked for. */
export const freshForSeconds = 3

const timeoutMilliseconds = 2000
const answerLimitBytes = 4 * 1024 * 1024
const maxAnswers = 1000

type Answer = { askedAt: number; build: Promise<Build | undefined> }

/** A witness over the API of one server; it rejects with ci_api_unavailable or ci_api_denied. */
export function createBuildApi(
  deps: { now: () => Date; call: Call },
  endpoint: Endpoint,
  origin: Origin,
): BuildApi {
  const answers = new Map<string, Answer>()
  return (claimed) => {
    const key = `${claimed.repository.slug}#${claimed.number}`
    const known = answers.get(key)
    const askedAt = deps.now().getTime()
    const ageMilliseconds = known ? askedAt - known.askedAt : Infinity
    // A clock that was set back must not make an answer immortal.
    if (known && ageMilliseconds >= 0 && ageMilliseconds < freshForSeconds * 1000) {
      return known.build
    }
    const answer = { askedAt, build: ask(deps.call, endpoint, origin, claimed) }
    answers.delete(key)
    answers.set(key, answer)
    const [oldest] = answers.keys()
    if (answers.size > maxAnswers && oldest !== undefined) answers.delete(oldest)
    // Only a word is worth keeping: after trouble the next question is asked again.
    const forget = () => {
      if (answers.get(key) === answer) answers.delete(key)
    }
    answer.build.then((build) => build ?? forget(), forget)
    return answer.build
  }
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
    get(call, endpoint, repositoryUrl),
    get(call, endpoint, `${repositoryUrl}/builds/${number}`),
  ])
  return repository && build && parseApiBuild(origin, { repository, build })
}

async function get(call: Call, endpoint: Endpoint, url: string): Promise<Buffer | undefined> {
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
