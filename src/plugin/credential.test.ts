import assert from 'node:assert/strict'
import { describe, it } from 'node:test'

import * as fc from 'fast-check'

import { chooseCredential, type CredentialQuestion } from './credential.ts'

const none: CredentialQuestion = { env: {}, isPerson: false, show: (name) => `\`${name}\`` }
const ids = { tenantId: 'tenant', clientId: 'client' }
const file = { AZURE_FEDERATED_TOKEN_FILE: '/t', AZURE_TENANT_ID: 't', AZURE_CLIENT_ID: 'c' }
const ask = (env: CredentialQuestion['env'], more: Partial<CredentialQuestion> = {}) =>
  chooseCredential({ ...none, env, ...more })

describe('the chain of credentials', () => {
  const orders: [name: string, env: CredentialQuestion['env'], more: object, source: string][] = [
    ['a setting', { PLUGIN_TOKEN: 'a', ...file, PLUGIN_OIDC_TOKEN_ID: 'j' }, {}, 'request token'],
    [
      'a variable',
      { AZURE_STORAGE_DRONE_TOKEN: 'a', ...file },
      { isPerson: true },
      'request token',
    ],
    ['Harness', { PLUGIN_OIDC_TOKEN_ID: 'j', ...file }, ids, 'Harness ID token'],
    ['a file', file, { isPerson: true }, 'token file'],
    ['a managed identity', {}, { identity: 'managed' }, 'managed identity'],
    ['a person', {}, { isPerson: true }, 'Azure CLI'],
  ]
  for (const [name, env, more, source] of orders) {
    it(`takes ${name} first when it is there`, () => {
      const { credential, problem, sources } = ask(env, more)
      assert.equal(credential?.source, source, problem)
      assert.deepEqual(
        sources.filter(({ state }) => state === 'used').map((seen) => seen.source),
        [source],
      )
    })
  }

  it('has nobody to be when nothing is configured, and never asks IMDS or `az` by itself', () => {
    const { credential, isEmpty, sources } = ask({
      IDENTITY_ENDPOINT: 'http://x',
      IMDS_ENDPOINT: 'http://x',
    })
    assert.equal(credential, undefined)
    assert.ok(isEmpty)
    assert.ok(sources.every(({ state }) => state === 'absent'))
  })

  for (const name of ['PLUGIN_TOKEN', 'AZURE_STORAGE_DRONE_TOKEN']) {
    it(`lets no other identity step in for an empty ${name}`, () => {
      const { credential, isEmpty, sources } = ask({ [name]: '', ...file }, { isPerson: true })
      assert.equal(credential, undefined)
      assert.ok(isEmpty)
      const seen = sources.map(({ source, state }) => [source, state])
      assert.deepEqual(seen.slice(0, 3), [
        ['request token', 'used'],
        ['Harness ID token', 'absent'],
        ['token file', 'passed over'],
      ])
    })
  }

  const problems: [name: string, env: CredentialQuestion['env'], more: object, says: RegExp][] = [
    [
      'Harness without ids',
      { PLUGIN_OIDC_TOKEN_ID: 'j', ...file },
      {},
      /`tenant_id` and `client_id`/,
    ],
    [
      'an empty token of Harness',
      { PLUGIN_OIDC_TOKEN_ID: '', ...file },
      ids,
      /`oidc_token_id` is empty/,
    ],
    ['a file without ids', { AZURE_FEDERATED_TOKEN_FILE: '/t' }, {}, /AZURE_TENANT_ID/],
    ['a file and a name to expect', file, { identity: 'managed' }, /leave out one/],
    [
      'a tenant of a managed identity',
      {},
      { identity: 'managed', tenantId: 't' },
      /`tenant_id` means nothing/,
    ],
    [
      'a client of an Arc machine',
      { IDENTITY_ENDPOINT: 'http://127.0.0.1:1/x', IMDS_ENDPOINT: 'http://127.0.0.1:1' },
      { identity: 'managed', clientId: 'c' },
      /`client_id` means nothing/,
    ],
  ]
  for (const [name, env, more, says] of problems) {
    it(`refuses ${name}, and does not go on to the next source`, () => {
      const { credential, problem, isEmpty } = ask(env, more)
      assert.equal(credential, undefined)
      assert.equal(isEmpty, false)
      assert.match(problem ?? '', says)
    })
  }

  it('asks the Arc agent where its two variables are, and IMDS otherwise', () => {
    const arc = ask(
      { IDENTITY_ENDPOINT: 'http://localhost:40342/x', IMDS_ENDPOINT: 'http://localhost:40342' },
      { identity: 'managed' },
    ).credential
    assert.ok(arc?.source === 'managed identity')
    assert.deepEqual(arc.endpoint, { by: 'Azure Arc', url: 'http://localhost:40342/x' })
    const vm = ask({ IDENTITY_ENDPOINT: 'http://app-service' }, { identity: 'managed' }).credential
    assert.ok(vm?.source === 'managed identity')
    assert.match(
      vm.endpoint.url,
      /^http:\/\/169\.254\.169\.254\/metadata\/identity\/oauth2\/token$/,
    )
  })

  it('uses one source or none, names all, and shows no token, whatever is set', () => {
    const value = fc.option(fc.constantFrom('', 'geheim'), { nil: undefined })
    const env = fc.record({
      PLUGIN_TOKEN: value,
      AZURE_STORAGE_DRONE_TOKEN: value,
      PLUGIN_OIDC_TOKEN_ID: value,
      AZURE_FEDERATED_TOKEN_FILE: fc.option(fc.constant('/t'), { nil: undefined }),
      AZURE_TENANT_ID: fc.option(fc.constant('t'), { nil: undefined }),
    })
    const identity = fc.option(fc.constantFrom('managed', 'x'), { nil: undefined })
    fc.assert(
      fc.property(env, identity, fc.boolean(), (variables, name, isPerson) => {
        const { credential, problem, isEmpty, sources } = chooseCredential({
          ...none,
          env: variables,
          isPerson,
          ...(name !== undefined && { identity: name }),
        })
        assert.equal(sources.length, 5)
        const used = sources.filter(({ state }) => state === 'used')
        assert.ok(used.length <= 1)
        assert.equal(
          [credential !== undefined, problem !== undefined, isEmpty].filter(Boolean).length,
          1,
        )
        if (credential) assert.equal(credential.source, used[0]?.source)
        assert.ok(!JSON.stringify({ credential, problem, sources }).includes('geheim'))
      }),
    )
  })
})
