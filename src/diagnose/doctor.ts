// Walks the chain of a build from its request token to a name in storage, and stops at nothing it can
// still look at; what it finds goes to `judge` (facts/federation.md §2; DESIGN §5.3, §5.10).
import { storageScope } from '../azure/clouds.ts'
import { type AccessToken, exchange } from '../azure/entra.ts'
import type { Secret } from '../core/secret.ts'
import type { HttpClient, HttpOptions, ProxyOptions } from '../http/http.ts'
import { type Choice, isExchanged } from '../plugin/credential.ts'
import { sendToService } from '../plugin/identity.ts'
import { parseRequestToken, type RequestToken } from '../plugin/request-token.ts'
import { catchFault, findFault, tryOften } from './attempts.ts'
import { readRefusedTimes } from './clocks.ts'
import type { ClockFact, Facts, FaultFact, ListedCredential, Who } from './facts.ts'
import { givesAssertions, probeAccess, probeAssertion } from './probe-given.ts'
import { probeIssuer } from './probe-issuer.ts'
import {
  createProbe,
  listOne,
  probeAccount,
  readProperties,
  type StoragePlace,
} from './probe-storage.ts'
import { probeIdToken, readAccessClaims, watchClock } from './probe-token.ts'
import type { DoctorSettings } from './settings.ts'

/** What the doctor needs from its door. */
export type DoctorDeps = {
  openHttp: (options: HttpOptions) => HttpClient
  findAddresses: (host: string) => Promise<readonly string[]>
  now: () => Date
  sleep: (milliseconds: number) => Promise<void>
  random: () => number
  newId: () => string
  userAgent: string
}

/** What is asked of the doctor. */
export type Question = {
  settings?: DoctorSettings
  settingsFault?: FaultFact
  /** Where the identity comes from; the request token when absent. */
  choice?: Choice
  /** Empty when the step has none. */
  token: Secret
  tokenEmpty: FaultFact
  /** Content of `ca_file`. */
  extraCa?: readonly string[]
  proxy?: ProxyOptions
  credentials?: readonly ListedCredential[]
  /** Of the issuer, to look at it also when no ID token comes. */
  issuer?: string
  waitSeconds: number
  /** How often each link is tried. */
  tries: number
  doesWrite: boolean
}

type Visit = DoctorDeps & {
  question: Question
  clocks: ClockFact[]
  http: HttpClient
  open: HttpClient
}

// A fresh ID token well before the old one ends.
const renewAfterMs = 4 * 60_000

/** Gathers all facts; throws only what is a defect. */
export async function examine(deps: DoctorDeps, question: Question): Promise<Facts> {
  const { extraCa, proxy } = question
  const options = { maxConnections: 2, connectTimeoutMs: 10_000, ...(proxy && { proxy }) }
  const http = deps.openHttp({ ...options, ...(extraCa && { extraCa }) })
  // As the rest of the world sees it.
  const open = deps.openHttp(options)
  try {
    return await walk({ ...deps, question, clocks: [], http, open })
  } finally {
    http.close()
    open.close()
  }
}

async function walk(visit: Visit): Promise<Facts> {
  const { settings, settingsFault, choice, credentials, waitSeconds } = visit.question
  const token = readToken(visit.question)
  const account = await findAccount(visit)
  const identity = await findIdentity(visit, token.parsed)
  const issuer = await findIssuer(visit, identity)
  const { access, exchanges } = await findAccess(visit, token.parsed, identity)
  const rights = await findRights(visit, access?.token, account?.fault)
  return {
    token: token.fact,
    exchanges,
    ...rights,
    clocks: visit.clocks,
    waitSeconds,
    ...(settingsFault && { settings: settingsFault }),
    ...(choice && { sources: choice.sources }),
    ...(identity.fact && { idToken: identity.fact }),
    ...(issuer && { issuer }),
    ...(access && { access: readAccessClaims(access.token) }),
    ...(settings?.place && { account: { ...describePlace(settings.place), ...account } }),
    ...(credentials && { credentials }),
  }
}

type Identity = { fact?: NonNullable<Facts['idToken']>; value?: Secret }

function readToken({ choice, token, tokenEmpty }: Question): {
  fact: Facts['token']
  parsed?: RequestToken
} {
  const used = choice?.sources.find(({ state }) => state === 'used')
  if (used && used.source !== 'request token') return { fact: {} }
  if (token.isEmpty) return { fact: { fault: tokenEmpty } }
  let parsed: RequestToken | undefined
  const fault = catchFault(() => {
    parsed = parseRequestToken(token)
  })
  if (!parsed) return { fact: fault ? { fault } : {} }
  const { serviceUrl, pin } = parsed
  return { fact: { serviceUrl: serviceUrl.href, isPinned: pin !== undefined }, parsed }
}

async function findAccount(
  visit: Visit,
): Promise<Awaited<ReturnType<typeof probeAccount>> | undefined> {
  const place = visit.question.settings?.place
  return place && probeAccount(storageDeps(visit), place)
}

async function findIssuer(visit: Visit, { fact, value }: Identity): Promise<Facts['issuer']> {
  const claims = fact?.claims
  const issuer = claims?.issuer || visit.question.issuer
  if (!issuer) return undefined
  const { http, open, findAddresses, question } = visit
  return probeIssuer(
    {
      sendPublic: watchClock(visit, 'issuer', open.send),
      ...(question.extraCa && { sendAlso: watchClock(visit, 'issuer', http.send) }),
      findAddresses,
    },
    issuer,
    claims && value && { claims, value },
  )
}

async function findIdentity(visit: Visit, token: RequestToken | undefined): Promise<Identity> {
  const { settings, choice } = visit.question
  if (!settings) return {}
  const credential = choice?.credential
  if (credential && givesAssertions(credential)) return probeAssertion(visit, credential)
  if (!token) return {}
  const send = watchClock(
    visit,
    'trust service',
    sendToService({ send: visit.http.send, openHttp: visit.openHttp }, token),
  )
  return probeIdToken({ ...visit, send }, token, settings)
}

async function findAccess(
  visit: Visit,
  token: RequestToken | undefined,
  identity: Identity,
): Promise<{ exchanges: Facts['exchanges']; access?: AccessToken }> {
  const { question, clocks, now } = visit
  const who = identity.fact?.who
  const { settings, choice } = question
  const patience = { tries: question.tries, waitMs: question.waitSeconds * 1000 }
  const credential = choice?.credential
  if (credential && !isExchanged(credential)) return probeAccess(visit, credential, patience)
  if (!settings || !who || !identity.value) return { exchanges: [] }
  let access: AccessToken | undefined
  let assertion = identity.value
  let madeAtMs = now().getTime()
  const send = watchClock(visit, 'Entra', visit.http.send)
  const attempt = async () => {
    if (now().getTime() - madeAtMs > renewAfterMs) {
      const again = await findIdentity(visit, token)
      assertion = again.value ?? assertion
      madeAtMs = now().getTime()
    }
    access = await exchangeOnce({ ...visit, send }, settings, { ...who, assertion })
  }
  const exchanges = await tryOften(visit, patience, attempt)
  for (const { fault } of exchanges) {
    const times = fault && readRefusedTimes(fault.sentence)
    // Its own words count more than a header that something in front may have written.
    if (times) clocks.push({ who: 'Entra', aheadMs: times.nowMs - now().getTime() })
  }
  return { exchanges, ...(access && { access }) }
}

// Every failure is to be seen: the first wait ends the tries of the exchange itself.
function exchangeOnce(
  deps: Pick<DoctorDeps, 'now' | 'random' | 'newId'> & { send: HttpClient['send'] },
  { authorityHost }: DoctorSettings,
  { tenantId, clientId, assertion }: Who & { assertion: Secret },
): Promise<AccessToken> {
  const ending = new AbortController()
  const sleep = async () => ending.abort()
  return exchange(
    { ...deps, sleep, signal: ending.signal },
    {
      tenantId,
      clientId,
      authorityHost,
      assertion,
      scope: storageScope,
      clientRequestId: deps.newId(),
    },
  )
}

async function findRights(
  visit: Visit,
  token: Secret | undefined,
  unreachable: FaultFact | undefined,
): Promise<Pick<Facts, 'reads' | 'properties' | 'create' | 'remove'>> {
  const { question } = visit
  const place = question.settings?.place
  if (!place || !token || unreachable) return { reads: [] }
  const deps = storageDeps(visit)
  let folder = place.prefix
  const patience = { tries: question.tries, waitMs: question.waitSeconds * 1000 }
  const reads = await tryOften(visit, patience, async () => {
    folder = await listOne(deps, place, token)
  })
  const properties = await findFault(() => readProperties(deps, place, token))
  const found = { reads, properties: toAttempt(properties) }
  if (!question.doesWrite) return found
  let remove: (() => Promise<void>) | undefined
  const create = await findFault(async () => {
    remove = await createProbe(deps, place, folder, token)
  })
  if (!remove) return { ...found, create: toAttempt(create) }
  return { ...found, create: toAttempt(create), remove: toAttempt(await findFault(remove)) }
}

function storageDeps(visit: Visit) {
  return { ...visit, send: watchClock(visit, 'storage', visit.http.send) }
}

function toAttempt(fault: FaultFact | undefined): NonNullable<Facts['properties']> {
  return fault ? { atMs: 0, fault } : { atMs: 0 }
}

function describePlace({ address, service, prefix }: StoragePlace) {
  return { host: address.origin.host, service, container: address.container, prefix }
}
