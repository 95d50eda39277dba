import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import { Secret } from '../core/secret.ts'
import { HttpError, type HttpAnswer, type HttpRequest } from '../http/http.ts'
import { exchange, type ExchangeDeps } from './entra.ts'

const claims = { iss: 'https://i/drone', sub: 'repo:octo/app@42:tag', aud: 'api://X' }
const assertion = new Secret(
  `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`,
)
const request = {
  authorityHost: 'https://login.example',
  tenantId: 'tenant',
  clientId: 'client',
  assertion,
  scope: 'https://storage.azure.com/.default',
  clientRequestId: 'guid',
}

function answerOf(status: number, body: unknown, headers: Record<string, string> = {}): HttpAnswer {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return { status, headers, body: Buffer.from(text) }
}

function refusalOf(number: number, status = 401) {
  return answerOf(status, {
    error: 'invalid_client',
    error_description: `AADSTS${number}: Words of Entra.\r\nTrace ID: t\r\nCorrelation ID: c`,
    error_codes: [number],
    trace_id: 'trace-1',
    correlation_id: 'corr-1',
  })
}

function fake(...answers: (HttpAnswer | Error)[]) {
  const sent: HttpRequest[] = []
  const sleeps: number[] = []
  const deps: ExchangeDeps = {
    now: () => new Date(1_000_000),
    random: () => 0.5,
    sleep: async (ms) => void sleeps.push(ms),
    send: async (sending) => {
      const answer = answers[Math.min(sent.length, answers.length - 1)]
      sent.push(sending)
      if (answer instanceof Error) throw answer
      assert.ok(answer)
      return answer
    },
  }
  return { deps, sent, sleeps }
}

const token = answerOf(200, { token_type: 'Bearer', expires_in: 3599, access_token: 'at' })

describe('the exchange at Entra', () => {
  it('sends the client-credentials form with our assertion and reads the token', async () => {
    const { deps, sent } = fake(token)
    const access = await exchange(deps, request)
    assert.equal(access.token.reveal(), 'at')
    assert.equal(access.expiresAt.getTime(), 1_000_000 + 3_599_000)
    assert.equal(access.correlationId, 'guid')
    assert.equal(sent[0]?.path, '/tenant/oauth2/v2.0/token?client-request-id=guid')
    const { body } = sent[0]
    assert.ok(Buffer.isBuffer(body))
    const form = new URLSearchParams(body.toString())
    assert.equal(form.get('grant_type'), 'client_credentials')
    assert.equal(form.get('client_assertion'), assertion.reveal())
    assert.equal(form.get('scope'), request.scope)
  })

  it('tries again after a lost connection and after a busy answer', async () => {
    const { deps, sleeps } = fake(
      new HttpError('reset', 'ECONNRESET', true),
      answerOf(429, '', { 'retry-after': '4' }),
      token,
    )
    await exchange(deps, request)
    assert.deepEqual(sleeps, [300, 4000])
  })

  it('gives up after three tries', async () => {
    const { deps, sent } = fake(refusalOf(90033, 503))
    await assert.rejects(exchange(deps, request), { code: 'azure_entra_throttled', exitCode: 5 })
    assert.equal(sent.length, 3)
  })

  const table: [number: number, code: string, trouble: string][] = [
    [70021, 'azure_entra_credential_absent', 'propagating'],
    [700211, 'azure_entra_issuer_unknown', 'propagating'],
    [700212, 'azure_entra_audience_unknown', 'refused'],
    [700213, 'azure_entra_subject_unknown', 'propagating'],
    [7002138, 'azure_entra_subject_case', 'refused'],
    [7000272, 'azure_entra_key_unknown', 'propagating'],
    [700027, 'azure_entra_signature_invalid', 'refused'],
    [700024, 'azure_entra_assertion_expired', 'expired'],
    [50027, 'azure_entra_assertion_malformed', 'refused'],
    [501661, 'azure_entra_issuer_unreadable', 'blocked'],
    [700016, 'azure_entra_app_unknown', 'refused'],
    [90002, 'azure_entra_tenant_unknown', 'refused'],
    [7000215, 'azure_entra_not_federated', 'refused'],
    [53003, 'azure_entra_policy_blocked', 'blocked'],
    [999999, 'azure_entra_refused', 'refused'],
  ]
  for (const [number, code, trouble] of table) {
    it(`reads AADSTS${number} as ${code}, without a second try`, async () => {
      const { deps, sent } = fake(refusalOf(number))
      await assert.rejects(exchange(deps, request), (error: Error & { details?: object }) => {
        assert.equal('code' in error && error.code, code)
        assert.deepEqual(error.details, {
          traceId: 'trace-1',
          correlationId: 'corr-1',
          trouble,
          aadsts: number,
        })
        for (const part of [
          claims.iss,
          claims.sub,
          claims.aud,
          `AADSTS${number}`,
          'trace-1',
          'corr-1',
        ]) {
          assert.ok(error.message.includes(part), `${part} in ${error.message}`)
        }
        assert.ok(!error.message.includes(assertion.reveal()))
        return true
      })
      assert.equal(sent.length, 1)
    })
  }

  it('does not take a proxy page for Entra', async () => {
    for (const answer of [answerOf(403, '<html>'), answerOf(200, '<html>'), answerOf(302, '')]) {
      const { deps } = fake(answer)
      await assert.rejects(exchange(deps, request), { code: 'azure_entra_unreachable' })
    }
  })

  it('does not try again when the certificate is not trusted, and names ca_file', async () => {
    const { deps, sent } = fake(new HttpError('self-signed', 'SELF_SIGNED_CERT_IN_CHAIN', false))
    await assert.rejects(exchange(deps, request), {
      code: 'azure_entra_unreachable',
      hint: /ca_file/,
    })
    assert.equal(sent.length, 1)
  })

  it('lets no control characters of an answer into its sentence', async () => {
    const { deps } = fake(
      answerOf(400, {
        error: 'x',
        error_description: 'AADSTS1234567: a\u001b[31mb\u0007',
        error_codes: [1234567],
      }),
    )
    await assert.rejects(exchange(deps, request), (error: Error) => !/\p{Cc}/u.test(error.message))
  })
})
