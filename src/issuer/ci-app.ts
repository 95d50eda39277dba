// The door for CI servers and runners: Drone's secret and environ extensions and its webhooks, and the
// secret extension of Woodpecker (woodpecker.ts). Each
// runner has its own URL and token; a signed but refused request is answered with a refusal token,
// because Drone would swallow an error and hand the step an empty variable. URLs come from the
// configuration and callers from their connection, never from Host or X-Forwarded-*.
import { randomBytes } from 'node:crypto'

import { Hono, type Context } from 'hono'

import type { Build } from '../ci/build.ts'
import { callOnce, type Call } from '../ci/drone/call.ts'
import { encryptAnswer, encryptedHeaders, nonceBytes } from '../ci/drone/encryption.ts'
import { parseEnvironRequest, parseSecretRequest, parseWebhook } from '../ci/drone/payload.ts'
import { headersOf, readRequest } from '../ci/drone/receive.ts'
import {
  extensions,
  verifyBody,
  verifyHead,
  type RawRequest,
  type SignedExtension,
} from '../ci/drone/signature.ts'
import type { Instance, Runner } from '../config/instances.ts'
import { usualRateLimits, type RateLimits } from '../config/service-config.ts'
import { Fault, messageOf } from '../core/fault.ts'
import type { Log } from '../core/log.ts'
import type { Secret } from '../core/secret.ts'
import { decide, decideAlone, type Admission } from '../policy/decide.ts'
import { matchesGlob } from '../policy/glob.ts'
import type { Policy } from '../policy/schema.ts'
import type { Store } from '../store/store.ts'
import { mintDirectly, type MintForBuild } from './direct.ts'
import { forwardEnviron, forwardRequest, type Variable } from './forward.ts'
import { problemHandler } from './problem.ts'
import { createRateLimiter, strangerKey } from './rate-limit.ts'
import { offerToken, type OfferDeps } from './request-token.ts'
import { observeBuild } from './witness.ts'
import { addWoodpeckerDoor } from './woodpecker.ts'

/** What the CI door needs of the world. */
export type CiAppDeps = OfferDeps & {
  store: Store
  policy: () => Policy
  instances: ReadonlyMap<string, Instance>
  log: Log
  /** Mints at compile time, for the path `oidc`. */
  mintForBuild: MintForBuild
  limits?: RateLimits
  /** Reaches the extensions behind us; the real network unless a test says otherwise. */
  call?: Call
}

/** Name of the masked variable that the environ extension sets. */
export const tokenVariable = 'AZURE_STORAGE_DRONE_TOKEN'

/** The `path` of a `kind: secret` whose `name` is a policy entry, answered with a request token. */
export const secretPath = 'azure'

/** The `path` of a `kind: secret` whose `name` is an audience, answered with an ID token at once. */
export const directPath = 'oidc'

/** The HTTP application for CI servers and runners. */
export function createCiApp(deps: CiAppDeps): Hono {
  const app = new Hono()
  app.onError(problemHandler(deps.log))
  const limits = deps.limits ?? usualRateLimits
  const runners = createRateLimiter(deps, limits.runner)
  const strangers = createRateLimiter(deps, limits.stranger)

  /** Whoever cannot prove to be known is counted by address, before anything of a body is read. */
  const known = async <Value>(
    context: Context,
    prove: () => Value | Promise<Value>,
  ): Promise<Value> => {
    try {
      return await prove()
    } catch (error) {
      if (error instanceof Fault) strangers.take(strangerKey(context.env))
      throw error
    }
  }
  const enter = (context: Context, extensionOf: (accept: string) => SignedExtension) =>
    known(context, () => {
      const { instance, runner } = findRunner(deps, context)
      const headers = headersOf(context.req.raw)
      const extension = extensionOf(headers.get('accept') ?? '')
      const { signature } = verifyHead(deps, extension, runner.token, headers)
      return { instance, runner, signature, extension }
    })
  const takeTurn = ({ instance }: Instance, runner: Runner) =>
    runners.take(`${instance}/${runner.name}`)

  app.post('/:instance/drone/runners/:runner/secret', async (context) => {
    const { instance, runner, signature } = await enter(context, () => extensions.secret)
    takeTurn(instance, runner)
    const request = await readSigned(context)
    const { path, name, build } = parseSecretRequest(instance, request.body)
    const give = (data: Secret) =>
      // Only the runner inside the server honours the two flags; they cost nothing and mean what they say.
      answer(runner, { name, data: data.reveal(), pull_request: false, pull: false })
    if (path === directPath) {
      const question = {
        runner: runner.name,
        build,
        audience: name,
        admit: () => checkRepository(runner, build),
      }
      const minted = await mintDirectly(deps, question)
      return minted ? give(minted.token) : context.body(null, 204)
    }
    if (path === secretPath) {
      const token = await offerToken(deps, {
        door: 'secret',
        runner: runner.name,
        build,
        signature,
        decide: () => admit(runner, build, () => decide(deps.policy(), build, name)),
      })
      return give(token)
    }
    const { upstream } = runner
    if (!upstream.secret) return context.body(null, 204)
    const passed = await forwardRequest(deps, upstream.secret, extensions.secret, request.body)
    if (passed.status === 204) return context.body(null, 204)
    return send(passed.status < 400 ? runner : undefined, passed)
  })

  app.post('/:instance/drone/runners/:runner/environ', async (context) => {
    const { instance, runner, signature, extension } = await enter(context, (accept) =>
      accept === extensions.environV1.accept ? extensions.environV1 : extensions.environ,
    )
    const isV1 = extension === extensions.environV1
    // From here on the caller is known, and an error would take every other global variable from
    // the step (facts/drone.md §1.3): whatever fails, the answer is a list.
    const none = (error: unknown): Variable[] => {
      const code = error instanceof Fault ? error.code : 'defect'
      deps.log.error({ code, runner: runner.name }, messageOf(error))
      return []
    }
    const offer = async ({ body }: RawRequest): Promise<Variable[]> => {
      if (!runner.environ) return []
      if (isV1) throw new Fault('ci_request_invalid', 'An old runner would print the token.')
      const build = parseEnvironRequest(instance, body)
      const token = await offerToken(deps, {
        door: 'environ',
        runner: runner.name,
        build,
        signature,
        decide: () => admit(runner, build, () => decideAlone(deps.policy(), build)),
      })
      return [{ name: tokenVariable, data: token.reveal(), mask: true }]
    }
    const forward = async ({ body }: RawRequest): Promise<Variable[]> => {
      const { environ } = runner.upstream
      return environ ? forwardEnviron(deps, environ, extension, body) : []
    }
    let variables: Variable[]
    try {
      takeTurn(instance, runner)
      const request = await readSigned(context)
      const [ours, theirs] = await Promise.all([
        offer(request).catch(none),
        forward(request).catch(none),
      ])
      variables = [...theirs.filter(({ name }) => name !== tokenVariable), ...ours]
    } catch (error) {
      // The body is another one than was signed: this is not the caller the headers speak of.
      if (error instanceof Fault && error.status === 401) throw error
      variables = none(error)
    }
    const asMap = () => Object.fromEntries(variables.map(({ name, data }) => [name, data]))
    return answer(runner, isV1 ? asMap() : variables)
  })

  // Never limited once verified: a webhook is not sent again, and the last one ends the tokens.
  app.post('/:instance/drone/webhook', async (context) => {
    const instance = await known(context, () => {
      const found = findInstance(deps, context)
      if (!found.webhookSecret) {
        throw new Fault('ci_runner_unknown', 'This instance is configured without webhooks.')
      }
      verifyHead(deps, extensions.webhook, found.webhookSecret, headersOf(context.req.raw))
      return found
    })
    const build = parseWebhook(instance, (await readSigned(context)).body)
    if (build) await observeBuild(deps, build)
    return context.body(null, 204)
  })

  addWoodpeckerDoor(
    app,
    { ...deps, call: deps.call ?? callOnce },
    { known, takeTurn: runners.take },
  )

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
  checkRepository(runner, build)
  return then()
}

function checkRepository(runner: Runner, build: Build): void {
  const { slug } = build.repository
  if (runner.repositories.some((pattern) => matchesGlob(pattern, slug))) return
  throw new Fault(
    'ci_runner_repository',
    `The runner "${runner.name}" may not ask for tokens of the repository ${slug}.`,
  )
}

async function readSigned(context: Context): Promise<RawRequest> {
  const request = await readRequest(context.req.raw)
  verifyBody(request)
  return request
}

function answer(runner: Runner, value: unknown): Response {
  const body = Buffer.from(JSON.stringify(value))
  return send(runner, { status: 200, contentType: 'application/json', body })
}

function send(
  runner: Runner | undefined,
  { status, contentType, body }: { status: number; contentType: string; body: Buffer },
): Response {
  const headers = { 'content-type': contentType, 'cache-control': 'no-store' }
  if (!runner?.encryptAnswers) return new Response(new Uint8Array(body), { status, headers })
  const encrypted = encryptAnswer(runner.token, randomBytes(nonceBytes), body)
  return new Response(new Uint8Array(encrypted), {
    status,
    headers: { ...headers, ...encryptedHeaders },
  })
}
