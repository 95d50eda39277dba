import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { Fault } from '../core/fault.ts'
import { Secret } from '../core/secret.ts'
import { createTokenSource } from './token-source.ts'

function fake(lifetimeSeconds = 3600) {
  const clock = { seconds: 0 }
  const state: { count: number; failure?: Fault } = { count: 0 }
  const source = createTokenSource({
    now: () => new Date(clock.seconds * 1000),
    acquire: async () => {
      state.count += 1
      await Promise.resolve()
      if (state.failure) throw state.failure
      return {
        token: new Secret(`t${state.count}`),
        expiresAt: new Date((clock.seconds + lifetimeSeconds) * 1000),
        correlationId: '',
      }
    },
  })
  const get = async () => (await source.get()).reveal()
  return { clock, state, source, get }
}

describe('the token source', () => {
  it('asks once for many callers at the same time', async () => {
    const { get, state } = fake()
    assert.deepEqual(await Promise.all([get(), get(), get()]), ['t1', 't1', 't1'])
    assert.equal(state.count, 1)
  })

  it('renews five minutes before the end of an hour', async () => {
    const { get, clock } = fake(3600)
    await get()
    clock.seconds = 3299
    assert.equal(await get(), 't1')
    clock.seconds = 3301
    assert.equal(await get(), 't2')
  })

  it('renews a ten-minute token when a fifth of it is left', async () => {
    const { get, clock } = fake(600)
    await get()
    clock.seconds = 479
    assert.equal(await get(), 't1')
    clock.seconds = 481
    assert.equal(await get(), 't2')
  })

  it('renews once for all that saw the same token refused', async () => {
    const { source, state } = fake()
    const stale = await source.get()
    const fresh = await Promise.all([source.refresh(stale), source.refresh(stale)])
    assert.deepEqual(
      fresh.map((each) => each.reveal()),
      ['t2', 't2'],
    )
    assert.equal((await source.refresh(stale)).reveal(), 't2')
    assert.equal(state.count, 2)
  })

  it('goes on with a good token while the way to a new one is disturbed', async () => {
    const { get, clock, state } = fake(3600)
    await get()
    clock.seconds = 3400
    state.failure = new Fault('issuer_unreachable', 'down')
    assert.equal(await get(), 't1')
    clock.seconds = 3601
    await assert.rejects(get(), { code: 'issuer_unreachable' })
  })

  it('does not go on when the build is over', async () => {
    const { get, clock, state } = fake(3600)
    await get()
    clock.seconds = 3400
    state.failure = new Fault('issuer_build_finished', 'over')
    await assert.rejects(get(), { code: 'issuer_build_finished' })
  })
})
