// The secret extension of a Woodpecker server. Its question names no secret, so it gets a token for
// every policy entry that names the repository: a request token where the entry admits the build, and
// otherwise a refusal token, because a `from_secret` that is not answered fails the whole pipeline.
import type { Context, Hono } from 'hono'

import type { Call } from '../ci/drone/call.ts'
import { headersOf, readRequest } from '../ci/drone/receive.ts'
import { toSecretsAnswer } from '../ci/woodpecker/answer.ts'
import { parseSecretsRequest } from '../ci/woodpecker/payload.ts'
import { followKey, parsePublicKey, pinKey } from '../ci/woodpecker/public-key.ts'
import { verifyBody, verifyHead, type PublicKeys } from '../ci/woodpecker/signature.ts'
import type { Instance } from '../config/instances.ts'
import type { WoodpeckerSettings } from '../config/woodpecker.ts'
import { Fault } from '../core/fault.ts'
import type { Log } from '../core/log.ts'
import { findSubjects } from '../policy/compile.ts'
import { decide } from '../policy/decide.ts'
import { matchesGlob } from '../policy/glob.ts'
import type { Policy } from '../policy/schema.ts'
import { offerToken, type OfferDeps } from './request-token.ts'

type Woodpecker = { instance: Instance; settings: WoodpeckerSettings; keys: PublicKeys }

/** What this door needs of the world. */
export type WoodpeckerDeps = OfferDeps & {
  policy: () => Policy
  instances: ReadonlyMap<string, Instance>
  log: Log
  call: Call
}

/** What this door shares with the other doors for CI: the limits of strangers and of known callers. */
export type Turnstile = {
  known: <Value>(context: Context, prove: () => Promise<Value>) => Promise<Value>
  takeTurn: (key: string) => void
}

/** What the ledger calls the caller: the server itself, not an agent. */
const callerName = 'woodpecker'

/** Adds the door of every Woodpecker server; throws ci_key_invalid for a key that is none. */
export function addWoodpeckerDoor(
  app: Hono,
  deps: WoodpeckerDeps,
  { known, takeTurn }: Turnstile,
): void {
  const servers = openServers(deps)
  app.post('/:instance/woodpecker/secrets', async (context) => {
    const { signature, instance, settings } = await known(context, async () => {
      const server = servers.get(context.req.param('instance'))
      if (!server) {
        throw new Fault('ci_runner_unknown', 'No Woodpecker server of this name is configured.')
      }
      const { pathname, search } = new URL(context.req.url)
      const head = { target: `${pathname}${search}`, headers: headersOf(context.req.raw) }
      const verified = await verifyHead({ ...deps, keys: server.keys }, head)
      return { ...verified, ...server }
    })
    takeTurn(`${instance.instance}/${callerName}`)
    const request = await readRequest(context.req.raw)
    verifyBody(request)
    const origin = { ...instance, forgeId: settings.forgeId }
    const { build, event } = parseSecretsRequest(origin, request.body)
    const names = new Set(findSubjects(deps.policy(), build).map(({ entry }) => entry.name))
    if (names.size === 0) return context.body(null, 204)
    const decideFor = (entry: string) => () => {
      checkRepository(settings, build.repository.slug)
      return decide(deps.policy(), build, entry)
    }
    const tokens = await Promise.all(
      [...names].map(async (entry) => ({
        entry,
        token: await offerToken(deps, {
          door: 'secret',
          runner: callerName,
          build,
          signature: `${signature} ${entry}`,
          decide: decideFor(entry),
        }),
      })),
    )
    const headers = { 'content-type': 'application/json', 'cache-control': 'no-store' }
    return context.body(toSecretsAnswer(event, settings.images, tokens), 200, headers)
  })
}

function openServers(deps: WoodpeckerDeps): ReadonlyMap<string, Woodpecker> {
  const servers = new Map<string, Woodpecker>()
  for (const [name, instance] of deps.instances) {
    const { woodpecker: settings } = instance
    if (settings) servers.set(name, { instance, settings, keys: keysOf(deps, instance, settings) })
  }
  return servers
}

function keysOf(
  deps: WoodpeckerDeps,
  instance: Instance,
  settings: WoodpeckerSettings,
): PublicKeys {
  if (settings.publicKey !== undefined) return pinKey(parsePublicKey(settings.publicKey))
  if (!instance.api)
    throw new Fault('config_invalid', 'A Woodpecker server without an api has no key.')
  const noteKey = (fingerprint: string) =>
    deps.log.warn(
      { instance: instance.instance, fingerprint },
      'from now on the Woodpecker server signs with this key',
    )
  return followKey({ ...deps, noteKey }, instance.api)
}

function checkRepository({ repositories }: WoodpeckerSettings, slug: string): void {
  if (repositories.some((pattern) => matchesGlob(pattern, slug))) return
  throw new Fault(
    'ci_runner_repository',
    `The Woodpecker server may not ask for tokens of the repository ${slug}.`,
  )
}
