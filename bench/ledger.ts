// What the ledger costs: a mint with it and without it, at full durability and under load; records appended
// in bulk; records verified a second, whole and at a start.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { createChainVerifier, wholeChain } from '../src/audit/chain-verifier.ts'
import { createCheckpoints } from '../src/audit/checkpoint.ts'
import type { LedgerEvent } from '../src/audit/event.ts'
import { openKeyring } from '../src/audit/keyring.ts'
import { createLedger, type Ledger } from '../src/audit/ledger.ts'
import { verifyLedger, verifyTails } from '../src/audit/verify.ts'
import {
  audience,
  createRehearsal,
  createRehearsalSigner,
  tokenOf,
} from '../src/issuer/rehearsal.fixture.ts'
import { createStepsApp } from '../src/issuer/steps-app.ts'
import { fileKeyPlace } from '../src/keys/place.ts'
import { openSqliteStore } from '../src/store/sqlite.ts'
import { median, type BenchResult } from './bench.ts'

const rounds = 5
const secondsPerRound = 2
const lanes = 32
const records = 300_000
const batch = 1000

/** Mints in pairs with and without the ledger, then appending and verifying 300,000 records. */
export async function measureLedger(): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), 'asd-bench-ledger-'))
  try {
    const mints = await measureMints(join(folder, 'mint.db'))
    const bulk = await measureBulk(folder)
    return summarize({ ...mints, ...bulk, peakMiB: readPeakMiB() })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

type Pace = { perSecond: number; cpuUs: number }

async function measureMints(file: string): Promise<{ kept: Pace[]; silent: Pace[] }> {
  const store = openSqliteStore(file)
  const { deps, ask, tell } = createRehearsal(await createRehearsalSigner(), { store })
  const token = await tokenOf(ask())
  await tell()
  const silence: Ledger = {
    append: async (event) => ({ ...event, v: 1, node: '', seq: 0, ts: '', prev: '', hash: '' }),
  }
  const query = `v=1&audience=${encodeURIComponent(audience)}`
  const minter = (ledger: Ledger) => {
    const app = createStepsApp({ ...deps, ledger })
    return async () => {
      const headers = { authorization: `Bearer ${token}` }
      const { status } = await app.request(`/v1/id-token?${query}`, { headers })
      if (status !== 200) throw new Error(`the token endpoint answered ${status}`)
    }
  }
  const ways = { kept: minter(deps.ledger), silent: minter(silence) }
  for (const mint of Object.values(ways)) await closedLoop(mint)
  const kept: Pace[] = []
  const silent: Pace[] = []
  // In turn, so that a machine that drifts drifts for both.
  for (let round = 0; round < rounds; round += 1) {
    silent.push(await closedLoop(ways.silent))
    kept.push(await closedLoop(ways.kept))
  }
  await store.close()
  return { kept, silent }
}

async function closedLoop(work: () => Promise<void>): Promise<Pace> {
  const startedAt = performance.now()
  const cpu = process.cpuUsage()
  const deadline = startedAt + secondsPerRound * 1000
  let count = 0
  await Promise.all(
    Array.from({ length: lanes }, async () => {
      while (performance.now() < deadline) {
        await work()
        count += 1
      }
    }),
  )
  const { user, system } = process.cpuUsage(cpu)
  return {
    perSecond: (count * 1000) / (performance.now() - startedAt),
    cpuUs: (user + system) / count,
  }
}

async function measureBulk(
  folder: string,
): Promise<{ append: Pace; verify: Pace[]; startMs: number[] }> {
  const node = 'node-1'
  const now = () => new Date()
  const store = openSqliteStore(join(folder, 'bulk.db'))
  const ledger = createLedger({ store, now }, node)
  const keyring = await openKeyring({ now, place: fileKeyPlace(join(folder, 'key.json')) }, node)
  const verifier = createChainVerifier(node, keyring.keys(), wholeChain)
  const silent = () => undefined
  const log = { info: silent, warn: silent, error: silent }
  const signing = { now, verifier, keyring, anchor: async () => undefined, segmentRecords: 100_000 }
  const checkpoint = createCheckpoints({ store, ledger, log, signing }, node)
  const append = await paceOf(records, async () => {
    for (let done = 0; done < records; done += batch) {
      await Promise.all(Array.from({ length: batch }, (_, index) => ledger.append(eventOf(index))))
    }
  })
  await checkpoint()
  const keysOf = () => keyring.keys()
  const verify: Pace[] = []
  const startMs: number[] = []
  for (let round = 0; round < 3; round += 1) {
    verify.push(await paceOf(records, async () => void (await verifyLedger(store, keysOf))))
    const startedAt = performance.now()
    await verifyTails(store, keysOf)
    startMs.push(performance.now() - startedAt)
  }
  await store.close()
  return { append, verify, startMs }
}

async function paceOf(count: number, work: () => Promise<void>): Promise<Pace> {
  const startedAt = performance.now()
  const cpu = process.cpuUsage()
  await work()
  const { user, system } = process.cpuUsage(cpu)
  const perSecond = (count * 1000) / (performance.now() - startedAt)
  return { perSecond, cpuUs: (user + system) / count }
}

// As the mint writes it.
function eventOf(index: number): LedgerEvent {
  return {
    type: 'token.issued',
    decision: 'allow',
    rule: 'publish',
    trace: String(index).padStart(32, '0'),
    build: {
      instance: 'ci-main',
      repo: 'octo/hello',
      repo_id: '42',
      id: index,
      number: index,
      event: 'push',
      ref: 'refs/heads/main',
      sha: 'c0ffee00'.repeat(5),
      source_repo: '',
      sender: 'octocat',
      trigger: '@hook',
      status: 'running',
      class: 'push',
    },
    principal: { sub: 'repo:octo/hello@42:ref:refs/heads/main' },
    token: { kind: 'id', jti: `jti-${index}`, aud: audience, exp: 1_795_000_000 },
    azure: { tenant: '0'.repeat(36), client_id: '1'.repeat(36) },
    caller: { door: 'id-token' },
  }
}

function summarize(seen: {
  kept: Pace[]
  silent: Pace[]
  append: Pace
  verify: Pace[]
  startMs: number[]
  peakMiB: number
}): BenchResult {
  const { kept, silent, append, verify, startMs, peakMiB } = seen
  const middle = (paces: readonly Pace[], of: keyof Pace) => median(paces.map((pace) => pace[of]))
  const row = (what: string, paces: readonly Pace[]) => ({
    what,
    perSecond: Math.round(middle(paces, 'perSecond')),
    cpuUs: Math.round(middle(paces, 'cpuUs') * 10) / 10,
  })
  const shares = kept.map(({ perSecond }, index) => {
    return 1 - perSecond / (silent[index]?.perSecond ?? Number.NaN)
  })
  const added = Math.round(median(shares) * 1000) / 1000
  const verified = Math.round(middle(verify, 'perSecond'))
  const appended = Math.round(append.perSecond)
  return {
    bench: 'ledger',
    rows: [
      row(`mints without a ledger, ${lanes} at once`, silent),
      row(`mints with the ledger, ${lanes} at once`, kept),
      row(`records appended, ${batch} at once`, [append]),
      row('records verified, hashes, Merkle tree and signatures', verify),
      {
        what: `verified at a start behind ${records} records, ms`,
        value: Math.round(median(startMs)),
      },
      { what: 'peak memory of all this, MiB', value: peakMiB },
    ],
    goals: [
      {
        goal: 'share of the mint rate that the ledger takes, median of pairs',
        target: '< 0.15',
        value: added,
        met: added < 0.15,
      },
      {
        goal: 'records appended in bulk, a second',
        target: '>= 20000',
        value: appended,
        met: appended >= 20_000,
      },
      {
        goal: 'records verified, a second',
        target: '>= 300000',
        value: verified,
        met: verified >= 300_000,
      },
    ],
  }
}

function readPeakMiB(): number {
  const status = readFileSync('/proc/self/status', 'utf8')
  return Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024)
}
