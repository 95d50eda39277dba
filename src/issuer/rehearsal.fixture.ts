// The issuer on a stage, for the tests of this room: the real applications over a store in memory, a
// clock that only moves when told, and a Drone that really signs (facts/drone.md §1.4).
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import type { LedgerRecord } from '../audit/event.ts'
import { createLedger } from '../audit/ledger.ts'
import type { Call } from '../ci/drone/call.ts'
import { extensions, signRequest, type SignedExtension } from '../ci/drone/signature.ts'
import type { Instance, Runner } from '../config/instances.ts'
import type { RateLimits } from '../config/service-config.ts'
import { Secret } from '../core/secret.ts'
import { openLocalSigner } from '../keys/local.ts'
import type { Signer } from '../keys/signer.ts'
import { parsePolicy } from '../policy/schema.ts'
import { openSqliteStore } from '../store/sqlite.ts'
import type { Store } from '../store/store.ts'
import { createCiApp } from './ci-app.ts'
import { instanceOf } from './instances.fixture.ts'
import { mintForBuild } from './mint.ts'
import { createPublicApp } from './public-app.ts'
import { createStepsApp } from './steps-app.ts'
import { createWitnesses } from './witness.ts'

/** One rehearsal: the applications and everything to play them with. */
export type Rehearsal = ReturnType<typeof createRehearsal>

/** JSON as a test writes it. */
export type Json = Record<string, unknown>

/** Audience of the sample policy. */
export const audience = 'api://AzureADTokenExchange'

/** Where the rehearsed issuer and service claim to be. */
export const urls = { issuer: 'https://id.example/drone', service: 'https://asd.example:8443' }

/** The secrets of the rehearsal: none may turn up in a row, a record or a log line. */
export const canaries = {
  runner: 'canary-runner-token-0123456789abcdef-0123',
  webhook: 'canary-webhook-secret-0123456789abcdef-01',
  repository: 'canary-repository-secret-0123456789',
}

const environToken = 'canary-environ-token-0123456789abcdef-012'
const otherToken = 'canary-other-token-0123456789abcdef-01234'
const tokens = { ...canaries, environ: environToken, other: otherToken }

/** A policy with an entry for pushes, one for tags, one for two audiences and one for another instance. */
export const policyText = `
version: 1
identities:
  artifacts:
    tenant_id: 11111111-2222-4333-8444-555555555555
    client_id: aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee
policies:
  - name: publish
    subjects:
      - {instance: ci-main, repository_id: '42', repository: octo/hello, events: [push], refs: [refs/heads/main]}
    identity: artifacts
    audiences: [${audience}, sts.amazonaws.com]
  - name: release
    subjects:
      - {instance: ci-main, repository_id: '42', repository: octo/hello, events: [tag], refs: [refs/tags/v*]}
    identity: artifacts
    audiences: [${audience}]
    lifetime: 1m
`

/** What Drone says of the repository octo/hello, its own secret included. */
export const rawRepository: Json = {
  id: 1,
  uid: '42',
  slug: 'octo/hello',
  namespace: 'octo',
  name: 'hello',
  scm: '',
  default_branch: 'main',
  visibility: 'private',
  trusted: false,
  protected: false,
  timeout: 60,
  secret: canaries.repository,
}

/** What Drone says of a running push to main. */
export const rawPush: Json = {
  id: 1001,
  number: 7,
  trigger: '@hook',
  status: 'running',
  event: 'push',
  ref: 'refs/heads/main',
  after: 'c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00',
  source: 'main',
  target: 'main',
  source_repo: '',
  sender: 'octocat',
  version: 2,
  stages: [{ number: 1, name: 'one', type: 'docker', status: 'running', machine: 'docker-1' }],
}

/** A signer with a fresh key that no file keeps. */
export async function createRehearsalSigner(): Promise<Signer> {
  const folder = await mkdtemp(join(tmpdir(), 'asd-signer-'))
  try {
    return await openLocalSigner({ now: () => new Date() }, join(folder, 'keys.json'))
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Ways to send a signed request that is not the ordinary one. */
export type Sending = {
  path?: string
  name?: string
  repo?: Json
  build?: Json
  instance?: string
  runner?: string
  token?: string
  extension?: SignedExtension
  date?: Date
  headers?: Record<string, string>
  alter?: (headers: Record<string, string>) => Record<string, string>
  body?: string
  /** What the HTTP server says of the connection. */
  env?: object
}

/** The applications with everything they need; `more` is what a test brings itself. */
export function createRehearsal(
  signer: Signer,
  more: {
    store?: Store
    pin?: string
    issuerUrl?: string
    call?: Call
    limits?: RateLimits
    /** What every instance, and every runner, has beside the usual. */
    instance?: Partial<Instance>
    runner?: Partial<Runner>
  } = {},
) {
  const store = more.store ?? openSqliteStore(':memory:')
  const world = {
    time: Date.parse('2026-11-23T12:03:03Z'),
    slept: 0,
    policy: parsePolicy(policyText),
    onSleep: async (): Promise<void> => {},
    ids: 0,
  }
  const lines: string[] = []
  const say = (level: string) => (fields: Record<string, unknown>, message: string) => {
    lines.push(JSON.stringify({ level, ...fields, message }))
  }
  const log = { info: say('info'), warn: say('warn'), error: say('error') }
  const now = () => new Date(world.time)
  const ledger = createLedger({ store, now }, 'node-1')
  const instances = new Map(
    ['ci-main', 'ci-two'].map((name) => [name, instanceOf(tokens, name, more)]),
  )
  const call = more.call ?? (() => Promise.reject(new Error('nobody is called in this rehearsal')))
  const deps = {
    now,
    call,
    witnesses: createWitnesses({ now, call, store, ledger }, instances),
    ...(more.limits && { limits: more.limits }),
    sleep: async (milliseconds: number) => {
      world.time += milliseconds
      world.slept += milliseconds
      await world.onSleep()
    },
    randomId: () => `jti-${(world.ids += 1)}`,
    store,
    ledger,
    signer,
    issuerUrl: more.issuerUrl ?? urls.issuer,
    log,
    policy: () => world.policy,
    tokenKey: Buffer.alloc(32, 7),
    service: { url: urls.service, ...(more.pin === undefined ? {} : { pin: more.pin }) },
    instances,
  }
  const ci = createCiApp({
    ...deps,
    mintForBuild: ({ runner, ...grant }, aud) =>
      mintForBuild(deps, grant, aud, { caller: { door: 'secret', runner } }),
  })
  const steps = createStepsApp(deps)
  const publicApp = createPublicApp({ ...deps, instances: instances.keys() })

  const post = async (
    url: string,
    extension: SignedExtension,
    key: string,
    sending: Sending,
    json: Json,
  ) => {
    const body = sending.body ?? JSON.stringify(json)
    const signed = signRequest(
      sending.extension ?? extension,
      new Secret(sending.token ?? key),
      Buffer.from(body),
      sending.date ?? now(),
    )
    const headers = { ...(sending.alter ?? ((same) => same))(signed), ...sending.headers }
    return ci.request(url, { method: 'POST', headers, body }, sending.env)
  }
  const about = ({ repo, build }: Sending): Json => ({
    repo: { ...rawRepository, ...repo },
    build: { ...rawPush, ...build },
  })
  const runnerUrl = (door: string, runner: string, instance = 'ci-main') =>
    `/${instance}/drone/runners/${runner}/${door}`

  return {
    world,
    deps,
    instances,
    store,
    lines,
    steps,
    publicApp,
    ci,
    /** A `kind: secret` question of the runner docker-1. */
    ask: (sending: Sending = {}) =>
      post(
        runnerUrl('secret', sending.runner ?? 'docker-1', sending.instance),
        extensions.secret,
        canaries.runner,
        sending,
        { path: sending.path ?? 'azure', name: sending.name ?? 'publish', ...about(sending) },
      ),
    /** The environ question of the runner environ-1, which opted in. */
    askEnviron: (sending: Sending = {}) =>
      post(
        runnerUrl('environ', sending.runner ?? 'environ-1', sending.instance),
        extensions.environ,
        environToken,
        sending,
        about(sending),
      ),
    /** The server's word on a build. */
    tell: (sending: Sending = {}) =>
      post(
        `/${sending.instance ?? 'ci-main'}/drone/webhook`,
        extensions.webhook,
        canaries.webhook,
        sending,
        { event: 'build', action: 'updated', ...about(sending) },
      ),
    /** A step's exchange of its token. */
    exchange: (token: string, query = `v=1&audience=${encodeURIComponent(audience)}`) =>
      steps.request(`/v1/id-token?${query}`, { headers: { authorization: `Bearer ${token}` } }),
    records: async () => {
      const rows = await store.readLedger('node-1', 1, 1000)
      return rows.map((row) => JSON.parse(row.record) as LedgerRecord)
    },
  }
}

/** The token in an answer of the secret door. */
export async function tokenOf(answer: Response | Promise<Response>): Promise<string> {
  const { data } = (await (await answer).json()) as { data: string }
  return data
}

/** The JSON of an answer. */
export async function jsonOf(answer: Response | Promise<Response>): Promise<Json> {
  return (await (await answer).json()) as Json
}

/** Header or claims of a JWT, unchecked. */
export function partOf(token: string, index: 0 | 1): Json {
  return JSON.parse(Buffer.from(token.split('.')[index] ?? '', 'base64url').toString()) as Json
}

/** Tokens of the runners that are not docker-1. */
export const runnerTokens = { environ: environToken, narrow: otherToken, two: `${otherToken}-two` }
