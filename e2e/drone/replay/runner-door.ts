// The replayed server's door for runners (`/rpc/v2`): stages, steps, logs and cards.
import type { Hono } from 'hono'

import type { Builds } from './builds.ts'
import type { ScmClient } from './scm-client.ts'
import type { WireDetails, WireLine, WireStage, WireStep } from './wire.ts'

const pollMilliseconds = 30_000

/** Adds the runner's calls; whoever lacks the shared secret gets nothing. */
export function addRunnerDoor(
  app: Hono,
  { builds, scm, secret }: { builds: Builds; scm: ScmClient; secret: string },
): void {
  app.use('/rpc/v2/*', async (context, next) => {
    if (context.req.header('x-drone-token') !== secret) return context.body(null, 403)
    return next()
  })
  app.post('/rpc/v2/ping', (context) => context.body(null, 204))
  app.post('/rpc/v2/stage', async (context) => {
    const timeout = AbortSignal.timeout(pollMilliseconds)
    const stage = await builds.takeStage(AbortSignal.any([timeout, context.req.raw.signal]))
    return stage ? context.json(stage) : context.body(null, 204)
  })
  app.post('/rpc/v2/stage/:id', (context) => {
    const found = builds.findStage(Number(context.req.param('id')))
    const [stage] = found?.build.stages ?? []
    if (!stage || stage.machine !== '') return context.body(null, 409)
    stage.machine = context.req.query('machine') ?? ''
    return context.json(stage)
  })
  app.get('/rpc/v2/stage/:id', (context) => {
    const found = builds.findStage(Number(context.req.param('id')))
    const [stage] = found?.build.stages ?? []
    if (!found || !stage) return context.body(null, 404)
    const details: WireDetails = {
      build: found.build,
      stage,
      repository: found.known.repository,
      config: { data: found.file },
      netrc: { machine: 'scm.example', login: scm.token(), password: 'x-oauth-basic' },
    }
    return context.json(details)
  })
  app.put('/rpc/v2/stage/:id', async (context) =>
    context.json(await builds.updateStage(await context.req.json<WireStage>())),
  )
  app.put('/rpc/v2/step/:id', async (context) =>
    context.json(await builds.updateStep(await context.req.json<WireStep>())),
  )
  app.post('/rpc/v2/step/:id/logs/upload', async (context) => {
    builds.logs.set(Number(context.req.param('id')), await context.req.json<WireLine[]>())
    return context.body(null, 204)
  })
  app.post('/rpc/v2/step/:id/card', async (context) => {
    const card = await context.req.json<{ schema: string; data: unknown }>()
    builds.cards.set(Number(context.req.param('id')), card)
    return context.body(null, 204)
  })
}
