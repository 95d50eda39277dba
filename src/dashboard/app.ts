// The dashboard on the door for people (`listen.admin`; docs/dashboard.md): pages for those who signed
// in, each by its role, rendered here and readable without scripts. It shows the read model and changes
// nothing but what admins order.
import { Hono, type Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'

import { Fault } from '../core/fault.ts'
import type { Log } from '../core/log.ts'
import { isAtLeast, type Role } from '../core/role.ts'
import { createAssets } from './assets.ts'
import { showFailure, titleOf } from './error-page.ts'
import { layOut, type View } from './layout.ts'
import { withQuery } from './parts.ts'
import { protectAnswers, readForm } from './protect.ts'
import { readings, sendings, type Answer } from './routes.ts'
import type { Session } from './session.ts'
import { createSignIn, record, signInPaths, type SignInDeps } from './sign-in.ts'
import type { Ask, Sources } from './sources.ts'

/** What the dashboard needs. */
export type DashboardDeps = SignInDeps & {
  log: Log
  sources: Sources
  /** Milliseconds of a clock that only goes on. */
  elapsedMs: () => number
}

type Env = { Variables: { session: Session } }

const longestFormBytes = 16 * 1024

/** The HTTP application of the dashboard. */
export function createDashboard(deps: DashboardDeps): Hono<Env> {
  const { sources, sessions } = deps
  const app = new Hono<Env>()
  app.use('*', async (context, next) => {
    const from = deps.elapsedMs()
    await next()
    context.header('server-timing', `total;dur=${(deps.elapsedMs() - from).toFixed(1)}`)
  })
  app.use('*', protectAnswers(deps))
  app.use('*', bodyLimit({ maxSize: longestFormBytes, onError: refuseLength }))
  app.onError((error, context) => answerFailure(deps, error, context))
  app.notFound((context) =>
    answerFailure(deps, new Fault('dashboard_absent', 'This address leads to no page.'), context),
  )
  app.route('/', createAssets())
  app.route('/', createSignIn(deps))
  app.use('*', async (context, next) => {
    const session = await sessions.find(context.req.header('cookie'))
    if (!session) return toSignIn(deps, context)
    context.set('session', session)
    const cookie = await sessions.prolong(session)
    await next()
    // Not over the cookie that a sign-out has just removed.
    if (cookie !== undefined && !context.res.headers.has('set-cookie')) {
      context.header('set-cookie', cookie, { append: true })
    }
    return undefined
  })

  for (const { path, least, show } of readings) {
    app.get(path, async (context) => {
      await requireRole(deps, context, least)
      const view = viewOf(deps, context)
      return answer(context, view, await show(sources, view, askOf(context)))
    })
  }
  for (const { path, least, did, act } of sendings) {
    app.post(path, async (context) => {
      await requireRole(deps, context, least)
      const view = viewOf(deps, context)
      const form = await readFormOnRecord(deps, context)
      await record(deps, { type: 'admin.acted', decision: 'info' }, view.session, did)
      return answer(context, view, await act(sources, view, form))
    })
  }
  app.post('/sign-out', async (context) => {
    await readFormOnRecord(deps, context)
    const session = context.get('session')
    const cookie = await sessions.end(session)
    await record(deps, { type: 'admin.signed_out', decision: 'info' }, session, 'signed out')
    context.header('set-cookie', cookie)
    return context.redirect(signInPaths.page, 303)
  })
  return app
}

function refuseLength(): never {
  throw new Fault('dashboard_question_invalid', `No form has more than ${longestFormBytes} bytes.`)
}

function answer(context: Context<Env>, view: View, given: Answer): Response | Promise<Response> {
  if (typeof given === 'string') return context.redirect(given, 303)
  return given instanceof Response ? given : context.html(layOut(view, given))
}

function viewOf({ sources, sessions }: DashboardDeps, context: Context<Env>): View {
  const session = context.get('session')
  return {
    now: sources.now(),
    path: context.req.path,
    session,
    formToken: sessions.formToken(session),
  }
}

function askOf({ req }: Context): Ask {
  return {
    query: (name) => {
      const text = req.query(name)?.trim()
      const isText = text !== undefined && text !== '' && text.length <= 500 && text.isWellFormed()
      // A cursor, path or name has no NUL in it, and PostgreSQL takes none.
      return isText && !text.includes('\0') ? text : undefined
    },
    param: (name) => req.param(name) ?? '',
  }
}

// Who only wants to read is sent to sign in; a form of nobody is refused.
function toSignIn({ meetStranger }: DashboardDeps, context: Context): Response {
  meetStranger(context.env)
  const { pathname, search } = new URL(context.req.url)
  if (context.req.method !== 'GET') {
    throw new Fault('dashboard_form_forged', 'Nobody is signed in any more.')
  }
  const to = pathname === '/' ? undefined : pathname + search
  return context.redirect(withQuery(signInPaths.page, { to }), 303)
}

async function requireRole(deps: DashboardDeps, context: Context<Env>, least: Role): Promise<void> {
  const session = context.get('session')
  if (isAtLeast(session.role, least)) return
  const sentence = `This is for the role ${least}; you are signed in as ${session.role}.`
  await refuse(deps, session, new Fault('dashboard_role_denied', sentence))
}

async function readFormOnRecord(
  deps: DashboardDeps,
  context: Context<Env>,
): Promise<URLSearchParams> {
  const session = context.get('session')
  const { sessions, origin } = deps
  try {
    return await readForm({ sessions, origin }, context, session)
  } catch (error) {
    if (error instanceof Fault) await refuse(deps, session, error)
    throw error
  }
}

async function refuse(deps: DashboardDeps, session: Session, fault: Fault): Promise<never> {
  const event = { type: 'admin.denied', decision: 'deny', reasons: [fault.code] } as const
  await record(deps, event, session, `was refused: ${fault.message}`)
  throw fault
}

function answerFailure(
  deps: DashboardDeps,
  error: Error,
  context: Context<Env>,
): Response | Promise<Response> {
  const { method, path } = context.req
  const view = context.get('session') ? viewOf(deps, context) : undefined
  if (error instanceof Fault) {
    const level = error.status >= 500 ? 'error' : 'warn'
    deps.log[level]({ code: error.code, status: error.status, method, path }, error.message)
    const { retryAfterSeconds } = error.details
    if (retryAfterSeconds !== undefined) context.header('retry-after', String(retryAfterSeconds))
    const failure = {
      title: titleOf(error.status),
      sentence: error.message,
      hint: error.hint,
      code: error.code,
    }
    return respond(context, error.status, showFailure(view, failure))
  }
  const requestId = deps.randomId()
  deps.log.error({ requestId, method, path, stack: error.stack }, 'a defect of this service')
  const failure = {
    title: titleOf(500),
    sentence: 'The dashboard failed in a way nobody foresaw.',
    hint: `The log of the service has it under the request id ${requestId}.`,
    code: 'defect',
  }
  return respond(context, 500, showFailure(view, failure))
}

async function respond(
  context: Context,
  status: number,
  page: ReturnType<typeof showFailure>,
): Promise<Response> {
  context.header('content-type', 'text/html; charset=utf-8')
  return context.newResponse(String(await page), status as 400)
}
