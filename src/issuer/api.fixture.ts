// The Drone server's API on the stage: it says what a test tells it to, at once, on a clock that
// stands still. (src/ci/drone/api.test.ts asks one that really listens.)
import type { Call, CallAnswer } from '../ci/drone/call.ts'
import type { Instance } from '../config/instances.ts'
import { Secret } from '../core/secret.ts'
import { rawPush, rawRepository, type Json } from './rehearsal.fixture.ts'

/** Token of the API's user; it may turn up nowhere. */
export const apiToken = 'canary-api-user-token-0123456789abcdef-01'

/** An instance's API in the configuration. */
export const withApi = (witness: Instance['witness'] = 'webhook'): Partial<Instance> => ({
  api: { url: 'https://drone.example', token: new Secret(apiToken) },
  witness,
})

/** An API that shows one repository and one build; `state` is there to be changed. */
export function createApiStage() {
  const state: { repository: Json; build: Json | undefined; fails: Error | number | undefined } = {
    repository: { ...rawRepository, secret: undefined },
    build: { repo_id: rawRepository['id'], ...rawPush },
    fails: undefined,
  }
  const urls: string[] = []
  const call: Call = async ({ url, headers }) => {
    urls.push(url)
    if (state.fails instanceof Error) throw state.fails
    if (state.fails !== undefined) return answer(state.fails, {})
    if (headers['authorization'] !== `Bearer ${apiToken}`) return answer(401, {})
    const { slug } = state.repository
    const page = `https://drone.example/api/repos/${String(slug)}`
    if (url === page) return answer(200, state.repository)
    const isBuild = state.build && url === `${page}/builds/${String(state.build['number'])}`
    return isBuild ? answer(200, state.build) : answer(404, {})
  }
  return { state, urls, call }
}

function answer(status: number, json: unknown): CallAnswer {
  return { status, headers: new Map(), body: Buffer.from(JSON.stringify(json)) }
}
