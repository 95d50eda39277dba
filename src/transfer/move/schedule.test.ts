import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { Fault } from '../../core/fault.ts'
import { createHalt } from './halt.ts'
import { runAll } from './schedule.ts'
import { createSlots } from './slots.ts'

function deps(connections = 2, bytes = 10) {
  const sleep = async () => undefined
  const now = () => new Date(0)
  const halt = createHalt({ sleep }, new AbortController().signal)
  return { halt, slots: createSlots({ now, sleep }, { connections, bytes }) }
}

const small = { memoryBytes: 1, wireBytes: 1 }

describe('running many transfers', () => {
  it('counts what was done, big and small together, the biggest of the big first', async () => {
    const order: number[] = []
    const result = await runAll(deps(), [1, 200, 2, 300], {
      nameOf: String,
      needOf: (size) => (size < 10 ? small : { parts: size }),
      transfer: async (size) => {
        if (size > 10) order.push(size)
        await Promise.resolve()
      },
    })
    assert.deepEqual(result, { done: 4, failures: [], notDone: 0 })
    assert.deepEqual(order, [300, 200])
  })

  it('opens many files of few parts side by side, and few files of many parts', async () => {
    for (const [parts, most] of [
      [2, 48],
      [1000, 3],
    ] as const) {
      let [now, peak] = [0, 0]
      await runAll(
        deps(),
        Array.from({ length: 60 }, (_, index) => index),
        {
          nameOf: String,
          needOf: () => ({ parts }),
          transfer: async () => {
            peak = Math.max(peak, ++now)
            await new Promise((resolve) => setImmediate(resolve))
            now -= 1
          },
        },
      )
      assert.equal(peak, most)
    }
  })

  it('stops at the first failure and names what failed', async () => {
    const result = await runAll(deps(1), [1, 2, 3, 4], {
      nameOf: (item) => `item ${item}`,
      needOf: () => small,
      transfer: async (item) => {
        if (item === 2) throw new Fault('transfer_blob_absent', 'gone')
      },
    })
    assert.deepEqual(
      result.failures.map(({ name }) => name),
      ['item 2'],
    )
    assert.deepEqual([result.done, result.notDone], [1, 2])
  })

  it('begins no big file after a failure', async () => {
    const begun: number[] = []
    const result = await runAll(deps(), [1, 2, 3, 4, 5], {
      nameOf: String,
      needOf: () => ({ parts: 1000 }),
      transfer: async (item) => {
        begun.push(item)
        throw new Fault('transfer_blob_absent', 'gone')
      },
    })
    assert.deepEqual(begun, [1, 2, 3])
    assert.equal(result.notDone, 2)
  })

  it('throws a defect as it is', async () => {
    const broken = runAll(deps(), [1], {
      nameOf: String,
      needOf: () => ({ parts: 1 }),
      transfer: () => Promise.reject(new TypeError('oops')),
    })
    await assert.rejects(broken, TypeError)
  })
})
