// What keeps other sites out: headers that let a page load nothing but our two files and be framed by
// nobody, and the check that a form was sent from one of our own pages by whoever is signed in.
import type { Context, MiddlewareHandler } from 'hono'

import { Fault } from '../core/fault.ts'
import type { Session, Sessions } from './session.ts'

// Forms go to us alone, and nothing comes from anywhere else. No inline script or style has a place.
const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ')

const headers: Readonly<Record<string, string>> = {
  'content-security-policy': policy,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), geolocation=(), microphone=()',
}

/** Sets the headers of every answer; what is not a file of ours is kept by nobody. */
export function protectAnswers({ isHttps }: { isHttps: boolean }): MiddlewareHandler {
  return async (context, next) => {
    await next()
    for (const [name, value] of Object.entries(headers)) context.header(name, value)
    if (isHttps) context.header('strict-transport-security', 'max-age=31536000')
    if (!context.res.headers.has('cache-control')) context.header('cache-control', 'no-store')
  }
}

/** Reads the fields of a form that this session sent from one of our pages; throws dashboard_form_forged. */
export async function readForm(
  { sessions, origin }: { sessions: Pick<Sessions, 'isFormToken'>; origin: string | undefined },
  context: Context,
  session: Session,
): Promise<URLSearchParams> {
  const ours = origin ?? new URL(context.req.url).origin
  const { req } = context
  const site = req.header('sec-fetch-site')
  if (site !== undefined && site !== 'same-origin') throw forged('The form came from another site.')
  // Without the one every browser of these years sends the other.
  if (req.header('origin') !== ours && site === undefined) {
    throw forged('The form does not say that it came from this site.')
  }
  const type = req.header('content-type')?.split(';')[0]
  if (type !== 'application/x-www-form-urlencoded') throw forged('This is not a form.')
  const fields = new URLSearchParams(await req.text())
  if (!sessions.isFormToken(session, fields.get('form_token') ?? '')) {
    throw forged('The form is not one of this session.')
  }
  return fields
}

function forged(sentence: string): Fault {
  return new Fault('dashboard_form_forged', sentence)
}
