// Sessions of people: sealed into a cookie, eight hours at most and one hour of rest, ended for good by
// signing out. Every form carries a token that only its session can have.
import { createHmac, timingSafeEqual } from 'node:crypto'

import { parse, serialize } from 'hono/utils/cookie'

import { isRole, type Person } from '../core/role.ts'
import type { Clock } from '../core/time.ts'
import type { Seal } from './seal.ts'
import type { Spent } from './spent.ts'

/** A person who signed in; times are seconds since 1970. */
export type Session = Person & {
  id: string
  /** How: by the provider, or by a one-time link. */
  by: 'provider' | 'link'
  startedAt: number
  seenAt: number
}

/** Sessions and the cookie they are in. */
export type Sessions = {
  /** Begins one and gives its `Set-Cookie`. */
  begin: (person: Person, by: Session['by']) => Promise<string>
  /** The session in a `Cookie` header, if it holds one that is still good. */
  find: (cookies: string | undefined) => Promise<Session | undefined>
  /** The `Set-Cookie` that lets it live on, when it is time for one. */
  prolong: (session: Session) => Promise<string | undefined>
  /** Ends it everywhere and gives the `Set-Cookie` that removes it. */
  end: (session: Session) => Promise<string>
  /** What a form of this session carries. */
  formToken: (session: Pick<Session, 'id'>) => string
  isFormToken: (session: Pick<Session, 'id'>, given: string) => boolean
}

/** Longest life of a session, and longest rest, in seconds. */
export const sessionLimits = { lifeSeconds: 8 * 3600, restSeconds: 3600, prolongSeconds: 300 }

/** What sessions are made with. */
export type SessionDeps = {
  now: Clock
  randomId: () => string
  seal: Seal
  spent: Spent
  /** Key of the form tokens. */
  secretKey: Uint8Array
  /** Whether people come over https, where a cookie may be for this host and https alone. */
  isHttps: boolean
}

/** Sessions under this seal. */
export function createSessions(deps: SessionDeps): Sessions {
  const { now, seal, spent, isHttps } = deps
  const cookie = isHttps ? '__Host-drone-session' : 'drone-session'
  const seconds = () => Math.floor(now().getTime() / 1000)
  const write = async (session: Session) => {
    const { lifeSeconds, restSeconds } = sessionLimits
    const until = Math.min(session.startedAt + lifeSeconds, session.seenAt + restSeconds)
    const value = await seal.seal('session', { ...session }, new Date(until * 1000))
    return serialize(cookie, value, { ...cookieRules, secure: isHttps, maxAge: until - seconds() })
  }
  const formToken = ({ id }: Pick<Session, 'id'>) =>
    createHmac('sha256', deps.secretKey).update(`dashboard form\n${id}`).digest('base64url')
  return {
    begin: (person, by) => {
      const at = seconds()
      return write({ ...person, id: deps.randomId(), by, startedAt: at, seenAt: at })
    },
    find: async (cookies = '') => {
      const value = parse(cookies, cookie)[cookie]
      const session = value === undefined ? undefined : toSession(await seal.open('session', value))
      return session && !(await spent.isSpent(session.id)) ? session : undefined
    },
    prolong: async (session) => {
      const at = seconds()
      const isTime = at - session.seenAt >= sessionLimits.prolongSeconds
      return isTime ? write({ ...session, seenAt: at }) : undefined
    },
    end: async ({ id, startedAt }) => {
      await spent.spend(id, new Date((startedAt + sessionLimits.lifeSeconds) * 1000))
      return serialize(cookie, '', { ...cookieRules, secure: isHttps, maxAge: 0 })
    },
    formToken,
    isFormToken: (session, given) => {
      const [one, other] = [Buffer.from(formToken(session)), Buffer.from(given)]
      return one.length === other.length && timingSafeEqual(one, other)
    },
  }
}

// Lax, because whoever follows a link to a page should find themselves signed in; no GET changes anything.
const cookieRules = { path: '/', httpOnly: true, sameSite: 'Lax' } as const

function toSession(facts: Record<string, unknown> | undefined): Session | undefined {
  if (!facts) return undefined
  const { id, name, role, by, startedAt, seenAt } = facts
  if (typeof id !== 'string' || typeof name !== 'string' || !isRole(role)) return undefined
  if (typeof startedAt !== 'number' || typeof seenAt !== 'number') return undefined
  return { id, name, role, by: by === 'link' ? 'link' : 'provider', startedAt, seenAt }
}
