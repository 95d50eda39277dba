// The replayed server's door for people (`/login`, `/api`), with Drone's paths and answers: repositories,
// builds, restarts, promotions, custom and cron builds, logs and cards (handler/api; facts/drone.md §4.3).
import { type Context, Hono } from 'hono'

import { repositoryJson } from '../../../src/lab/drone.ts'
import type { Builds, KnownRepository, Trigger } from './builds.ts'
import type { ScmClient } from './scm-client.ts'
import type { WireBuild } from './wire.ts'

type ApiDeps = {
  builds: Builds
  scm: ScmClient
  user: { login: string; token: string }
  self: string
}

/** Adds sign-in and the API; every call of the API needs the user's token. */
export function addApi(app: Hono, deps: ApiDeps): void {
  const { builds, scm, user } = deps
  app.get('/login', async (context) => {
    const code = context.req.query('code')
    if (code === undefined) return context.redirect(scm.signInUrl(user.login), 303)
    await scm.signIn(code)
    return context.redirect('/', 303)
  })
  app.get('/', (context) => context.text('welcome'))
  app.get('/healthz', (context) => context.text('OK'))
  app.use('/api/*', async (context, next) => {
    if (context.req.header('authorization') !== `Bearer ${user.token}`) {
      return context.json({ message: 'Unauthorized' }, 401)
    }
    return next()
  })
  app.get('/api/user', (context) => context.json({ login: user.login, admin: true }))
  app.post('/api/user/repos', async (context) => {
    const found = await scm.listRepositories()
    for (const { id, full_name: slug } of found) builds.know(id, slug)
    return context.json(found)
  })
  app.route('/api/repos/:owner/:name', repositoryApi(deps))
}

function repositoryApi({ builds, scm, user }: ApiDeps): Hono {
  const app = new Hono()
  const crons = new Map<string, string>()
  const known = (context: Context): KnownRepository => {
    const slug = `${context.req.param('owner')}/${context.req.param('name')}`
    const found = builds.find(slug)
    if (!found) throw new Error('Not Found')
    return found
  }
  const numbered = (context: Context): WireBuild => {
    const { slug } = known(context).repository
    const found = builds.findBuild(slug, Number(context.req.param('number')))
    if (!found) throw new Error('Not Found')
    return found
  }
  const start = async (context: Context, trigger: Trigger) =>
    context.json(await builds.create(known(context).repository.slug, trigger))
  app.onError((error, context) => context.json({ message: error.message }, 404))
  app.get('/', (context) => {
    const { repository, isActive } = known(context)
    // Its secret and signer are never in an answer.
    const { secret: _, ...page } = repositoryJson(repository)
    return context.json({ ...page, active: isActive })
  })
  app.post('/', async (context) => {
    const found = known(context)
    await scm.registerHook(found.repository.slug, found.signer)
    found.isActive = true
    return context.json({ active: true })
  })
  app.patch('/', async (context) => context.json(await context.req.json<object>()))
  app.get('/builds', (context) =>
    context.json(builds.list(known(context).repository.slug).toReversed()),
  )
  app.get('/builds/:number', (context) => context.json(numbered(context)))
  app.post('/builds', async (context) => {
    const { branch = 'main', commit = branch, ...params } = context.req.query()
    const after = await scm.findCommit(known(context).repository.slug, commit)
    const words = { event: 'custom', ref: `refs/heads/${branch}`, after }
    return start(context, { ...words, ...byHand(user.login, params), sender: user.login })
  })
  app.post('/builds/:number', (context) => {
    const { started: _, ...old } = numbered(context)
    const params = { ...context.req.query(), ...old.params }
    return start(context, { ...old, parent: old.number, ...byHand(user.login, params) })
  })
  app.post('/builds/:number/promote', (context) => {
    const { started: _, params: __, cron: ___, ...old } = numbered(context)
    const { target = '', ...params } = context.req.query()
    const words = { event: 'promote', deploy_to: target, parent: old.number }
    return start(context, { ...old, ...words, ...byHand(user.login, params) })
  })
  app.post('/cron', async (context) => {
    const { name, branch } = await context.req.json<{ name: string; branch: string }>()
    crons.set(name, branch)
    return context.json({ name, branch })
  })
  app.post('/cron/:cron', async (context) => {
    const cron = context.req.param('cron')
    const branch = crons.get(cron) ?? ''
    const after = await scm.findCommit(known(context).repository.slug, branch)
    const words = { event: 'cron', ref: `refs/heads/${branch}`, after, trigger: '@cron' }
    return start(context, { ...words, cron, sender: user.login })
  })
  const stepOf = (context: Context): number => {
    const [stage] = numbered(context).stages
    const step = stage?.steps?.find(({ number }) => number === Number(context.req.param('step')))
    if (!step) throw new Error('Not Found')
    return step.id
  }
  app.get('/builds/:number/logs/:stage/:step', (context) =>
    context.json(builds.logs.get(stepOf(context)) ?? []),
  )
  app.get('/cards/:number/:stage/:step', (context) => {
    const card = builds.cards.get(stepOf(context))
    return card ? context.json(card.data as object) : context.json({ message: 'Not Found' }, 404)
  })
  return app
}

function byHand(
  login: string,
  params: Record<string, string>,
): Pick<Trigger, 'trigger' | 'params'> {
  return { trigger: login, ...(Object.keys(params).length > 0 && { params }) }
}
