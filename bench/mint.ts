// How fast the trust service mints, against the bare rate of its own signer: the whole exchange over
// TLS, with the witness, the policy and a durable ledger record, from a load in another process.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'

import { createMintClient } from '../src/demo/mint-client.ts'
import { names, planTrustService, startTrustService } from '../src/demo/trust-service.ts'
import { openLocalSigner } from '../src/keys/local.ts'
import { createAuthority } from '../src/lab/authority.ts'
import { pushBuild } from '../src/lab/drone.ts'
import { median, type BenchResult } from './bench.ts'

const rounds = 3
const secondsPerRound = 5
const lanes = 32
const throughputTarget = 0.8
const loadShare = 0.7
const p99TargetMs = 50
const app = { tenantId: crypto.randomUUID(), clientId: crypto.randomUUID() }
const now = () => new Date()

/** Bare signing, mints in a closed loop, and latency of an open loop at 70 % of the bare rate. */
export async function measureMint(): Promise<BenchResult> {
  const folder = mkdtempSync(join(tmpdir(), 'asd-bench-mint-'))
  try {
    const authority = await createAuthority()
    const plan = await planTrustService({ authority, now }, join(folder, 'service'))
    const command = [process.execPath, resolve('dist/service.mjs')]
    const service = await startTrustService(plan, command, app)
    const build = pushBuild(plan.repository, { status: 'running' })
    const drone = plan.droneWith({})
    await drone.sendWebhook(plan.repository, build)
    const answer = await drone.requestSecret(plan.repository, build, names.entry)
    const { data: token } = JSON.parse(answer.body) as { data: string }
    const target = { serviceUrl: plan.serviceUrl, audience: names.audience, connections: 64 }
    const client = createMintClient(authority, target)
    const mint = async () => {
      const { status } = await client.mint(token)
      if (status !== 200) throw new Error(`the token endpoint answered ${status}`)
    }
    const signer = await openLocalSigner({ now }, join(folder, 'bare.json'))
    const claims = { sub: 'x'.repeat(100), padding: 'y'.repeat(600) }
    const sign = async () => void (await signer.sign(claims))

    await closedLoop(mint, lanes, 5)
    // In turn, so that a machine that drifts drifts for both.
    const bare: number[] = []
    const minted: number[] = []
    for (let round = 0; round < rounds; round += 1) {
      bare.push(await closedLoop(sign, 1, secondsPerRound))
      minted.push(await closedLoop(mint, lanes, secondsPerRound))
    }
    const bareRate = median(bare)
    const latencies = await openLoop(mint, bareRate * loadShare, 2 * secondsPerRound)
    const peakMiB = readPeakMiB(service.pid)
    client.close()
    await service.stop()
    return summarize({ bare, minted, latencies, peakMiB })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function summarize(seen: {
  bare: number[]
  minted: number[]
  latencies: number[]
  peakMiB: number
}): BenchResult {
  const round = (value: number) => Math.round(value * 100) / 100
  const share = round(median(seen.minted.map((rate, index) => rate / (seen.bare[index] ?? 1))))
  const sorted = seen.latencies.toSorted((one, other) => one - other)
  const percentile = (part: number) => round(sorted[Math.floor(part * (sorted.length - 1))] ?? 0)
  return {
    bench: 'mint',
    rows: [
      { what: 'bare RS256, one at a time', perSecond: Math.round(median(seen.bare)) },
      { what: `mints, ${lanes} at once`, perSecond: Math.round(median(seen.minted)) },
      { what: 'mints at 70 % of bare, p50 ms', value: percentile(0.5) },
      { what: 'mints at 70 % of bare, p99 ms', value: percentile(0.99) },
      { what: 'peak memory of the service, MiB', value: seen.peakMiB },
    ],
    goals: [
      {
        goal: 'mint rate / bare signing rate, median of pairs',
        target: `>= ${throughputTarget}`,
        value: share,
        met: share >= throughputTarget,
      },
      {
        goal: 'p99 at 70 % of the bare rate, ms',
        target: `< ${p99TargetMs}`,
        value: percentile(0.99),
        met: percentile(0.99) < p99TargetMs,
      },
    ],
  }
}

async function closedLoop(
  work: () => Promise<void>,
  concurrency: number,
  seconds: number,
): Promise<number> {
  const startedAt = performance.now()
  const deadline = startedAt + seconds * 1000
  let count = 0
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (performance.now() < deadline) {
        await work()
        count += 1
      }
    }),
  )
  return (count * 1000) / (performance.now() - startedAt)
}

// Arrivals keep their times whether or not earlier ones are answered: waiting is part of the latency.
async function openLoop(
  work: () => Promise<void>,
  perSecond: number,
  seconds: number,
): Promise<number[]> {
  const latencies: number[] = []
  const underway: Promise<void>[] = []
  const startedAt = performance.now()
  const total = Math.floor(perSecond * seconds)
  for (let index = 0; index < total;) {
    const due = Math.floor(((performance.now() - startedAt) / 1000) * perSecond)
    for (; index < Math.min(due, total); index += 1) {
      const arrivedAt = startedAt + (index / perSecond) * 1000
      underway.push(work().then(() => void latencies.push(performance.now() - arrivedAt)))
    }
    // Asleep between arrivals: a load that spins would take the processor it is measuring.
    await new Promise((done) => setTimeout(done, 1))
  }
  await Promise.all(underway)
  return latencies
}

function readPeakMiB(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  return Math.round(Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1]) / 1024)
}
