// The lab's sign-in provider for people: OpenID Connect Core 1.0 with the authorization code flow and
// PKCE (RFC 7636). It checks what a strict one checks, and refuses: clients, redirect addresses letter by
// letter, challenges, codes that were used, passwords.
import { randomBytes, timingSafeEqual } from 'node:crypto'

import { getRequestListener } from '@hono/node-server'
import { Hono, type Context } from 'hono'
import { html } from 'hono/html'
import { calculateJwkThumbprint, exportJWK, generateKeyPair, SignJWT } from 'jose'

import { sha256Hex } from '../core/digest.ts'
import { toNumericDate, type Clock } from '../core/time.ts'
import type { LabAuthority } from './authority.ts'
import { listenTls } from './listen.ts'

/** Somebody who can sign in; `claims` go into the ID token. */
export type LabPerson = { password: string; claims: Record<string, unknown> }

/** The one client; without a secret it is a public one. */
export type LabClient = { id: string; secret?: string; redirectUris: string[] }

/** A running provider. */
export type LabSignIn = {
  issuer: string
  /** Redirect addresses may be added while it runs. */
  client: LabClient
  /** Everybody by login. */
  people: Map<string, LabPerson>
  /** What was refused, one word each. */
  refusals: readonly string[]
  close: () => Promise<void>
}

type Grant = {
  login: string
  redirectUri: string
  challenge: string
  nonce: string | undefined
  expiresAt: number
}

const codeSeconds = 60

/** Starts a provider on a free port of the loopback interface; close it when done. */
export async function startSignIn(
  { authority, now }: { authority: LabAuthority; now: Clock },
  { client, people }: { client: LabClient; people: ReadonlyMap<string, LabPerson> },
): Promise<LabSignIn> {
  const { privateKey, publicKey } = await generateKeyPair('RS256')
  const jwk = await exportJWK(publicKey)
  const kid = await calculateJwkThumbprint(jwk)
  const known = new Map(people)
  const grants = new Map<string, Grant>()
  const refusals: string[] = []
  const place = { issuer: '' }
  const seconds = () => toNumericDate(now())
  const refuse = (context: Context, error: string, status: 400 | 401 = 400) => {
    refusals.push(error)
    return context.json({ error }, status)
  }

  const app = new Hono()
  app.get('/.well-known/openid-configuration', (context) => context.json(describe(place.issuer)))
  app.get('/keys', (context) => context.json({ keys: [{ ...jwk, kid, use: 'sig', alg: 'RS256' }] }))
  app.get('/authorize', (context) => {
    const wrong = whatIsWrong(client, new URL(context.req.url).searchParams)
    if (wrong !== undefined) return refuse(context, wrong)
    return context.html(loginPage(new URL(context.req.url).search))
  })
  app.post('/authorize', async (context) => {
    const query = new URL(context.req.url).searchParams
    const wrong = whatIsWrong(client, query)
    if (wrong !== undefined) return refuse(context, wrong)
    const form = new URLSearchParams(await context.req.text())
    const login = form.get('login') ?? ''
    if (known.get(login)?.password !== form.get('password')) {
      return refuse(context, 'access_denied', 401)
    }
    const code = randomBytes(32).toString('base64url')
    const redirectUri = query.get('redirect_uri') ?? ''
    grants.set(code, {
      login,
      redirectUri,
      challenge: query.get('code_challenge') ?? '',
      nonce: query.get('nonce') ?? undefined,
      expiresAt: seconds() + codeSeconds,
    })
    const back = new URL(redirectUri)
    back.searchParams.set('code', code)
    back.searchParams.set('state', query.get('state') ?? '')
    back.searchParams.set('iss', place.issuer)
    return context.redirect(back.href, 303)
  })
  app.post('/token', async (context) => {
    const form = new URLSearchParams(await context.req.text())
    if (form.get('grant_type') !== 'authorization_code') {
      return refuse(context, 'unsupported_grant_type')
    }
    if (!isClient(client, form)) return refuse(context, 'invalid_client', 401)
    const code = form.get('code') ?? ''
    const grant = grants.get(code)
    // Once, whatever comes of it.
    grants.delete(code)
    if (!grant || !isGranted(grant, form, seconds())) return refuse(context, 'invalid_grant')
    const { login, nonce } = grant
    const at = seconds()
    const idToken = await new SignJWT({ ...known.get(login)?.claims, ...(nonce && { nonce }) })
      .setProtectedHeader({ alg: 'RS256', kid })
      .setIssuer(place.issuer)
      .setAudience(client.id)
      .setSubject(sha256Hex(login).slice(0, 24))
      .setIssuedAt(at)
      .setExpirationTime(at + 300)
      .sign(privateKey)
    return context.json({
      token_type: 'Bearer',
      access_token: randomBytes(24).toString('base64url'),
      expires_in: 300,
      id_token: idToken,
    })
  })
  const { url, close } = await listenTls(
    { authority },
    getRequestListener(app.fetch, { overrideGlobalObjects: false }),
  )
  place.issuer = url
  return { issuer: url, client, people: known, refusals, close }
}

function whatIsWrong(client: LabClient, query: URLSearchParams): string | undefined {
  if (query.get('client_id') !== client.id) return 'unauthorized_client'
  if (!client.redirectUris.includes(query.get('redirect_uri') ?? '')) return 'invalid_redirect_uri'
  if (query.get('response_type') !== 'code') return 'unsupported_response_type'
  if (!(query.get('scope') ?? '').split(' ').includes('openid')) return 'invalid_scope'
  const isProof =
    query.get('code_challenge_method') === 'S256' &&
    /^[\w-]{43}$/.test(query.get('code_challenge') ?? '')
  return isProof ? undefined : 'invalid_request'
}

function isClient({ id, secret }: LabClient, form: URLSearchParams): boolean {
  if (form.get('client_id') !== id) return false
  const given = form.get('client_secret')
  return secret === undefined ? given === null : given !== null && isSame(given, secret)
}

function isGranted(grant: Grant, form: URLSearchParams, at: number): boolean {
  const verifier = form.get('code_verifier') ?? ''
  const challenge = Buffer.from(sha256Hex(verifier), 'hex').toString('base64url')
  const isTimely = at <= grant.expiresAt
  return isTimely && form.get('redirect_uri') === grant.redirectUri && challenge === grant.challenge
}

function isSame(one: string, other: string): boolean {
  const [left, right] = [Buffer.from(sha256Hex(one)), Buffer.from(sha256Hex(other))]
  return timingSafeEqual(left, right)
}

function describe(issuer: string): Record<string, unknown> {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    jwks_uri: `${issuer}/keys`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    code_challenge_methods_supported: ['S256'],
    token_endpoint_auth_methods_supported: ['client_secret_post', 'none'],
    authorization_response_iss_parameter_supported: true,
  }
}

function loginPage(search: string): ReturnType<typeof html> {
  return html`<!doctype html>
    <html lang="en">
      <head>
        <title>Sign in at the lab</title>
      </head>
      <body>
        <main>
          <h1>Sign in at the lab</h1>
          <form method="post" action="/authorize${search}">
            <label>Login <input name="login" /></label>
            <label>Password <input name="password" type="password" /></label>
            <button>Sign in</button>
          </form>
        </main>
      </body>
    </html>`
}
