// Signing in and out: to the provider and back, or by a one-time link from the command line where the
// door is on loopback. Each is on the ledger, refusals too.
import { Hono, type Context } from 'hono'
import { parse, serialize } from 'hono/utils/cookie'

import type { LedgerEvent } from '../audit/event.ts'
import type { Ledger } from '../audit/ledger.ts'
import { Fault } from '../core/fault.ts'
import type { Person } from '../core/role.ts'
import type { Clock } from '../core/time.ts'
import type { Oidc, SignInSecrets } from './oidc.ts'
import type { Seal } from './seal.ts'
import type { Session, Sessions } from './session.ts'
import { showSignIn } from './sign-in-page.ts'
import type { Spent } from './spent.ts'

/** What signing in needs. */
export type SignInDeps = {
  now: Clock
  randomId: () => string
  ledger: Ledger
  seal: Seal
  spent: Spent
  sessions: Sessions
  /** The provider, where the configuration names one. */
  oidc?: Oidc
  /** The outside address of the door; without one, what the browser asked for. */
  origin?: string
  isHttps: boolean
  /** Whether one-time links may be made: the door is on loopback. */
  hasLinks: boolean
  /** Counts a caller nobody knows; throws issuer_rate_limited. */
  meetStranger: (env: unknown) => void
}

/** Where signing in happens. */
export const signInPaths = {
  page: '/sign-in',
  start: '/sign-in/start',
  back: '/sign-in/callback',
  link: '/sign-in/link',
} as const

const linkSeconds = 60
const underWaySeconds = 600

/** The routes for those who are not signed in. */
export function createSignIn(deps: SignInDeps): Hono {
  const { now, seal, spent, sessions, oidc, isHttps } = deps
  const cookie = isHttps ? '__Host-drone-sign-in' : 'drone-sign-in'
  const rules = { path: '/', httpOnly: true, sameSite: 'Lax', secure: isHttps } as const
  const app = new Hono()
  const originOf = (context: Context) => deps.origin ?? new URL(context.req.url).origin
  const arrive = async (context: Context, person: Person, by: Session['by'], to: string) => {
    const how = by === 'link' ? 'by a one-time link' : 'by the sign-in provider'
    await record(deps, { type: 'admin.signed_in', decision: 'allow' }, person, how)
    context.header('set-cookie', await sessions.begin(person, by), { append: true })
    return context.redirect(to, 303)
  }

  app.get(signInPaths.page, async (context) => {
    if (await sessions.find(context.req.header('cookie'))) return context.redirect('/', 303)
    const to = safePath(context.req.query('to'))
    return context.html(
      showSignIn({ hasProvider: oidc !== undefined, hasLinks: deps.hasLinks, to }),
    )
  })

  app.get(signInPaths.start, async (context) => {
    if (!oidc) throw absent()
    deps.meetStranger(context.env)
    const to = safePath(context.req.query('to'))
    const { url, secrets } = await oidc.begin(originOf(context) + signInPaths.back)
    const until = new Date(now().getTime() + underWaySeconds * 1000)
    const value = await seal.seal('sign-in', { ...secrets, to }, until)
    context.header('set-cookie', serialize(cookie, value, { ...rules, maxAge: underWaySeconds }))
    return context.redirect(url, 303)
  })

  app.get(signInPaths.back, async (context) => {
    if (!oidc) throw absent()
    deps.meetStranger(context.env)
    const value = parse(context.req.header('cookie') ?? '', cookie)[cookie]
    const facts = toUnderWay(value === undefined ? undefined : await seal.open('sign-in', value))
    context.header('set-cookie', serialize(cookie, '', { ...rules, maxAge: 0 }))
    return refuseOnRecord(deps, async () => {
      if (!facts) {
        throw new Fault(
          'dashboard_sign_in_failed',
          'This browser did not begin this sign-in, or more than ten minutes ago.',
        )
      }
      const { search } = new URL(context.req.url)
      const returnedTo = new URL(originOf(context) + signInPaths.back + search)
      const person = await oidc.finish(returnedTo, facts)
      return arrive(context, person, 'provider', facts.to)
    })
  })

  app.get(signInPaths.link, async (context) => {
    deps.meetStranger(context.env)
    // Somebody may only be looking where it leads.
    if (context.req.method !== 'GET') return context.body(null)
    return refuseOnRecord(deps, async () => {
      const facts = await seal.open('link', context.req.query('code') ?? '')
      const { jti, exp, name } = facts ?? {}
      const isFresh = jti !== undefined && exp !== undefined && typeof name === 'string'
      if (!deps.hasLinks || !isFresh || !(await spent.spend(jti, new Date(exp * 1000)))) {
        throw new Fault('dashboard_link_spent', 'This link was used before, or is too old.')
      }
      return arrive(context, { name, role: 'admin' }, 'link', '/')
    })
  })
  return app
}

/** Makes a one-time link for an admin, as the path that leads in; throws dashboard_link_refused. */
export async function makeLink(
  deps: Pick<SignInDeps, 'now' | 'seal' | 'randomId' | 'ledger' | 'hasLinks'>,
  admin: string,
): Promise<{ path: string; expiresInSeconds: number }> {
  if (!deps.hasLinks) {
    throw new Fault('dashboard_link_refused', 'This door is not on loopback, so it makes no links.')
  }
  const until = new Date(deps.now().getTime() + linkSeconds * 1000)
  const code = await deps.seal.seal('link', { jti: deps.randomId(), name: admin }, until)
  await record(
    deps,
    { type: 'admin.acted', decision: 'info' },
    { name: admin },
    'made a one-time link',
  )
  return { path: `${signInPaths.link}?code=${code}`, expiresInSeconds: linkSeconds }
}

/** Writes down what a person did at the dashboard, or was refused; throws audit_unavailable. */
export async function record(
  { ledger }: { ledger: Ledger },
  event: Pick<LedgerEvent, 'type' | 'decision' | 'reasons'>,
  person: { name: string; role?: string } | undefined,
  detail: string,
): Promise<void> {
  const who = person ? `${person.name}${person.role === undefined ? '' : ` (${person.role})`} ` : ''
  await ledger.append({
    ...event,
    detail: `${who}${detail}`,
    caller: { door: 'admin', ...(person && { admin: person.name }) },
  })
}

/** A path of this site to go to, and the overview for anything else: nobody is sent to another site. */
export function safePath(text: string | undefined): string {
  const base = 'https://here.invalid'
  if (text === undefined || !text.startsWith('/') || !URL.canParse(text, base)) return '/'
  const url = new URL(text, base)
  // Two slashes, or a backslash, begin the name of another host.
  if (url.origin !== base || url.pathname.startsWith('//')) return '/'
  return url.pathname + url.search
}

async function refuseOnRecord(deps: SignInDeps, work: () => Promise<Response>): Promise<Response> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Fault) || error.status >= 500) throw error
    const event = { type: 'admin.denied', decision: 'deny', reasons: [error.code] } as const
    await record(deps, event, undefined, error.message.toWellFormed().slice(0, 500))
    throw error
  }
}

function toUnderWay(
  facts: Record<string, unknown> | undefined,
): (SignInSecrets & { to: string }) | undefined {
  const { state, nonce, verifier, to } = facts ?? {}
  if (typeof state !== 'string' || typeof nonce !== 'string') return undefined
  if (typeof verifier !== 'string' || typeof to !== 'string') return undefined
  return { state, nonce, verifier, to: safePath(to) }
}

function absent(): Fault {
  return new Fault('dashboard_absent', 'This service has no sign-in provider.')
}
