// What a plan tells and leaves: things that are not ours, and things that stand in the way.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import { parsePolicy } from '../policy/schema.ts'
import type { ActualState } from './actual.ts'
import { isRemoval } from './change.ts'
import { toDesired } from './desired.ts'
import { planTrust } from './plan.ts'
import { artifacts, desiredOf, issuerUrl, trustExample } from './policy.fixture.ts'
import { carryOut, tenant } from './tenant.fixture.ts'

const stops: [
  name: string,
  code: string,
  isBlocking: boolean,
  change: (state: ActualState) => ActualState,
][] = [
  [
    'an account that is not there',
    'plan_account_missing',
    true,
    (state) => ({ ...state, accounts: [] }),
  ],
  [
    'a client id that is not there',
    'plan_identity_missing',
    true,
    (state) => ({ ...state, applications: [] }),
  ],
  ['another tenant', 'plan_tenant_other', false, (state) => ({ ...state, tenantId: 'other' })],
  [
    'a disabled principal',
    'plan_principal_disabled',
    true,
    (state) => ({
      ...state,
      servicePrincipals: state.servicePrincipals.map((each) => ({ ...each, isEnabled: false })),
    }),
  ],
  [
    'a flexible credential',
    'plan_credential_foreign',
    false,
    (state) => ({
      ...state,
      credentials: [
        {
          clientId: artifacts,
          id: '1',
          name: 'flexible',
          issuer: 'https://i',
          subject: null,
          audiences: ['a'],
        },
      ],
    }),
  ],
  [
    'a twin made by hand with another audience',
    'plan_credential_conflict',
    true,
    (state) => ({
      ...state,
      credentials: [
        {
          clientId: artifacts,
          id: '1',
          name: 'hand',
          issuer: `${issuerUrl}/main`,
          subject: 'repo:octo/hello@42:ref:refs/heads/main',
          audiences: ['a'],
          description: 'by hand',
        },
      ],
    }),
  ],
  [
    'many credentials by hand',
    'plan_credentials_many',
    true,
    (state) => ({
      ...state,
      credentials: Array.from({ length: 19 }, (_, index) => ({
        clientId: artifacts,
        id: `${index}`,
        name: `h${index}`,
        issuer: 'https://i',
        subject: `${index}`,
        audiences: ['a'],
        description: '',
      })),
    }),
  ],
  [
    'a role by hand elsewhere',
    'plan_assignment_foreign',
    false,
    (state) => ({
      ...state,
      roleAssignments: [
        { guid: '1', scope: '/subscriptions/s', principalId: `sp-${artifacts}`, roleGuid: 'r' },
      ],
    }),
  ],
  [
    'the same role by hand without the condition',
    'plan_assignment_conflict',
    true,
    (state) => ({
      ...state,
      roleAssignments: [
        {
          guid: '1',
          scope: desiredOf().identities[0]?.assignments[0]?.scope ?? '',
          principalId: `sp-${artifacts}`,
          roleGuid: 'BA92F5B4-2D11-453D-A403-E96B0029C9FE',
        },
      ],
    }),
  ],
  [
    'an application nobody uses',
    'plan_application_unused',
    false,
    (state) => ({
      ...state,
      applications: [
        ...state.applications,
        {
          objectId: 'o',
          appId: 'gone',
          displayName: 'gone',
          uniqueName: `azure-storage-drone-${desiredOf().installation}-gone`,
        },
      ],
    }),
  ],
]

for (const [name, code, isBlocking, change] of stops) {
  test(`plan › notes ${name}`, () => {
    const { notes } = planTrust(desiredOf(), change(tenant()))
    assert.deepEqual(
      notes.filter((each) => each.code === code).map((each) => each.isBlocking)[0],
      isBlocking,
    )
    const calm = carryOut(tenant(), planTrust(desiredOf(), tenant()).changes)
    assert.deepEqual(planTrust(desiredOf(), calm).notes, [])
  })
}

test('plan › keeps a custom role that somebody else assigned', () => {
  const custom = desiredOf([', blob.delete', ''])
  const applied = carryOut(tenant(), planTrust(custom, tenant()).changes)
  const [role] = applied.roleDefinitions
  assert.ok(role)
  const used = { guid: '1', scope: '/s', principalId: 'somebody', roleGuid: role.guid }
  const actual = { ...applied, roleAssignments: [...applied.roleAssignments, used] }
  const plan = planTrust(desiredOf(), actual)
  assert.deepEqual(
    plan.notes.map(({ code }) => code),
    ['plan_role_used'],
  )
  assert.ok(carryOut(actual, plan.changes).roleDefinitions.includes(role))
})

test('plan › leaves what another installation made alone', () => {
  const { desired: others } = toDesired({
    policy: parsePolicy(trustExample),
    issuerUrl: 'https://other.example',
  })
  const applied = carryOut(tenant(), planTrust(others, tenant()).changes)
  const plan = planTrust(desiredOf(), applied)
  assert.deepEqual(
    plan.changes.filter((change) => isRemoval(change)),
    [],
  )
  assert.equal(plan.notes.filter(({ code }) => code === 'plan_credential_foreign').length, 3)
})
