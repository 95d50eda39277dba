// The door for CI servers and runners: Drone's secret and environ extensions and its webhooks. Each
// runner has its own URL and token; a signed but refused request is answered with a refusal token,
// because Drone would swallow an error and hand the step an empty variable.
import { Hono, type Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'

import type { Build } from '../ci/build.ts'
import { parseEnvironRequest, parseSecretRequest, parseWebhook } from '../ci/drone/payload.ts'
import { extensions, verifySignature, type RawRequest } from '../ci/drone/signature.ts'
import type { Instance, Runner } from '../config/service-config.ts'
import { Fault } from '../core/fault.ts'
import type { Log } from '../core/log.ts'
import { decide, decideAlone, type Admission } from '../policy/decide.ts'
import { matchesGlob } from '../policy/glob.ts'
import type { Policy } from '../policy/schema.ts'
import type { Store } from '../store/store.ts'
import { problemHandler } from './problem.ts'
import { offerToken, type OfferDeps } from './request-token.ts'
import { observeBuild } from './witness.ts'

/** What the CI door needs of the world. */
export type CiAppDeps = OfferDeps & {
  store: Store
  policy: () => Policy
  instances: ReadonlyMap<string, Instance>
  log: Log
}

const bodyLimitBytes = 4 * 1024 * 1024

/** Name of the masked variable that the environ extension sets. */
export const tokenVariable = 'AZURE_STORAGE_DRONE_TOKEN'

/** The `path` of a `kind: secret` that belongs to us. */
export const secretPath = 'azure'

/** The HTTP application for CI servers and runners. */
export function createCiApp(deps: CiAppDeps): Hono {
  const app = new Hono()
  app.onError(problemHandler(deps.log))
  app.use(
    bodyLimit({
      maxSize: bodyLimitBytes,
      onError: () => {
        throw new Fault(
          'ci_request_too_large',
          `The request is larger than ${bodyLimitBytes} bytes.`,
        )
      },
    }),
  )

  app.post('/:instance/drone/runners/:runner/secret', async (context) => {
    const { instance, runner } = findRunner(deps, context)
    const request = await readRequest(context)
    const { signature } = verifySignature(deps, extensions.secret, runner.token, request)
    const { path, name, build } = parseSecretRequest(instance, request.body)
    if (path !== secretPath) return context.body(null, 204)
    const token = await offerToken(deps, {
      door: 'secret',
      runner: runner.name,
      build,
      signature,
      decide: () => admit(runner, build, () => decide(deps.policy(), build, name)),
    })
    // Only the runner inside the server honours the two flags; they cost nothing and mean what they say.
    return context.json({ name, data: token.reveal(), pull_request: false, pull: false })
  })

  app.post('/:instance/drone/runners/:runner/environ', async (context) => {
    const { instance, runner } = findRunner(deps, context)
    const request = await readRequest(context)
    const { signature } = verifySignature(deps, extensions.environ, runner.token, request)
    if (!runner.environ) return context.json([])
    try {
      const build = parseEnvironRequest(instance, request.body)
      const token = await offerToken(deps, {
        door: 'environ',
        runner: runner.name,
        build,
        signature,
        decide: () => admit(runner, build, () => decideAlone(deps.policy(), build)),
      })
      return context.json([{ name: tokenVariable, data: token.reveal(), mask: true }])
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      // An error would take every other global variable from the step (facts/drone.md §1.3).
      deps.log.error({ code: error.code, runner: runner.name }, error.message)
      return context.json([])
    }
  })

  app.post('/:instance/drone/webhook', async (context) => {
    const instance = findInstance(deps, context)
    const request = await readRequest(context)
    verifySignature(deps, extensions.webhook, instance.webhookSecret, request)
    const build = parseWebhook(instance, request.body)
    if (build) await observeBuild(deps, build)
    return context.body(null, 204)
  })

  return app
}

function findInstance(deps: CiAppDeps, context: Context): Instance {
  const instance = deps.instances.get(context.req.param('instance') ?? '')
  if (instance) return instance
  throw new Fault('ci_runner_unknown', 'No CI instance of this name is configured.')
}

function findRunner(deps: CiAppDeps, context: Context): { instance: Instance; runner: Runner } {
  const instance = findInstance(deps, context)
  const runner = instance.runners.get(context.req.param('runner') ?? '')
  if (runner) return { instance, runner }
  throw new Fault('ci_runner_unknown', 'No runner of this name is configured for this instance.')
}

function admit(runner: Runner, build: Build, then: () => Admission): Admission {
  const { slug } = build.repository
  if (runner.repositories.some((pattern) => matchesGlob(pattern, slug))) return then()
  throw new Fault(
    'ci_runner_repository',
    `The runner "${runner.name}" may not ask for tokens of the repository ${slug}.`,
  )
}

async function readRequest(context: Context): Promise<RawRequest> {
  return {
    headers: new Map(context.req.raw.headers),
    body: new Uint8Array(await context.req.arrayBuffer()),
  }
}
