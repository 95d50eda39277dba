// Three replicas of the service on one PostgreSQL, their clocks two seconds apart: ten thousand
// concurrent exchanges while replicas are killed and started again and builds end; then a rolling restart.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

import { planTrustService } from '../src/demo/trust-service.ts'
import { createAuthority } from '../src/lab/authority.ts'
import { startPostgres, whyNoPostgres } from '../src/store/postgres.fixture.ts'
import { openPostgresStore } from '../src/store/postgres.ts'
import { copyPrograms } from './kill/part.ts'
import { checkLedger } from './replicas/ledger.ts'
import {
  beginBuild,
  createTallyOfLoad,
  endBuild,
  exchange,
  shuffle,
  type LiveBuild,
  type Tally,
} from './replicas/load.ts'
import { planReplica, prepareShared, type Installation, type Replica } from './replicas/replica.ts'
import { createTally, type SuiteResult } from './suite.ts'

const exchanges = 10_000
const fewestKills = 20
const lanes = 24
const running = 30
const longestMs = 240_000
const names = ['replica-1', 'replica-2', 'replica-3']

/** Runs the suite; without a PostgreSQL on this machine it is skipped, and says so. */
export async function runReplicasSuite(): Promise<SuiteResult> {
  const { check, result } = createTally('replicas')
  const why = whyNoPostgres()
  if (why !== false) {
    result().skipped = 1
    result().notes.push(why)
    return result()
  }
  const folder = mkdtempSync(join(tmpdir(), 'asd-replicas-'))
  const server = await startPostgres()
  const started: Replica[] = []
  try {
    copyPrograms(join(folder, 'dist'))
    const database = await server.createDatabase()
    const authority = await createAuthority()
    const plan = await planTrustService({ authority, now: () => new Date() }, join(folder, 'all'))
    const installation: Installation = {
      authority,
      plan,
      service: join(folder, 'dist', 'service.mjs'),
      databaseUrl: database.url.reveal(),
    }
    prepareShared(installation)
    for (const [index, node] of names.entries()) {
      const how = { node, folder: node, aheadSeconds: 2 * (index - 1) }
      const replica = await planReplica(installation, how)
      started.push(replica)
      await replica.start()
    }
    const tally = createTallyOfLoad()
    const stage = { replicas: [...started], repository: plan.repository, tally }
    const kills = await mintUnderKills(stage)
    check(tally.delivered.size >= exchanges, `only ${tally.delivered.size} tokens were delivered`)
    check(kills >= fewestKills, `only ${kills} replicas were killed`)
    const { lost } = tally
    const rolled = await mintUnderRollingRestart(stage)
    check(tally.lost === lost, `${tally.lost - lost} exchanges failed in a rolling restart`)
    checkTally(tally, check)
    const intruder = await planReplica(installation, {
      node: 'replica-1',
      folder: 'intruder',
      aheadSeconds: 0,
    })
    started.push(intruder)
    await checkIntruder(stage, intruder, check)
    const store = await openPostgresStore(database)
    const records = await checkLedger(store, tally, check)
    await store.close()
    result().notes.push(
      `${tally.delivered.size} tokens delivered by ${names.length} replicas, ${kills} kills, ${rolled} tokens during a rolling restart, ${tally.ended} builds ended (${tally.refusedAfterEnd} exchanges refused after it), ${tally.retries} retries, ${tally.lost} exchanges without an answer, ${records} records verified`,
    )
    return result()
  } finally {
    for (const { kill, client } of started) {
      await kill()
      client.close()
    }
    await server.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

type Stage = Parameters<typeof exchange>[0]
type Check = (holds: boolean, sentence: string) => void

// Lanes exchange, one loop ends builds and begins others, one kills; all stop when enough was done.
async function mintUnderKills(stage: Stage): Promise<number> {
  const { tally, replicas } = stage
  const deadline = performance.now() + longestMs
  let kills = 0
  const isOver = () =>
    performance.now() > deadline || (tally.delivered.size >= exchanges && kills >= fewestKills)
  await load(stage, { isOver, rounds: 100 }, async () => {
    while (!isOver()) {
      await sleep(Math.random() * 600)
      // Two may be down at once, never all.
      const [victim] = shuffle(replicas.filter(({ isUp }) => isUp()))
      await victim?.kill()
      kills += 1
      await sleep(Math.random() * 300)
      await victim?.start()
    }
  })
  return kills
}

async function mintUnderRollingRestart(stage: Stage): Promise<number> {
  const before = stage.tally.delivered.size
  let isDone = false
  await load(stage, { isOver: () => isDone, rounds: 1 }, async () => {
    for (const replica of stage.replicas) {
      await replica.stop()
      await replica.start()
    }
    isDone = true
  })
  return stage.tally.delivered.size - before
}

async function load(
  stage: Stage,
  { isOver, rounds }: { isOver: () => boolean; rounds: number },
  disturb: () => Promise<void>,
): Promise<void> {
  const builds: LiveBuild[] = []
  const begin = async () => {
    lastBuild.id += 1
    builds.push(await beginBuild(stage, lastBuild.id))
  }
  const lastBuild = { id: 1000 + stage.tally.ended * 2 + stage.tally.delivered.size }
  for (let count = 0; count < running; count += 1) await begin()
  const lane = async () => {
    while (!isOver()) {
      const [live] = shuffle(builds)
      if (live) await exchange(stage, live, rounds)
    }
  }
  const turnOver = async () => {
    while (!isOver()) {
      const live = builds[0]
      // Lanes are still at it when its end comes.
      if (live) await endBuild(stage, live)
      await begin()
      builds.shift()
      await sleep(100)
    }
  }
  await Promise.all([...Array.from({ length: lanes }, lane), turnOver(), disturb()])
}

function checkTally(tally: Tally, check: Check): void {
  check(tally.twice.length === 0, `jti delivered twice: ${tally.twice.join(', ')}`)
  check(tally.late.length === 0, `tokens after the end of their build: ${tally.late.join(', ')}`)
  check(tally.refusedAfterEnd > 0, 'no exchange was tried after the end of its build')
  check(tally.strange.length === 0, `strange answers: ${tally.strange.slice(0, 5).join('; ')}`)
}

// A second replica under the name of the first: the one whose chain moved under it stops issuing.
async function checkIntruder(stage: Stage, intruder: Replica, check: Check): Promise<void> {
  const live = await beginBuild(stage, 1)
  const [first] = stage.replicas
  await intruder.start()
  const answer = await first?.client.mint(live.token)
  check(
    answer?.status === 503 && answer.body.includes('audit_unavailable'),
    `a replica whose chain another continues still answers ${answer?.status}`,
  )
}
