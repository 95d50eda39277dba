// The way of the build as hops with facts, read from the records each party kept, and the joins
// between them: jti, token hash. A hop whose records do not fit together is not ok.
import { request } from 'node:https'

import { decodeJwt, type JWTPayload } from 'jose'

import { verifyChain } from '../audit/chain.ts'
import type { LedgerRecord } from '../audit/event.ts'
import { sha256Hex } from '../core/digest.ts'
import type { LabEntra } from '../lab/entra.ts'
import type { StorageCall } from '../lab/storage-front.ts'
import { genesisHash, type LedgerRow } from '../store/store.ts'
import type { Running } from './installation.ts'

/** One arrow of the build's way: what happened, said in facts, and whether it fits the hop before. */
export type Hop = { hop: string; ok: boolean; facts: Record<string, unknown> }

/** What the demo has seen by itself. */
export type Observed = {
  answers: readonly { answerStatus: number; token: string }[]
  ledger: readonly LedgerRow[]
}

/** All hops of a finished demo, in the order of the way. */
export async function traceHops(lab: Running, observed: Observed): Promise<Hop[]> {
  const records = observed.ledger.map((row) => JSON.parse(row.record) as LedgerRecord)
  const presented = lab.entra.presentedAssertions.map((assertion) => decodeJwt(assertion))
  // What `trust apply` had tried before the build is on record too, and no hop of it.
  const claims = presented.filter((each) => each['trial'] === undefined)
  return [
    extensionCall(observed),
    requestToken(observed, records),
    idToken(claims, records, await fetchKeyIds(lab)),
    entraExchange(lab, claims),
    storageCalls(lab, claims),
    ledgerRecords(records),
  ]
}

function extensionCall({ answers }: Observed): Hop {
  return {
    hop: 'extension call',
    ok: answers.every(({ answerStatus }) => answerStatus === 200),
    facts: {
      door: 'secret',
      calls: answers.length,
      signature: 'hmac-sha256 over raw bytes',
    },
  }
}

function requestToken({ answers }: Observed, records: readonly LedgerRecord[]): Hop {
  return {
    hop: 'request token',
    ok: answers.every(({ token }) => isRecorded(records, token)),
    facts: {
      form: 'asd1.<where>.<secret>',
      where: readWhere(answers[0]?.token ?? ''),
      sha256: answers.map(({ token }) => sha256Hex(token)),
    },
  }
}

function idToken(
  claims: readonly JWTPayload[],
  records: readonly LedgerRecord[],
  keys: readonly string[],
): Hop {
  const issued = new Set(records.map(({ token }) => token?.jti))
  return {
    hop: 'ID token',
    ok: claims.length > 0 && claims.every(({ jti }) => jti !== undefined && issued.has(jti)),
    facts: { claims: claims[0] ?? {}, published_keys: keys },
  }
}

function entraExchange({ entra }: Running, claims: readonly JWTPayload[]): Hop {
  const known = new Set(claims.map(({ jti }) => jti))
  const exchanges = entra.exchanges.filter(({ jti }) => known.has(jti))
  return {
    hop: 'Entra exchange',
    ok: exchanges.length > 0 && exchanges.every(({ resultCode }) => resultCode === 0),
    facts: {
      exchanges: exchanges.length,
      federated_credential: exchanges[0]?.federatedCredentialName ?? '',
      client_id: exchanges[0]?.clientId ?? '',
      correlation_ids: exchanges.map(({ correlationId }) => correlationId),
    },
  }
}

function storageCalls({ entra, storage }: Running, claims: readonly JWTPayload[]): Hop {
  const known = new Set(claims.map(({ jti }) => jti))
  const given = hashesOf(entra.exchanges)
  const ours = hashesOf(entra.exchanges.filter(({ jti }) => known.has(jti)))
  const calls = storage.calls.filter(({ authenticationHash }) => ours.has(authenticationHash))
  return {
    hop: 'storage calls',
    ok: calls.length > 0 && storage.calls.every((call) => given.has(call.authenticationHash)),
    facts: {
      calls: calls.length,
      by_operation: countBy(calls),
      bytes_in: calls.reduce((sum, call) => sum + call.requestBytes, 0),
      bytes_out: calls.reduce((sum, call) => sum + call.responseBytes, 0),
      user_agent: calls[0]?.userAgent ?? '',
      authentication_hashes: [...new Set(calls.map((call) => call.authenticationHash))],
    },
  }
}

function hashesOf(exchanges: LabEntra['exchanges']): Set<string> {
  const hashes = exchanges.map(({ accessTokenSha256 }) => accessTokenSha256)
  return new Set(hashes.filter((hash) => hash !== ''))
}

function ledgerRecords(records: readonly LedgerRecord[]): Hop {
  return {
    hop: 'ledger records',
    ok: verifyChain(genesisHash, records) === records.at(-1)?.hash,
    facts: {
      records: records.map(({ seq, type, decision }) => `${seq} ${type} ${decision}`),
      head: records.at(-1)?.hash ?? '',
    },
  }
}

function isRecorded(records: readonly LedgerRecord[], token: string): boolean {
  return records.some(({ type, token: about }) => {
    return type === 'token.requested' && about?.sha256 === sha256Hex(token)
  })
}

function readWhere(token: string): unknown {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString() || '{}')
}

function countBy(calls: readonly StorageCall[]): Record<string, number> {
  const groups = Object.groupBy(calls, (call) => call.operation)
  return Object.fromEntries(
    Object.entries(groups).map(([operation, members]) => [operation, members?.length ?? 0]),
  )
}

// Read as Entra reads it: from the public door, over TLS.
async function fetchKeyIds(lab: Running): Promise<string[]> {
  const text = await new Promise<string>((resolve, reject) => {
    const url = `${lab.issuer}/.well-known/jwks.json`
    const call = request(url, { ca: lab.authority.caPem, agent: false }, (response) => {
      let body = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => (body += chunk))
      response.on('end', () => resolve(body))
    })
    call.on('error', reject)
    call.end()
  })
  const { keys } = JSON.parse(text) as { keys: { kid: string }[] }
  return keys.map(({ kid }) => kid)
}
