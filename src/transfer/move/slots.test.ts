import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import { createSlots, type Release, type SlotLimits } from './slots.ts'

const mib = 1024 * 1024

// Time passes only by `pass`; whoever sleeps is woken by it.
function open(limits: SlotLimits) {
  let nowMs = 0
  let sleepers: { atMs: number; wake: () => void }[] = []
  const sleep = (ms: number) =>
    new Promise<void>((wake) => sleepers.push({ atMs: nowMs + ms, wake }))
  const slots = createSlots({ now: () => new Date(nowMs), sleep }, limits)
  const held: Release[] = []
  const settle = () => new Promise<void>((resolve) => setImmediate(resolve))
  return {
    slots,
    held,
    take: (memoryBytes: number, wireBytes?: number) => {
      void slots.take(memoryBytes, wireBytes).then((release) => held.push(release))
    },
    pass: async (ms: number) => {
      nowMs += ms
      const due = sleepers.filter(({ atMs }) => atMs <= nowMs)
      sleepers = sleepers.filter(({ atMs }) => atMs > nowMs)
      for (const { wake } of due) wake()
      await settle()
    },
    settle,
  }
}

// Serves `rounds` times whoever holds a slot, each after `tookMs(busy)`; gives how many were busy.
async function serve(rounds: number, limits: SlotLimits, tookMs: (busy: number) => number) {
  const { take, held, pass, settle } = open(limits)
  const busy: number[] = []
  for (let i = 0; i < 4096; i++) take(16, 16 * 1024)
  await settle()
  for (let round = 0; round < rounds; round++) {
    busy.push(held.length)
    await pass(tookMs(held.length))
    for (const release of held.splice(0)) release()
    await settle()
  }
  return busy
}

describe('slots', () => {
  it('never exceed connections and bytes, and serve everybody in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(20), { maxLength: 40 }), async (sizes) => {
        const { slots } = open({ connections: 3, bytes: 10 })
        const order: number[] = []
        let [busy, bytes] = [0, 0]
        await Promise.all(
          sizes.map(async (size, index) => {
            const cost = Math.min(size, 10)
            const release = await slots.take(size)
            order.push(index)
            busy += 1
            bytes += cost
            assert.ok(busy <= 3 && bytes <= 10)
            await Promise.resolve()
            busy -= 1
            bytes -= cost
            release()
            release()
          }),
        )
        assert.deepEqual(order, [...sizes.keys()])
      }),
    )
  })

  it('let small requests pass while all connections for parts are busy, and the other way round', async () => {
    const { take, held, settle } = open({ connections: 64, partConnections: 2, bytes: 1000 })
    for (let i = 0; i < 4; i++) take(1, 8 * mib)
    take(1)
    await settle()
    assert.equal(held.length, 3)
  })

  it('let nobody overtake one that waits for memory', async () => {
    const { take, held, settle } = open({ connections: 64, bytes: 100 })
    take(60)
    take(60)
    take(1)
    await settle()
    assert.equal(held.length, 1)
    held[0]?.()
    await settle()
    assert.equal(held.length, 3)
  })

  it('double their connections while answers come as fast as before', async () => {
    const busy = await serve(10, { connections: 128, bytes: 1e9 }, () => 20)
    // Each level is looked at once its connections are no longer new.
    assert.deepEqual(busy, [16, 16, 16, 32, 32, 32, 64, 64, 64, 128])
  })

  it('take a doubling back that only made everybody wait', async () => {
    // A service that works on 32 requests at a time.
    const limits = { connections: 128, bytes: 1e9 }
    const busy = await serve(14, limits, (count) => 20 * Math.max(1, count / 32))
    assert.equal(Math.max(...busy), 64)
    assert.deepEqual(busy.slice(-3), [32, 32, 32])
  })

  it('halve when the service asks to slow down, are quiet as long as it says, then grow one by one', async () => {
    const { slots, take, held, pass, settle } = open({ connections: 128, bytes: 1e9 })
    for (let i = 0; i < 500; i++) take(16)
    await settle()
    assert.equal(held.length, 16)
    slots.throttled(5_000)
    slots.throttled(5_000)
    for (const release of held.splice(0)) release()
    await pass(4_999)
    assert.equal(held.length, 0)
    await pass(1)
    assert.equal(held.length, 8)
    for (const expected of [9, 10, 11]) {
      await pass(20)
      for (const release of held.splice(0)) release()
      await settle()
      assert.equal(held.length, expected)
    }
  })

  it('let nobody wait out a quiet time after the transfer was stopped', async () => {
    const stopper = new AbortController()
    const slots = createSlots(
      {
        now: () => new Date(0),
        sleep: () => new Promise(() => undefined),
        stopping: stopper.signal,
      },
      { connections: 4, bytes: 10 },
    )
    slots.throttled(60_000)
    stopper.abort()
    const release = await slots.take(1)
    release()
  })
})
