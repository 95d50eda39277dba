// The Woodpecker server's API as the only witness there is: it sends no webhooks, and it asks for
// secrets before a pipeline is approved (facts/drone.md §5). Two questions, because a pipeline there
// names neither its repository nor the repository's id at the source-code host.
import type { Build } from '../build.ts'
import type { Call, Endpoint } from '../drone/call.ts'
import { keepRecentAnswers, type BuildApi } from '../recent-answers.ts'
import { askWoodpecker } from './ask.ts'
import { parseApiPipeline, type WoodpeckerOrigin } from './payload.ts'

/** A witness over the API of one server; it rejects with ci_api_unavailable or ci_api_denied. */
export function createWoodpeckerApi(
  deps: { now: () => Date; call: Call },
  endpoint: Endpoint,
  origin: WoodpeckerOrigin,
): BuildApi {
  return keepRecentAnswers(deps, (claimed) => ask(deps.call, endpoint, origin, claimed))
}

async function ask(
  call: Call,
  endpoint: Endpoint,
  origin: WoodpeckerOrigin,
  { repository: { serverId }, number }: Build,
): Promise<Build | undefined> {
  if (serverId === undefined) return undefined
  const headers = {
    accept: 'application/json',
    authorization: `Bearer ${endpoint.token.reveal()}`,
  }
  const path = `/api/repos/${serverId}`
  const [repository, pipeline] = await Promise.all([
    askWoodpecker(call, endpoint, path, headers),
    askWoodpecker(call, endpoint, `${path}/pipelines/${number}`, headers),
  ])
  return repository && pipeline && parseApiPipeline(origin, { repository, pipeline })
}
