// Plans: carried out in a tenant that keeps Azure's rules they lead to what is wanted, touch nothing that
// is not ours, and a second one is empty.
import assert from 'node:assert/strict'
import { test } from 'node:test'

import * as fc from 'fast-check'

import { parseActual } from './actual.ts'
import { isRemoval } from './change.ts'
import { writePlan } from './plan-text.ts'
import { planTrust } from './plan.ts'
import { artifacts, desiredOf, readers, tenantId } from './policy.fixture.ts'
import { addApplication, carryOut, exampleTenant, tenant } from './tenant.fixture.ts'

const noId: [string, string] = [`, client_id: ${artifacts}`, '']
const pushRefs = 'refs: [refs/heads/main, refs/heads/next]'

const kindsOf = (plan: ReturnType<typeof planTrust>) =>
  plan.changes.map(({ action, kind }) => `${action} ${kind}`)

test('plan › of an empty tenant makes application, principal, credentials and roles, in this order', () => {
  const desired = desiredOf(noId, [', blob.delete', ''])
  const actual = addApplication(exampleTenant(tenantId), readers)
  const plan = planTrust(desired, actual)
  assert.deepEqual(plan.notes, [])
  assert.deepEqual(kindsOf(plan), [
    'add application',
    'add service_principal',
    'add role_definition',
    'add credential',
    'add credential',
    'add credential',
    'add role_assignment',
    'add role_assignment',
  ])
  const after = carryOut(actual, plan.changes)
  assert.deepEqual(planTrust(desired, after), { changes: [], notes: [] })
  assert.deepEqual(planTrust(desired, parseActual(JSON.stringify(after))).changes, [])
})

test('plan › makes a managed identity, whose credentials are ours by their names', () => {
  const desired = desiredOf([
    `, client_id: ${readers} }`,
    ', kind: managed_identity, subscription: 99999999-0000-4000-8000-000000000001, resource_group: rg, location: westeurope }',
  ])
  const actual = addApplication(exampleTenant(tenantId), artifacts)
  const plan = planTrust(desired, actual)
  assert.ok(kindsOf(plan).includes('add managed_identity'))
  const after = carryOut(actual, plan.changes)
  assert.deepEqual(planTrust(desired, after), { changes: [], notes: [] })
  const renamed = {
    ...desired,
    identities: desired.identities.map((each) => ({ ...each, credentials: [] })),
  }
  const removal = planTrust(renamed, after).changes
  assert.equal(removal.filter(({ kind }) => kind === 'credential').length, 3)
})

const states = fc.record({
  refs: fc.uniqueArray(fc.integer({ min: 0, max: 30 }), { minLength: 1, maxLength: 20 }),
  verbs: fc.constantFrom(
    'blob.read',
    'blob.read, blob.list',
    'blob.write',
    'blob.write, blob.delete',
  ),
  prefix: fc.constantFrom('', 'prefix: a/, ', 'prefix: b/, '),
  isOnTrial: fc.boolean(),
})

const variants = states.map(({ refs, verbs, prefix, isOnTrial }) =>
  desiredOf(
    [pushRefs, `refs: [${refs.map((each) => `refs/heads/b${each}`).join(', ')}]`],
    [
      'prefix: hello/, verbs: [blob.read, blob.list, blob.write, blob.delete]',
      `${prefix}verbs: [${verbs}]`,
    ],
    ...(isOnTrial ? [['- name: look', '- name: look\n    mode: audit'] as [string, string]] : []),
  ),
)

test('plan › leads from any policy to any other, within Azure’s rules, and then to no change', () => {
  const foreign = {
    clientId: readers,
    id: 'x',
    name: 'by-hand',
    issuer: 'https://elsewhere.example',
    subject: 'repo:x',
    audiences: ['api://AzureADTokenExchange'],
  }
  const other = {
    guid: '1',
    scope: '/subscriptions/s',
    principalId: `sp-${artifacts}`,
    roleGuid: 'r',
    description: 'by hand',
  }
  fc.assert(
    fc.property(variants, variants, (before, after) => {
      const start = { ...tenant(), credentials: [foreign], roleAssignments: [other] }
      const middle = carryOut(start, planTrust(before, start).changes)
      const plan = planTrust(after, middle)
      const end = carryOut(middle, plan.changes)
      assert.deepEqual(planTrust(after, end).changes, [])
      assert.ok(end.credentials.includes(foreign))
      assert.ok(end.roleAssignments.includes(other))
      const wanted = after.identities.flatMap(({ credentials }) => credentials)
      assert.equal(end.credentials.length, wanted.length + 1)
      const asked = after.identities.flatMap(({ assignments }) => assignments)
      assert.equal(end.roleAssignments.length, asked.length + 1)
      assert.equal(end.roleDefinitions.length, after.roleDefinitions.length)
    }),
    { numRuns: 60 },
  )
})

test('plan › adds before it removes, save where 20 credentials leave no room', () => {
  const refs = (from: number, to: number): [string, string] => [
    pushRefs,
    `refs: [${Array.from({ length: to - from }, (_, index) => `refs/heads/b${from + index}`).join(', ')}]`,
  ]
  const few = carryOut(tenant(), planTrust(desiredOf(refs(0, 3)), tenant()).changes)
  const plan = planTrust(desiredOf(refs(2, 5)), few)
  assert.deepEqual(
    plan.changes.map((change) => isRemoval(change)),
    [false, false, true, true],
  )
  const full = carryOut(tenant(), planTrust(desiredOf(refs(0, 20)), tenant()).changes)
  const tight = planTrust(desiredOf(refs(1, 21)), full)
  assert.deepEqual(kindsOf(tight), ['remove credential', 'add credential'])
  carryOut(full, tight.changes)
})

test('plan › repairs what is ours and was changed by hand', () => {
  const desired = desiredOf()
  const applied = carryOut(tenant(), planTrust(desired, tenant()).changes)
  const [credential, ...others] = applied.credentials
  const [assignment, ...rest] = applied.roleAssignments
  assert.ok(credential && assignment)
  const drifted = {
    ...applied,
    credentials: [{ ...credential, audiences: ['api://wrong'] }, ...others],
    roleAssignments: [{ ...assignment, condition: 'true' }, ...rest],
  }
  const plan = planTrust(desired, drifted)
  assert.deepEqual(kindsOf(plan), ['update credential', 'update role_assignment'])
  assert.deepEqual(plan.changes[0]?.differences, [
    'audience: api://wrong -> api://AzureADTokenExchange',
  ])
  assert.deepEqual(planTrust(desired, carryOut(drifted, plan.changes)).changes, [])
  const reformatted = {
    ...assignment,
    condition: assignment.condition?.replaceAll('\n', ' ') ?? '',
  }
  assert.deepEqual(
    planTrust(desired, { ...applied, roleAssignments: [reformatted, ...rest] }).changes,
    [],
  )
})

test('plan › is told in lines with +, ~ and -', () => {
  const desired = desiredOf(noId)
  const text = writePlan(planTrust(desired, addApplication(exampleTenant(tenantId), readers)))
  assert.match(
    text,
    /^\+ application {10}artifacts: "azure-storage-drone-artifacts"\n\+ service principal/,
  )
  assert.match(
    text,
    /\+ federated credential readers: policy:look\n {6}of https:\/\/ci\.example\/oidc\/main for api:/,
  )
  assert.match(
    text,
    /\+ role assignment {6}artifacts: Storage Blob Data Contributor on acmeart\/builds\n {6}if \(\(!/,
  )
  assert.match(text, /\n7 to add, 0 to update, 0 to remove\.\n$/)
  assert.equal(writePlan({ changes: [], notes: [] }), 'No change.\n')
})
