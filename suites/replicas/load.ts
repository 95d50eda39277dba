// Builds that come, are asked about and end, and steps that exchange their tokens, each at any replica;
// what fails at one is tried at the next, as a load balancer would have it.
import { setTimeout as sleep } from 'node:timers/promises'

import { decodeJwt } from 'jose'

import { sha256Hex } from '../../src/core/digest.ts'
import { readIdToken, type MintAnswer } from '../../src/demo/mint-client.ts'
import { names } from '../../src/demo/trust-service.ts'
import {
  pushBuild,
  type LabAnswer,
  type LabBuild,
  type LabRepository,
} from '../../src/lab/drone.ts'
import type { Replica } from './replica.ts'

/** A build and its request token. */
export type LiveBuild = {
  build: LabBuild
  token: string
  /** When some replica acknowledged its end, in milliseconds of this process; undefined while it runs. */
  endedAt?: number
}

/** What came of it all. */
export type Tally = {
  /** SHA-256 of every ID token that was delivered, by its jti. */
  delivered: Map<string, string>
  twice: string[]
  /** Exchanges that began after an acknowledged end and got a token. */
  late: string[]
  refusedAfterEnd: number
  ended: number
  retries: number
  /** Exchanges that no replica answered. */
  lost: number
  /** Answers that should not be. */
  strange: string[]
}

/** An empty tally. */
export function createTallyOfLoad(): Tally {
  return {
    delivered: new Map(),
    twice: [],
    late: [],
    strange: [],
    refusedAfterEnd: 0,
    ended: 0,
    retries: 0,
    lost: 0,
  }
}

type Stage = { replicas: readonly Replica[]; repository: LabRepository; tally: Tally }

/** Makes a running build known to one replica and asks another for its token. */
export async function beginBuild(stage: Stage, id: number): Promise<LiveBuild> {
  const build = pushBuild(stage.repository, { id, number: id, status: 'running' })
  await insist(stage, ({ drone }) => drone.sendWebhook(stage.repository, build))
  const { body } = await insist(stage, ({ drone }) =>
    drone.requestSecret(stage.repository, build, names.entry),
  )
  return { build, token: (JSON.parse(body) as { data: string }).data }
}

/** Tells one replica that a build is over; from the answer on its tokens must be dead at all of them. */
export async function endBuild(stage: Stage, live: LiveBuild): Promise<void> {
  const over = { ...live.build, status: 'success', version: live.build.version + 1 }
  await insist(stage, ({ drone }) => drone.sendWebhook(stage.repository, over))
  live.endedAt = performance.now()
  stage.tally.ended += 1
  for (const replica of stage.replicas) await exchangeAt(stage, replica, live)
}

/** Exchanges a token somewhere, trying each replica up to `rounds` times. */
export async function exchange(stage: Stage, live: LiveBuild, rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    for (const replica of shuffle(stage.replicas)) {
      if (await exchangeAt(stage, replica, live)) return
      stage.tally.retries += 1
    }
    await sleep(50)
  }
  stage.tally.lost += 1
}

// True when the replica had something to say: a token, or that the build is over.
async function exchangeAt(
  { tally }: Stage,
  { node, client }: Replica,
  live: LiveBuild,
): Promise<boolean> {
  const begunAt = performance.now()
  const isLate = live.endedAt !== undefined && begunAt > live.endedAt
  const answer = await answerOf(client.mint(live.token))
  if (!answer) return false
  if (answer.status === 200) {
    const token = readIdToken(answer)
    const jti = decodeJwt(token).jti ?? ''
    if (tally.delivered.has(jti)) tally.twice.push(jti)
    tally.delivered.set(jti, sha256Hex(token))
    if (isLate) tally.late.push(`${jti} by ${node}`)
    return true
  }
  const body = answer.body.toString()
  if (body.includes('issuer_build_finished')) {
    if (isLate) tally.refusedAfterEnd += 1
    return true
  }
  // A replica that has lost its database for a moment; another will do.
  if (answer.status !== 503) tally.strange.push(`${node}: ${answer.status} ${body.slice(0, 200)}`)
  return false
}

// Undefined when the connection was cut: the death of a replica, which is what we are here for.
async function answerOf<Answer extends MintAnswer | LabAnswer>(
  asked: Promise<Answer>,
): Promise<Answer | undefined> {
  try {
    return await asked
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error
    return undefined
  }
}

async function insist(
  { replicas, tally }: Stage,
  ask: (replica: Replica) => Promise<LabAnswer>,
): Promise<LabAnswer> {
  for (let tries = 0; tries < 400; tries += 1) {
    for (const replica of shuffle(replicas)) {
      const answer = await answerOf(ask(replica))
      if (answer && answer.status < 300) return answer
      if (answer && answer.status !== 503) tally.strange.push(`${answer.status} ${answer.body}`)
    }
    await sleep(25)
  }
  throw new Error('no replica answered for ten seconds')
}

/** The same things in another order. */
export function shuffle<Thing>(things: readonly Thing[]): Thing[] {
  const order = things.map((thing) => ({ thing, place: Math.random() }))
  return order.toSorted((one, other) => one.place - other.place).map(({ thing }) => thing)
}
