import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'

import * as fc from 'fast-check'

import { Fault } from '../core/fault.ts'
import { createQueue, Throttled, type QueueClock, type QueueLimits } from './queue.ts'

type World = QueueClock & { elapse: (ms: number) => Promise<void> }

/** A clock that moves only when told, through every timer on its way. */
function createWorld(): World {
  let atMs = 0
  let timers: { dueMs: number; work: () => void }[] = []
  return {
    nowMs: () => atMs,
    wake(afterMs, work) {
      const timer = { dueMs: atMs + afterMs, work }
      timers.push(timer)
      return () => void (timers = timers.filter((each) => each !== timer))
    },
    async elapse(ms) {
      const untilMs = atMs + ms
      for (;;) {
        await turn()
        const [next] = timers.toSorted((one, other) => one.dueMs - other.dueMs)
        if (!next || next.dueMs > untilMs) break
        timers = timers.filter((each) => each !== next)
        atMs = next.dueMs
        next.work()
      }
      atMs = untilMs
      await turn()
    },
  }
}

const limits: QueueLimits = { concurrency: 2, longestQueue: 3, longestWaitMs: 5000 }

const lasting = (world: World, ms: number) => (value: string) => () =>
  new Promise<string>((resolve) => void world.wake(ms, () => resolve(value)))

/** What became of a job: its value, or the code of its fault and when to come again. */
function outcomeOf(job: Promise<string>): Promise<string> {
  return job.catch((error: unknown) => {
    if (!(error instanceof Fault)) throw error
    return `${error.code} ${error.details['retryAfterSeconds']}`
  })
}

describe('queue', () => {
  test('lets so many through, so many wait, and refuses the next at once', async () => {
    const world = createWorld()
    const queue = createQueue(world, limits)
    const work = lasting(world, 100)
    const outcomes = ['a', 'b', 'c', 'd', 'e', 'f'].map((name) => outcomeOf(queue.run(work(name))))
    assert.equal(await outcomes[5], 'keys_busy 1')
    await world.elapse(300)
    assert.deepEqual(await Promise.all(outcomes), ['a', 'b', 'c', 'd', 'e', 'keys_busy 1'])
  })

  test('rests as long as it is told to, and then begins with the job that was told', async () => {
    const world = createWorld()
    const queue = createQueue(world, { ...limits, concurrency: 1 })
    const begun: string[] = []
    const job = (name: string, failures: number) => {
      const left = { failures }
      return async () => {
        begun.push(`${name} ${world.nowMs()}`)
        if ((left.failures -= 1) >= 0) throw new Throttled(2000)
        return name
      }
    }
    const outcomes = [queue.run(job('a', 1)), queue.run(job('b', 0))].map((each) => outcomeOf(each))
    await world.elapse(1999)
    assert.deepEqual(begun, ['a 0'])
    await world.elapse(10)
    assert.deepEqual(begun, ['a 0', 'a 2000', 'b 2000'])
    assert.deepEqual(await Promise.all(outcomes), ['a', 'b'])
  })

  test('told nothing of how long, it doubles its rests up to sixteen seconds', async () => {
    const world = createWorld()
    const queue = createQueue(world, { ...limits, longestWaitMs: 100_000 })
    const begun: number[] = []
    const outcome = outcomeOf(
      queue.run(async () => {
        begun.push(world.nowMs() / 1000)
        if (begun.length < 8) throw new Throttled(undefined)
        return 'done'
      }),
    )
    await world.elapse(100_000)
    assert.deepEqual(begun, [0, 1, 3, 7, 15, 31, 47, 63])
    assert.equal(await outcome, 'done')
  })

  test('refuses at once who cannot have a turn before the rest is over, and says how long it is', async () => {
    const world = createWorld()
    const queue = createQueue(world, limits)
    const first = outcomeOf(queue.run(() => Promise.reject(new Throttled(9000))))
    await world.elapse(1)
    assert.equal(await first, 'keys_busy 9')
    await world.elapse(999)
    assert.equal(await outcomeOf(queue.run(async () => 'late')), 'keys_busy 8')
    await world.elapse(8000)
    assert.equal(await outcomeOf(queue.run(async () => 'again')), 'again')
  })

  test('gives what a job throws to its caller alone', async () => {
    const world = createWorld()
    const queue = createQueue(world, limits)
    await assert.rejects(
      queue.run(() => Promise.reject(new RangeError('mine'))),
      RangeError,
    )
    assert.equal(await queue.run(async () => 'well'), 'well')
  })

  test('keeps every promise whatever jobs come, last and are throttled', async () => {
    const job = fc.record({
      atMs: fc.nat(10_000),
      lastsMs: fc.nat(3000),
      throttlings: fc.array(fc.option(fc.integer({ min: 1, max: 4000 }), { nil: undefined }), {
        maxLength: 2,
      }),
    })
    const bounds = fc.record({
      concurrency: fc.integer({ min: 1, max: 3 }),
      longestQueue: fc.nat(3),
      longestWaitMs: fc.integer({ min: 1, max: 6000 }),
    })
    const property = fc.asyncProperty(
      bounds,
      fc.array(job, { maxLength: 12 }),
      async (how, jobs) => {
        const world = createWorld()
        const queue = createQueue(world, how)
        const seen = { running: 0, restUntilMs: 0, begun: new Set<number>() }
        const order = jobs.toSorted((one, other) => one.atMs - other.atMs)
        const outcomes: Promise<string>[] = []
        for (const [index, { atMs, lastsMs, throttlings }] of order.entries()) {
          await world.elapse(atMs - world.nowMs())
          const answers = [...throttlings]
          const offer = async () => {
            const nowMs = world.nowMs()
            assert.ok(nowMs >= seen.restUntilMs, 'nothing begins during a rest')
            assert.ok(nowMs <= atMs + how.longestWaitMs, 'nothing begins too late')
            const isFirst = !seen.begun.has(index)
            const earlier = [...seen.begun].every((each) => each < index)
            assert.ok(!isFirst || earlier, 'jobs begin in their order')
            seen.begun.add(index)
            seen.running += 1
            assert.ok(seen.running <= how.concurrency, 'no more at a time than allowed')
            await new Promise<void>((resolve) => void world.wake(lastsMs, resolve))
            seen.running -= 1
            if (answers.length === 0) return String(index)
            const afterMs = answers.shift()
            seen.restUntilMs = Math.max(seen.restUntilMs, world.nowMs() + (afterMs ?? 1000))
            throw new Throttled(afterMs)
          }
          outcomes.push(outcomeOf(queue.run(offer)))
        }
        await world.elapse(200_000)
        const ends = await Promise.all(outcomes)
        for (const [index, end] of ends.entries()) {
          assert.match(end, new RegExp(`^(${index}|keys_busy [1-9]\\d*)$`))
        }
      },
    )
    await fc.assert(property, { numRuns: 150 })
  })
})
