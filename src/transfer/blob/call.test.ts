import assert from 'node:assert/strict'
import { afterEach, beforeEach, describe, it } from 'node:test'

import { type HttpAnswer, HttpError } from '../../http/http.ts'
import { Halted } from '../move/halt.ts'
import { spoilFirst } from './blob-store.fixture.ts'
import { apiVersion, callStorage, countIds } from './call.ts'
import { openRemoteBench, writing } from './remote.fixture.ts'

let bench: Awaited<ReturnType<typeof openRemoteBench>>

const address = { origin: new URL('https://acct.example'), pathPrefix: '', container: 'ccc' }
const call = {
  doing: 'look',
  request: () => ({ method: 'GET', path: '/ccc/a', headers: {} }) as const,
}
const fine: HttpAnswer = { status: 200, headers: {}, body: Buffer.alloc(0) }

describe('a storage call', () => {
  beforeEach(async () => {
    bench = await openRemoteBench()
  })
  afterEach(() => bench.close())

  it('names itself, its version and its program, anew for every try', async () => {
    const seen: Record<string, string>[] = []
    const statuses = [503, 200]
    const send = async ({ headers }: { headers: Record<string, string> }) => {
      seen.push(headers)
      return { ...fine, status: statuses.shift() ?? 200 }
    }
    await callStorage({ ...bench.deps, send, newId: countIds('id') }, address, call)
    const common = {
      authorization: 'Bearer t0',
      'x-ms-version': apiVersion,
      'user-agent': 'test/1',
    }
    assert.deepEqual(seen, [
      { ...common, 'x-ms-client-request-id': 'id-1' },
      { ...common, 'x-ms-client-request-id': 'id-2' },
    ])
  })

  it('asks for another token once when storage refuses the one it has', async () => {
    const { store, remote } = bench
    store.spoil = (_, { authorization }) =>
      authorization === 'Bearer t0' ? { status: 401, code: 'InvalidAuthenticationInfo' } : undefined
    await remote.putWhole('a', Buffer.from('x'), writing())
    assert.equal(store.log.length, 2)
    store.spoil = () => ({ status: 401, code: 'InvalidAuthenticationInfo' })
    await assert.rejects(remote.stat('a'), { code: 'azure_storage_token_refused' })
    assert.equal(store.log.length, 4)
  })

  it('never tries again what cannot get better', async () => {
    spoilFirst(bench.store, 'HEAD', { status: 403, code: 'AuthorizationPermissionMismatch' }, 9)
    await assert.rejects(bench.remote.stat('a'), { code: 'azure_storage_role_missing' })
    assert.equal(bench.store.log.length, 1)
    let sent = 0
    const send = () => {
      sent += 1
      return Promise.reject(new HttpError('no', 'CERT_HAS_EXPIRED', false))
    }
    await assert.rejects(callStorage({ ...bench.deps, send }, address, call), {
      code: 'azure_storage_unreachable',
    })
    assert.equal(sent, 1)
  })

  it('says when an earlier try may have been carried out', async () => {
    const outcomes: (() => Promise<HttpAnswer>)[] = [
      () => Promise.reject(new HttpError('no', 'ECONNREFUSED', false)),
      async () => fine,
      () => Promise.reject(new HttpError('cut', 'ECONNRESET', true)),
      async () => fine,
      async () => ({ ...fine, wasRepeated: true }),
      async () => fine,
    ]
    const send = () => outcomes.shift()?.() ?? Promise.resolve(fine)
    const repeats: boolean[] = []
    while (outcomes.length > 0) {
      repeats.push((await callStorage({ ...bench.deps, send }, address, call)).mayRepeat)
    }
    assert.deepEqual(repeats, [false, true, true, false])
  })

  it('ends with the transfer', async () => {
    const send = () => {
      bench.deps.halt.abort()
      return Promise.reject(new HttpError('cut', 'ABORT_ERR', true))
    }
    await assert.rejects(callStorage({ ...bench.deps, send }, address, call), Halted)
    assert.deepEqual(bench.sleeps, [])
  })

  it('calls a share a share', async () => {
    const refusal = { ...fine, status: 404, headers: { 'x-ms-error-code': 'ShareNotFound' } }
    const deps = { ...bench.deps, send: async () => refusal }
    await assert.rejects(callStorage(deps, { ...address, place: 'share' }, call), /the share “ccc”/)
  })
})
