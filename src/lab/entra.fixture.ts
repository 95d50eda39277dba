// For the tests of this room: a lab Entra with a token issuer before it, a clock that stands still,
// and one application per test.
import { randomUUID } from 'node:crypto'

import { createAuthority, type LabAuthority } from './authority.ts'
import type { LabApp } from './entra-directory.ts'
import { type LabEntra, startEntra } from './entra.ts'
import { send, startTestIssuer, type TestAnswer, type TestIssuer } from './issuer.fixture.ts'

/** What the kit's application trusts, and the issuer signs when nothing else is said. */
export const trusted = {
  subject: 'repo:acme/api@7:ref:refs/heads/main',
  audience: 'api://AzureADTokenExchange',
}

/** Another tenant, other form fields or another path of a token request. */
export type RequestChange = { tenant?: string; form?: Record<string, string>; path?: string }

/** The running parts; the clock stands still at `time`. */
export type EntraKit = {
  authority: LabAuthority
  issuer: TestIssuer
  entra: LabEntra
  app: LabApp
  time: Date
  /** Sends a token request with this assertion. */
  ask: (assertion: string, change?: RequestChange) => Promise<TestAnswer>
  /** Signs an assertion and sends it. */
  askSigned: (
    token: Parameters<TestIssuer['sign']>[0],
    change?: RequestChange,
  ) => Promise<TestAnswer>
  /** Gives the app a secret that ends so many seconds from now, and sends it. */
  askWithSecret: (secondsLeft: number, change?: RequestChange) => Promise<TestAnswer>
  /** Makes a new `app` that trusts the issuer. */
  renewApp: () => void
  /** A new app, a fixed time, and an issuer without changes. */
  reset: () => void
  close: () => Promise<void>
}

/** Starts everything, at the real time. */
export async function startEntraKit(): Promise<EntraKit> {
  const authority = await createAuthority()
  const now = (): Date => kit.time
  const issuer = await startTestIssuer({ authority, now })
  const entra = await startEntra({ authority, now })
  const kit: EntraKit = {
    authority,
    issuer,
    entra,
    app: registerApp(entra, issuer),
    time: new Date(),
    ask: (assertion, change = {}) => sendTokenRequest(kit, assertion, change),
    askSigned: async (token, change) => kit.ask(await issuer.sign(token), change),
    askWithSecret(secondsLeft, change = {}) {
      const startsAt = new Date(kit.time.getTime() - 60_000)
      const endsAt = new Date(kit.time.getTime() + secondsLeft * 1000)
      const value = randomUUID()
      const names = { keyId: randomUUID(), kind: 'password', displayName: 'test' } as const
      kit.app.secrets.push({ ...names, value, startsAt, endsAt })
      return kit.ask('', { ...change, form: { client_secret: value, ...change.form } })
    },
    renewApp() {
      kit.app = registerApp(entra, issuer)
    },
    reset() {
      kit.renewApp()
      kit.time = new Date('2026-11-23T12:00:00.250Z')
      issuer.reset()
      entra.forgetIssuers()
    },
    async close() {
      await issuer.close()
      await entra.close()
    },
  }
  return kit
}

/** The JSON object in an answer. */
export function readAnswer(answer: TestAnswer): Record<string, unknown> {
  return JSON.parse(answer.text) as Record<string, unknown>
}

function registerApp(entra: LabEntra, issuer: TestIssuer): LabApp {
  const ids = { tenantId: entra.tenantId, clientId: randomUUID(), objectId: randomUUID() }
  const app = entra.registerApp({ ...ids, displayName: 'drone' })
  app.addCredential({ name: 'main', issuer: issuer.url, ...trusted })
  return app
}

function sendTokenRequest(
  { authority, entra, app }: EntraKit,
  assertion: string,
  change: RequestChange,
): Promise<TestAnswer> {
  const form = new URLSearchParams({
    client_id: app.clientId,
    scope: 'https://storage.azure.com/.default',
    grant_type: 'client_credentials',
    client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
    client_assertion: assertion,
    ...change.form,
  })
  return send(authority.caPem, entra.url, {
    method: 'POST',
    path: change.path ?? `/${change.tenant ?? app.tenantId}/oauth2/v2.0/token`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: form.toString(),
  })
}
