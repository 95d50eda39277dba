import assert from 'node:assert/strict'
import { describe, test } from 'node:test'

import { Secret } from '../core/secret.ts'
import { type HttpAnswer, HttpError, type HttpRequest } from '../http/http.ts'
import { createProbe, listOne, probeAccount, type StoragePlace } from './probe-storage.ts'

const origin = new URL('https://acmeart.blob.core.windows.net')
const blob: StoragePlace = {
  service: 'blob',
  address: { origin, pathPrefix: '', container: 'artifacts' },
  prefix: 'octo/a b/',
}
const files: StoragePlace = { ...blob, service: 'files' }
const token = new Secret('t')
const home = '8c3f0a5e-1111-4222-8333-444455556666'
const challenge = `Bearer authorization_uri=https://login.microsoftonline.com/${home}/oauth2/authorize resource_id=https://storage.azure.com`

function play(answers: [status: number, headers?: Record<string, string>][]) {
  const sent: HttpRequest[] = []
  const send = async (request: HttpRequest): Promise<HttpAnswer> => {
    const [status, headers = {}] = answers[Math.min(sent.length, answers.length - 1)] ?? [500]
    sent.push(request)
    return { status, headers, body: Buffer.alloc(0) }
  }
  return { deps: { send, newId: () => 'id', userAgent: 'test' }, sent }
}

describe('the account without a token', () => {
  test('names its tenant', async () => {
    const { deps, sent } = play([[401, { 'www-authenticate': challenge }]])
    assert.deepEqual(await probeAccount(deps, blob), { tenantId: home })
    assert.equal(sent[0]?.headers['authorization'], undefined)
  })

  test('that only speaks of anonymous reading is asked with a token that is none', async () => {
    const { deps, sent } = play([[409], [401, { 'www-authenticate': challenge }]])
    assert.deepEqual(await probeAccount(deps, blob), { tenantId: home })
    assert.equal(sent.length, 2)
  })

  test('may not say', async () => {
    assert.deepEqual(await probeAccount(play([[403]]).deps, blob), {})
  })

  test('that gives no answer is unreachable', async () => {
    const send = () => Promise.reject(new HttpError('no such host', 'ENOTFOUND', false))
    const { fault } = await probeAccount({ ...play([]).deps, send }, blob)
    assert.equal(fault?.code, 'azure_storage_unreachable')
  })
})

describe('a probe below the target', () => {
  test('lists one name of a container', async () => {
    const { deps, sent } = play([[200]])
    assert.equal(await listOne(deps, blob, token), 'octo/a b/')
    assert.match(sent[0]?.path ?? '', /^\/artifacts\?.*maxresults=1&prefix=octo%2Fa%20b%2F$/)
  })

  test('climbs to the first folder of a share that is there', async () => {
    const absent: [number, Record<string, string>] = [
      404,
      { 'x-ms-error-code': 'ResourceNotFound' },
    ]
    const { deps, sent } = play([absent, [200]])
    assert.equal(await listOne(deps, files, token), 'octo/')
    assert.equal(sent[0]?.headers['x-ms-file-request-intent'], 'backup')
    assert.match(sent[1]?.path ?? '', /^\/artifacts\/octo\?restype=directory/)
  })

  test('of a share that is not there is a fault, and not another climb', async () => {
    const { deps } = play([[404, { 'x-ms-error-code': 'ShareNotFound' }]])
    await assert.rejects(listOne(deps, files, token), { code: 'azure_storage_container_absent' })
  })

  test('never replaces a blob, and is removed under its own name', async () => {
    const { deps, sent } = play([[201], [202]])
    await (
      await createProbe(deps, blob, 'octo/', token)
    )()
    assert.equal(sent[0]?.headers['if-none-match'], '*')
    assert.deepEqual(
      sent.map(({ method, path }) => [method, path]),
      [
        ['PUT', '/artifacts/octo/.azure-storage-drone-doctor-id'],
        ['DELETE', '/artifacts/octo/.azure-storage-drone-doctor-id'],
      ],
    )
  })
})
