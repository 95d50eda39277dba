// A ledger of many builds, quickly: chains of two nodes that verify, with everything a year of an
// installation has in it, and always the same for the same seed.
import { sealRow } from '../audit/chain.ts'
import { type BuildReference, type LedgerEvent, traceOf } from '../audit/event.ts'
import type { InstanceId } from '../ci/build.ts'
import { sha256Hex } from '../core/digest.ts'
import type { Store } from '../store/store.ts'

/** How much is made, and of which span of time it is. */
export type FillOptions = {
  builds: number
  /** Records in all; three for each build at least. */
  records: number
  seed: number
  /** The end of the span; its length is `days`. */
  until?: Date
  days?: number
  repositories?: number
}

const tenant = '11111111-2222-3333-4444-555555555555'
const people = ['ada', 'grace', 'linus', 'barbara', 'edsger', 'octocat']
const owners = ['octo', 'acme', 'data', 'platform']
const parts = ['web', 'app', 'api', 'docs', 'site', 'jobs', 'model', 'infra', 'mobile', 'cache']
const reasons = [
  'policy_ref_denied',
  'policy_fork_denied',
  'issuer_build_finished',
  'policy_repo_unknown',
]
const entries = ['publish', 'release', 'cache', 'reports', 'pages', 'nightly']

type Timed = { at: number; event: LedgerEvent }

/** Fills an empty store; gives how many records it made. */
export async function fillStore(
  store: Pick<Store, 'appendLedger'>,
  {
    builds,
    records,
    seed,
    until = new Date('2026-11-23T12:00:00Z'),
    days = 90,
    repositories = 240,
  }: FillOptions,
): Promise<number> {
  const random = createRandom(seed)
  const spanMs = days * 86_400_000
  const startMs = until.getTime() - spanMs
  let made = 0
  let waiting: Timed[] = []
  for (let index = 0; index < builds; index += 1) {
    const at = startMs + Math.floor((spanMs * index) / builds)
    const wanted = Math.round(((index + 1) * records) / builds) - made
    const story = tellBuild(random, { index, at, wanted: Math.max(3, wanted), repositories })
    made += story.length
    waiting.push(...story)
    if (waiting.length < 2000 && index + 1 < builds) continue
    waiting.sort((one, other) => one.at - other.at)
    const half = Math.ceil(waiting.length * 0.7)
    await appendAll(store, 'node-1', waiting.slice(0, half))
    await appendAll(store, 'node-2', waiting.slice(half))
    waiting = []
  }
  return made
}

async function appendAll(
  store: Pick<Store, 'appendLedger'>,
  node: string,
  events: readonly Timed[],
): Promise<void> {
  if (events.length === 0) return
  await store.appendLedger(node, (head) => {
    let { seq, hash: prev } = head
    return events.map(({ at, event }) => {
      seq += 1
      const { row } = sealRow({ seq, prev, node, ts: new Date(at).toISOString() }, event)
      prev = row.hash
      return row
    })
  })
}

type Random = (below: number) => number

function tellBuild(
  random: Random,
  {
    index,
    at,
    wanted,
    repositories,
  }: { index: number; at: number; wanted: number; repositories: number },
): Timed[] {
  const build = makeBuild(random, index, repositories)
  const trace = traceOf({ instance: build.instance as InstanceId, id: build.id })
  const entry = random(entries.length)
  const common = { trace, build, rule: `${build.repo.replace('/', '-')}-${entries[entry]}` }
  const requestHash = sha256Hex(`request ${index}`)
  const isRefused = random(100) < 6
  const asked = {
    ...common,
    type: 'token.requested',
    decision: isRefused ? 'deny' : 'allow',
    caller: { door: 'secret', runner: `runner-${random(12)}` },
    token: { kind: isRefused ? 'refusal' : 'request', sha256: requestHash },
    ...(isRefused && {
      reasons: [reasons[random(reasons.length)] ?? ''],
      detail: `The ref ${build.ref} is none that this entry admits.`,
    }),
  } satisfies LedgerEvent
  const story: Timed[] = [{ at, event: asked }]
  for (let step = 0; story.length < wanted - 1; step += 1) {
    const stepAt = at + 4000 + step * 20_000 + random(9000)
    if (isRefused) {
      const token = {
        kind: 'refusal',
        sha256: requestHash,
        aud: 'api://AzureADTokenExchange',
      } as const
      story.push({
        at: stepAt,
        event: { ...asked, type: 'token.denied', token, caller: { door: 'id-token' } },
      })
      continue
    }
    story.push({ at: stepAt, event: issueToken(common, index, step) })
    if (story.length < wanted - 1) {
      story.push({
        at: stepAt + 3000 + random(8000),
        event: tellTransfer(random, common, { index, step }),
      })
    }
  }
  const ended = { ...build, status: isRefused ? 'failure' : 'success' }
  const detail = `The build ended (${ended.status}); 1 token(s) of it are dead.`
  const last: LedgerEvent = {
    type: 'token.revoked',
    decision: 'info',
    detail,
    trace,
    build: ended,
    caller: { door: 'webhook' },
  }
  return [...story, { at: at + 300_000 + random(60_000), event: last }]
}

function makeBuild(random: Random, index: number, repositories: number): BuildReference {
  // Few repositories have most of the builds.
  const which = Math.min(random(repositories), random(repositories), random(repositories))
  const repo = `${owners[which % owners.length]}/${parts[which % parts.length]}-${which}`
  const event = ['push', 'push', 'push', 'pull_request', 'tag', 'cron'][random(6)] ?? 'push'
  const ref = { pull_request: `refs/pull/${index}/head`, tag: `refs/tags/v1.${index % 90}.0` }[
    event
  ]
  const sender = people[random(people.length)] ?? 'ada'
  return {
    instance: which % 5 === 4 ? 'woodpecker' : 'main',
    repo,
    repo_id: String(1000 + which),
    id: index + 1,
    number: index + 1,
    event,
    ref: ref ?? 'refs/heads/main',
    sha: sha256Hex(`commit ${index}`).slice(0, 40),
    source_repo: repo,
    sender,
    trigger: event === 'cron' ? '@cron' : '@hook',
    status: 'running',
  }
}

type Common = { trace: string; build: BuildReference; rule: string }

function issueToken(common: Common, index: number, step: number): LedgerEvent {
  const { build } = common
  const name = `${index} ${step}`
  const which = Number(build.repo_id) % 40
  return {
    ...common,
    build: { ...build, class: build.event },
    type: 'token.issued',
    decision: 'allow',
    principal: { sub: `repo:${build.repo}@${build.repo_id}:ref:${build.ref}` },
    token: {
      kind: 'id',
      sha256: sha256Hex(`id token ${name}`),
      jti: sha256Hex(`jti ${name}`).slice(0, 32),
      aud: 'api://AzureADTokenExchange',
      exp: 1_795_000_000,
    },
    azure: { tenant, client_id: `aaaaaaaa-bbbb-cccc-dddd-${String(which).padStart(12, '0')}` },
    caller: { door: 'id-token' },
  }
}

function tellTransfer(
  random: Random,
  { trace, build, rule }: Common,
  { index, step }: { index: number; step: number },
): LedgerEvent {
  const prefix = `${build.repo.split('/')[1]}/${build.number}`
  const files = 1 + random(40)
  const items = Array.from({ length: Math.min(files, 2) }, (_, item) => ({
    name: `${prefix}/file-${step}-${item}.tgz`,
    etag: `"0x8DD${index.toString(16)}${step}${item}"`,
    bytes: 1000 + random(9_000_000),
  }))
  const action = ['upload', 'upload', 'download', 'sync'][random(4)] ?? 'upload'
  return {
    trace,
    build,
    rule,
    type: 'transfer.receipt',
    decision: 'info',
    caller: { door: 'receipt' },
    receipt: {
      page: 1,
      pages: 1,
      step: action,
      action,
      outcome: random(50) === 0 ? 'failed' : 'done',
      account: `acct${Number(build.repo_id) % 6}`,
      service: Number(build.repo_id) % 9 === 0 ? 'file' : 'blob',
      container: ['builds', 'releases', 'cache'][random(3)] ?? 'builds',
      prefix,
      files,
      bytes: items.reduce((sum, { bytes }) => sum + bytes, 0) + files * random(400_000),
      duration_ms: 200 + random(20_000),
      access_token_sha256: [sha256Hex(`access token ${index} ${step}`)],
      correlation_ids: [],
      request_id: `${trace}-${step}`,
      items,
    },
  }
}

// mulberry32: enough for made-up builds, and the same everywhere.
function createRandom(seed: number): Random {
  let state = seed >>> 0
  return (below) => {
    state = (state + 0x6d_2b_79_f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below
  }
}
