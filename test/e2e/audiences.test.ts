// The token endpoint as another tool meets it: GitHub's protocol over TLS with the private CA.
import assert from 'node:assert/strict'
import { request } from 'node:https'
import { test } from 'node:test'

import { fetchToken } from '../../src/demo/step.ts'
import { useInstallation } from './lab.ts'

const e2e = useInstallation()

test('one allowed audience gives an ID token in the protocol of GitHub’s runners', async () => {
  const answer = await ask('audience=api%3A%2F%2FAzureADTokenExchange')
  const body = JSON.parse(answer.body) as { value: string; count: number }
  assert.equal(answer.status, 200)
  assert.equal(body.count, body.value.length)
  assert.equal(body.value.split('.').length, 3)
  assert.equal(answer.cacheControl, 'no-store')
})

const refusals = [
  { name: 'no audience', query: '', status: 400, code: 'issuer_audience_missing' },
  { name: 'an empty audience', query: 'audience=', status: 400, code: 'issuer_audience_missing' },
  {
    name: 'two audiences',
    query: 'audience=api%3A%2F%2FAzureADTokenExchange&audience=sts.amazonaws.com',
    status: 400,
    code: 'issuer_audience_repeated',
  },
  {
    name: 'an audience the entry does not allow',
    query: 'audience=sts.amazonaws.com',
    status: 403,
    code: 'policy_audience_denied',
  },
  {
    name: 'another version of the protocol',
    query: 'v=2&audience=api%3A%2F%2FAzureADTokenExchange',
    status: 400,
    code: 'issuer_version_unknown',
  },
]

for (const { name, query, status, code } of refusals) {
  test(`${name} is refused with ${code}`, async () => {
    const answer = await ask(query)
    assert.equal(answer.status, status)
    const problem = JSON.parse(answer.body) as Record<string, unknown>
    assert.equal(problem['code'], code)
    assert.ok(problem['detail'])
    assert.ok(problem['hint'])
  })
}

async function ask(query: string): Promise<{ status: number; body: string; cacheControl: string }> {
  const lab = e2e.lab()
  const { token } = await fetchToken(lab, await e2e.newBuild())
  return new Promise((resolve, reject) => {
    const call = request(
      `${lab.serviceUrl}/v1/id-token?${query}`,
      { ca: lab.authority.caPem, agent: false, headers: { authorization: `Bearer ${token}` } },
      (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => (body += chunk))
        response.on('end', () => {
          const { statusCode: status = 0, headers } = response
          resolve({ status, body, cacheControl: headers['cache-control'] ?? '' })
        })
      },
    )
    call.on('error', reject)
    call.end()
  })
}
