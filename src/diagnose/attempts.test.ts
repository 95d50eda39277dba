import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { Fault, type FaultCode } from '../core/fault.ts'
import { tryOften } from './attempts.ts'

function play(codes: (FaultCode | 'ok')[]) {
  let nowMs = 0
  let asked = 0
  const deps = {
    now: () => new Date(nowMs),
    sleep: async (milliseconds: number) => {
      nowMs += milliseconds
    },
  }
  const attempt = async () => {
    const code = codes[Math.min(asked, codes.length - 1)] ?? 'ok'
    asked += 1
    if (code !== 'ok') throw new Fault(code, 'No.')
  }
  return { deps, attempt }
}

describe('tries', () => {
  test('are made in a row, whatever comes of them', async () => {
    const { deps, attempt } = play(['ok', 'azure_storage_unavailable', 'ok'])
    const attempts = await tryOften(deps, { tries: 3, waitMs: 0 }, attempt)
    assert.deepEqual(
      attempts.map(({ fault }) => fault?.code),
      [undefined, 'azure_storage_unavailable', undefined],
    )
  })

  test('go on while all is refused and there is time, and end with the first success', async () => {
    const refusals = Array.from({ length: 6 }, () => 'azure_storage_role_missing' as const)
    const { deps, attempt } = play([...refusals, 'ok'])
    const attempts = await tryOften(deps, { tries: 3, waitMs: 60_000 }, attempt)
    assert.equal(attempts.length, 7)
    assert.equal(attempts.at(-1)?.fault, undefined)
    assert.equal(attempts.at(-1)?.atMs, 12_000)
  })

  test('end when the time is over', async () => {
    const { deps, attempt } = play(['azure_storage_role_missing'])
    const attempts = await tryOften(deps, { tries: 1, waitMs: 10_000 }, attempt)
    assert.equal(attempts.at(-1)?.atMs, 10_000)
  })

  test('are not made for what no waiting helps against', async () => {
    const { deps, attempt } = play(['azure_entra_tenant_unknown'])
    assert.equal((await tryOften(deps, { tries: 2, waitMs: 60_000 }, attempt)).length, 2)
  })

  test('end at once when nobody is there', async () => {
    const { deps, attempt } = play(['azure_entra_unreachable'])
    assert.equal((await tryOften(deps, { tries: 3, waitMs: 9_000 }, attempt)).length, 1)
  })

  test('a defect is no attempt that failed', async () => {
    const { deps } = play([])
    const attempt = () => Promise.reject(new TypeError('x'))
    await assert.rejects(tryOften(deps, { tries: 1, waitMs: 0 }, attempt), TypeError)
  })
})
