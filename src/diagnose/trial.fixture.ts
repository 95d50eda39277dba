// For the tests of trials: an Entra and a storage account that answer as the real ones do
// (facts/federation.md §2), one answer for each call.
import { clouds } from '../azure/clouds.ts'
import { Secret } from '../core/secret.ts'
import { type HttpAnswer, HttpError, type HttpRequest } from '../http/http.ts'
import type { Grant } from '../policy/grant.ts'
import { toTrialPlaces } from './trial-places.ts'
import { type TrialDeps, tryIdentity } from './trial.ts'

/** Stands in the access token; it may turn up nowhere. */
export const canary = 'canary-access-token-0123456789abcdef'
const tenantId = '11111111-2222-4333-8444-555555555555'

/** A grant that may do everything below a prefix. */
export const blobGrant: Grant = {
  id: 'out',
  account: 'acmeart',
  service: 'blob',
  container: 'artifacts',
  prefix: 'octo/hello/',
  verbs: ['blob.read', 'blob.list', 'blob.create', 'blob.write', 'blob.delete'],
  enforcedBy: 'abac',
}
/** A grant that may read a share. */
export const fileGrant: Grant = {
  id: 'docs',
  account: 'acmeart',
  service: 'file',
  container: 'docs',
  prefix: '',
  verbs: ['file.read', 'file.list'],
  enforcedBy: 'rbac',
}

/** An answer, or that none comes. */
export type Reply = HttpError | { status: number; headers?: Record<string, string>; body?: string }

/** A token of Entra. */
export const accepts: Reply = {
  status: 200,
  body: JSON.stringify({ access_token: canary, expires_in: 3599, token_type: 'Bearer' }),
}
/** A refusal of storage. */
export const coded = (status: number, code: string): Reply => ({
  status,
  headers: { 'x-ms-error-code': code },
})
/** What storage says of a name that is not there. */
export const absent = coded(404, 'BlobNotFound')
/** Nobody listens. */
export const nobody = new HttpError('connect ECONNREFUSED', 'ECONNREFUSED', false)
/** A refusal of Entra. */
export const aadsts = (number: number, status = 401): Reply => ({
  status,
  body: JSON.stringify({
    error: 'invalid_client',
    error_description: `AADSTS${number}: As Entra words it.`,
    error_codes: [number],
    trace_id: 't',
    correlation_id: 'c',
  }),
})

/** An Entra with one answer, and storage with one for each of its calls in turn, the last one for all others. */
export function play(entra: Reply, storage: Reply[] = [absent]) {
  const sent: HttpRequest[] = []
  const atStorage: HttpRequest[] = []
  const answer = (reply: Reply): Promise<HttpAnswer> =>
    reply instanceof HttpError
      ? Promise.reject(reply)
      : Promise.resolve({
          status: reply.status,
          headers: reply.headers ?? {},
          body: Buffer.from(reply.body ?? ''),
        })
  const deps: TrialDeps = {
    send: (request) => {
      sent.push(request)
      if (request.origin.host.startsWith('login.')) return answer(entra)
      atStorage.push(request)
      return answer(storage[Math.min(atStorage.length, storage.length) - 1] ?? absent)
    },
    now: () => new Date('2026-11-23T12:00:00Z'),
    sleep: () => Promise.resolve(),
    random: () => 0.5,
    newId: () => 'id',
    userAgent: 'test',
  }
  const run = (grants: Grant[] = [blobGrant], doesWrite = false) =>
    tryIdentity(deps, {
      authorityHost: clouds.public.authorityHost,
      tenantId,
      clientId: 'aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee',
      assertion: new Secret('e30.e30.e30'),
      places: toTrialPlaces(grants, { cloudOf: () => clouds.public, endpoints: new Map() }),
      doesWrite,
    })
  return { run, sent, atStorage }
}
