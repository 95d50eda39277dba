// Where identities and storage accounts are in Azure, as the policy file says it: what loads, what is a
// mistake, and what is only told.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { fullExample } from './example.fixture.ts'
import { isSameIdentity } from './place.ts'
import { parsePolicy } from './schema.ts'

const subscription = '99999999-AAAA-4000-8000-000000000001'
const clientId = 'client_id: aaaaaaaa-bbbb-4ccc-8ddd-ffffffffffff'

function withIdentity(keys: string): string {
  return fullExample.replace(clientId, () => keys)
}

const managed = `kind: managed_identity, subscription: ${subscription}, resource_group: rg-1, location: westeurope, display_name: builds_1`

test('policy › an identity without client_id loads with a notice and is like no other', () => {
  const policy = parsePolicy(withIdentity('display_name: "Cache of CI"'))
  assert.equal(policy.notices?.length, 1)
  assert.match(policy.notices[0] ?? '', /"cache" has no client_id.*`trust apply`/)
  const entry = policy.entries.get('cache')
  assert.ok(entry)
  assert.deepEqual(entry.identity, {
    name: 'cache',
    tenantId: '11111111-2222-4333-8444-555555555555',
    displayName: 'Cache of CI',
  })
  const other = { ...entry, identity: { ...entry.identity, name: 'other' } }
  assert.equal(isSameIdentity(entry, other), false)
  assert.equal(isSameIdentity(entry, { ...entry, name: 'twin' }), true)
  assert.deepEqual(parsePolicy(fullExample).notices, [])
})

test('policy › a managed identity says where it is', () => {
  const identity = parsePolicy(withIdentity(managed)).entries.get('cache')?.identity
  assert.deepEqual(identity, {
    name: 'cache',
    tenantId: '11111111-2222-4333-8444-555555555555',
    kind: 'managed_identity',
    displayName: 'builds_1',
    subscription: subscription.toLowerCase(),
    resourceGroup: 'rg-1',
    location: 'westeurope',
  })
  const there = managed.replace('location: westeurope', clientId)
  assert.ok(
    parsePolicy(withIdentity(there)).entries.has('cache'),
    'one that is there needs no region',
  )
})

test('policy › accounts say where they are, in the public cloud unless told otherwise', () => {
  const accounts = `accounts:
  acmeart: { subscription: ${subscription}, resource_group: rg.1 }
  acmecn: { subscription: ${subscription}, resource_group: rg, cloud: china }
`
  const policy = parsePolicy(fullExample.replace('identities:', () => `${accounts}identities:`))
  assert.deepEqual(
    [...(policy.accounts ?? [])],
    [
      [
        'acmeart',
        { subscription: subscription.toLowerCase(), resourceGroup: 'rg.1', cloud: 'public' },
      ],
      ['acmecn', { subscription: subscription.toLowerCase(), resourceGroup: 'rg', cloud: 'china' }],
    ],
  )
  assert.equal(parsePolicy(fullExample).accounts?.size, 0)
})

const mistakes: [name: string, keys: string, says: RegExp][] = [
  [
    'a managed identity nobody can find',
    'kind: managed_identity',
    /cache: kind: managed_identity needs subscription.*needs resource_group.*needs location/s,
  ],
  [
    'a place of an application',
    `${clientId}, location: westeurope`,
    /cache\.location: only kind: managed_identity/,
  ],
  [
    'a name no managed identity can have',
    managed.replace('builds_1', '"a b"'),
    /display_name: "a b": a managed identity is named/,
  ],
  ['another kind', `${clientId}, kind: user`, /kind: "user" is none of/],
  ['a misspelled key', `${clientId}, resource_grup: x`, /did you mean "resource_group"/],
  ['a group with a dot at its end', managed.replace('rg-1', 'rg.'), /must be a resource group/],
]

for (const [name, keys, says] of mistakes) {
  test(`policy › ${name} is a mistake`, () => {
    assert.throws(() => parsePolicy(withIdentity(keys)), { code: 'config_invalid', message: says })
  })
}

test('policy › an account with an unknown cloud is a mistake', () => {
  const accounts = `accounts:\n  acmeart: { subscription: ${subscription}, resource_group: rg, cloud: usgv }\n`
  assert.throws(
    () => parsePolicy(fullExample.replace('identities:', () => `${accounts}identities:`)),
    {
      message: /did you mean "usgov"/,
    },
  )
})
