import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import { Fault } from '../core/fault.ts'
import { createHalt } from './halt.ts'
import { chooseBlockBytes } from './plan.ts'
import { createSlots, runAll } from './schedule.ts'

const mib = 1024 * 1024

function deps(limits = { connections: 2, bytes: 10 }) {
  const halt = createHalt({ sleep: async () => undefined }, new AbortController().signal)
  return { halt, slots: createSlots(limits) }
}

describe('slots', () => {
  it('never exceed connections and bytes, and serve everybody in order', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(20), { maxLength: 40 }), async (sizes) => {
        const slots = createSlots({ connections: 3, bytes: 10 })
        const order: number[] = []
        let [open, bytes] = [0, 0]
        await Promise.all(
          sizes.map(async (size, index) => {
            const cost = Math.min(size, 10)
            const release = await slots.take(size)
            order.push(index)
            open += 1
            bytes += cost
            assert.ok(open <= 3 && bytes <= 10)
            await Promise.resolve()
            open -= 1
            bytes -= cost
            release()
            release()
          }),
        )
        assert.deepEqual(order, [...sizes.keys()])
      }),
    )
  })
})

describe('running many transfers', () => {
  it('sums up what was moved, big and small together', async () => {
    const outcome = await runAll(deps(), [1, 2, 30, 4], {
      nameOf: String,
      costOf: (size) => (size < 10 ? size : undefined),
      transfer: async (size) => {
        await Promise.resolve()
        return size
      },
    })
    assert.deepEqual(outcome, { files: 4, bytes: 37, failures: [], notDone: 0 })
  })

  it('stops at the first failure and names what failed', async () => {
    const outcome = await runAll(deps({ connections: 1, bytes: 10 }), [1, 2, 3, 4], {
      nameOf: (item) => `item ${item}`,
      costOf: () => 1,
      transfer: async (item) => {
        if (item === 2) throw new Fault('transfer_blob_absent', 'gone')
        return item
      },
    })
    assert.deepEqual(
      outcome.failures.map(({ name }) => name),
      ['item 2'],
    )
    assert.deepEqual([outcome.files, outcome.notDone], [1, 2])
  })

  it('throws a defect as it is', async () => {
    const broken = runAll(deps(), [1], {
      nameOf: String,
      costOf: () => undefined,
      transfer: () => Promise.reject(new TypeError('oops')),
    })
    await assert.rejects(broken, TypeError)
  })
})

describe('the length of blocks', () => {
  it('stays above 4 MiB and below 50,000 blocks for every file', () => {
    fc.assert(
      fc.property(fc.nat({ max: 2 ** 47 }), (sizeBytes) => {
        const step = chooseBlockBytes(sizeBytes)
        assert.ok(step >= 8 * mib && step % (8 * mib) === 0)
        assert.ok(Math.ceil(sizeBytes / step) <= 50_000)
      }),
    )
  })
})
